"""The tracker of a scaled-out Chargeline: from `chargeline.track` to rows and alerts. Read `Tracker._settle` top-down.

Owns the order of things: messages are taken in one after the other; now and then what follows is made durable: which
decisions are about to be said, then the rows, then what is remembered, and only then the messages are done with. Must
not know what a record means, or how the library follows a topic.

Every message is done with in one way: its records are remembered and their rows are in `derived`; or what of it cannot
be read, or makes the program fail, is among the rejects; or it is left to Kafka, and whoever has its partition next
takes it again. Taken again it changes nothing, and its rows are given again.

A tracker that is stopped (SIGSTOP, a machine that sleeps) for longer than its session and then goes on has a successor
whose rows and state it must not overwrite. It sees that it was held still, and begins anew; what it had on its way is
older than what its producer still sends (`TrackPatience.give_up_s`).

Limit: what had left the process by then, and lay before a broker that was held still itself, is taken all the same.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from typing import NamedTuple, TypeVar

from pipeline.core.atomic_entries import RawEntry
from pipeline.core.partition import Partitions
from pipeline.core.stream_messages import reject_message, row_messages
from pipeline.core.stream_rejects import of_stream
from pipeline.log import place_of_fault
from pipeline.scale.confirmed_sender import ConfirmedSender
from pipeline.scale.held_still import HeldStill
from pipeline.scale.round_plan import RoundPlan, TrackPatience
from pipeline.scale.track_beginning import Begin
from pipeline.scale.track_partition import TrackMessage, TrackPartition
from pipeline.wires.faust_app import FollowedTopic, Taken
from pipeline.wires.faust_table import key_in
from pipeline.wires.kafka_fault import KafkaUnavailableError
from schemas.alert import Alert
from schemas.reject import Reject, RejectReason
from schemas.row import Row
from schemas.stream import Topic

_LOG = logging.getLogger(__name__)

_BEAT_S = 0.05
_Given = TypeVar("_Given")


class Settled(NamedTuple):
    """What a round of a partition made durable."""

    records: int
    rejects: Sequence[Reject]
    rows: Sequence[Row]
    told: Sequence[Alert]
    took_s: float


class TrackerParts(NamedTuple):
    """What a tracker works with.

    `begin_partition`  a partition that goes on from what is kept of it; raises KafkaUnavailableError where it cannot.
    `sender`           for rows, rejects, and what is remembered.
    `on_settled`       is told of each round; must return soon, and raise nothing.
    """

    begin_partition: Begin
    partitions: Partitions
    sender: ConfirmedSender
    on_settled: Callable[[Settled], None]


class Tracker:
    """One life: from the first message to the first trouble that does not end by itself. For one event loop.

    `rebalances`  how often partitions came or went.
    `over`        is set where this life must end, and another one begin; `fault` says why.
    """

    def __init__(self, parts: TrackerParts, patience: TrackPatience) -> None:
        """Knows no partition. What follows the topic is given with `follow`, before the first message."""
        self._begin_partition, self._addresses, self._sender, self._on_settled = parts
        self._patience = patience
        self._topic: FollowedTopic | None = None
        self._given: frozenset[int] = frozenset()
        self._partitions: dict[int, TrackPartition] = {}
        self._plan = RoundPlan(patience)
        self._lock = asyncio.Lock()
        self._held_still = HeldStill()
        self.rebalances = 0
        self.over = asyncio.Event()
        self.fault: KafkaUnavailableError | None = None

    def follow(self, topic: FollowedTopic) -> None:
        """This is what gives messages from now on, and is told what is done with."""
        self._topic = topic

    async def watch(self) -> None:
        """Until it is cancelled: know that this process runs."""
        while True:
            self._see_time_pass()
            await asyncio.sleep(_BEAT_S)

    async def beat(self) -> None:
        """Until it is cancelled: begin what no message begins, and make durable what no later message does."""
        while True:
            # One at a time: the loop is needed for more.
            for partition in sorted(self._given - self._partitions.keys())[:1]:
                await self._guard(self._begin_unasked, partition)
            for partition in [each for each, part in self._partitions.items() if self._is_due(each, part)]:
                await self._guard(self._settle_due, partition)
            await asyncio.sleep(_BEAT_S)

    async def take(self, taken: Taken) -> None:
        """See FaustParts. In a life that is over it never returns, so that nothing more is taken."""
        await self._guard(self._take, taken)
        if self.over.is_set():
            await asyncio.Event().wait()

    def keep(self, partition: int, key: bytes, content: bytes | None) -> None:
        """See Keep."""
        self._sender.keep(Topic.STATE.value, partition, key, content)

    async def give_up(self) -> None:
        """See FaustParts: finish the round under way, where that can be, and forget all that is not done with."""
        self.rebalances += 1
        self._given = frozenset()
        try:
            async with asyncio.timeout(self._patience.give_up_s), self._lock:
                self._partitions.clear()
        except TimeoutError:
            # A partition must not be somebody else's while something of it is on its way.
            self._end(KafkaUnavailableError("Kafka does not confirm what must be before partitions are given up"))

    def given(self, partitions: frozenset[int]) -> None:
        """See FaustParts: these are ours from now on. They begin as soon as what was kept of them is there."""
        self._given = partitions

    @property
    def in_flight(self) -> int:
        """Messages that were taken and are not done with."""
        return sum(len(part.messages) for part in self._partitions.values())

    @property
    def begun(self) -> Collection[TrackPartition]:
        """The partitions that have begun since they are ours."""
        return self._partitions.values()

    def close(self) -> None:
        """Send nothing more."""
        self.over.set()
        self._given = frozenset()
        self._partitions.clear()
        self._sender.close()

    async def _guard(self, work: Callable[[_Given], Awaitable[None]], given: _Given) -> None:
        """One thing at a time, and nothing in a life that is over."""
        async with self._lock:
            if self.over.is_set():
                return
            try:
                await work(given)
            except KafkaUnavailableError as fault:
                self._end(fault)
            except Exception as fault:
                # Whatever leaves an agent is passed over, and what comes after it would be committed.
                place = place_of_fault(fault)
                _LOG.error("%s: this fails whatever is done; please report it", place)
                self._end(
                    KafkaUnavailableError(f"this program fails at {place}; please report it", needs_operator=True)
                )

    async def _take(self, taken: Taken) -> None:
        part = self._partition(taken.partition)
        message = TrackMessage(f"{Topic.TRACK.value}/{taken.partition}/{taken.offset}", taken.offset, taken.value)
        try:
            part.take(message)
        except Exception as fault:
            await self._look_for_culprit(taken.partition, part.messages, fault)
            return
        if self._is_due(taken.partition, part):
            await self._settle_due(taken.partition)

    async def _settle_due(self, partition: int) -> None:
        part = self._partitions.get(partition)
        if part is None or not part.messages:
            return
        try:
            await self._settle(partition, part)
        except KafkaUnavailableError:
            raise
        except Exception as fault:
            await self._look_for_culprit(partition, part.messages, fault)

    async def _look_for_culprit(self, partition: int, messages: Sequence[TrackMessage], fault: Exception) -> None:
        """Where records make the program fail: those that do alone end among the rejects, the others count."""
        _LOG.error("%s: looking for the record that does this; please report it", place_of_fault(fault))
        self._partitions.pop(partition, None)
        for message in messages:
            part = self._partition(partition)
            try:
                part.take(message)
                await self._settle(partition, part)
            except KafkaUnavailableError:
                raise
            except Exception as again:
                if len(halves := message.in_halves()) > 1:
                    await self._look_for_culprit(partition, halves, again)
                    continue
                place = place_of_fault(again)
                _LOG.error("%s: a record of %s is rejected as internal; please report this", place, message.place)
                refused = Reject(RejectReason.INTERNAL, message.place, {}, message.value, None, place)
                await self._sender.send([reject_message(of_stream(refused), self._addresses)])
                self._partitions.pop(partition, None)
                self._done(partition, message.done_until)
                self._on_settled(Settled(1, (refused,), (), (), 0.0))

    async def _settle(self, partition: int, part: TrackPartition) -> None:
        """Make durable what follows from the messages that were taken: intents, rows and rejects, what is remembered.

        Raises KafkaUnavailableError where that can never be. Where the partition is given up meanwhile, the rest is
        for whoever has it next.
        """
        began = time.monotonic()
        is_whole = False
        while not is_whole:
            derived = part.advance()
            rejects, part.rejects = part.rejects, []
            messages = row_messages(derived.rows, self._addresses)
            messages += [reject_message(of_stream(each), self._addresses) for each in rejects]
            self._see_time_pass()
            await self._remember(partition, part.intended())
            if not self._is_ours(partition, part):
                return
            await self._sender.send(messages)
            if not self._is_ours(partition, part):
                return
            await self._remember(partition, part.changes())
            if not self._is_ours(partition, part):
                return
            told = part.kept()
            is_whole = derived.is_whole
            records = part.records if is_whole else 0
            self._on_settled(Settled(records, rejects, derived.rows, told, time.monotonic() - began))
        self._done(partition, part.messages[-1].done_until)
        part.all_done()
        now = time.monotonic()
        self._plan.made(partition, now - began, len(self._partitions), now)

    async def _remember(self, partition: int, entries: Iterator[RawEntry]) -> None:
        """Keep what is remembered, in its order; nothing takes no time."""
        if self._topic is None:
            return
        table, is_any = self._topic.table, False
        for key, content in entries:
            is_any = True
            full_key = key_in(partition, key)
            if content is not None:
                table[full_key] = content
            elif full_key in table.data:
                del table[full_key]
        if is_any:
            await self._sender.all_kept()

    def _partition(self, partition: int) -> TrackPartition:
        part = self._partitions.get(partition)
        if part is None:
            if self._topic is None:
                raise RuntimeError("a message came before anything was followed")
            part = self._begin_partition(partition, self._topic.kept(partition))
            self._partitions[partition] = part
        return part

    async def _begin_unasked(self, partition: int) -> None:
        """Its alerts are told of again also where no message comes."""
        if partition in self._given and self._topic is not None and self._topic.is_restored:
            self._partition(partition)

    def _is_due(self, partition: int, part: TrackPartition) -> bool:
        return bool(part.messages) and self._plan.is_due(partition, part.size, time.monotonic())

    def _is_ours(self, partition: int, part: TrackPartition) -> bool:
        self._see_time_pass()
        return not self.over.is_set() and self._partitions.get(partition) is part

    def _done(self, partition: int, offset: int) -> None:
        if self._topic is not None:
            self._topic.done(partition, offset)

    def _see_time_pass(self) -> None:
        if self._held_still.seconds() > self._patience.give_up_s:
            self._end(KafkaUnavailableError("this process was held still for a while: it begins anew"))

    def _end(self, fault: KafkaUnavailableError) -> None:
        if not self.over.is_set():
            self.fault = fault
            self._sender.end(fault)
            self.over.set()
