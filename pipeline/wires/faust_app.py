"""Faust as the role `track` uses it: one agent on a topic, one table, and offsets that are committed only when told.

Owns how the library is set, and where its own way would lose something. Must not know what a message means, or what is
kept in the table.

What was taken and is not said to be done with (`FollowedTopic.done`) is read again, by whoever has its partition then:
see `pipeline.wires.faust_consumer`.

Faust's producer does not tell when an entry of a table's changelog could not be kept. So the changelog is written by
the caller's own producer, which says when it is (`StateTable`); the library restores the table from it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, cast

import faust
from faust.tables.manager import TableManager
from faust.types import TP, ChannelT, StreamT
from faust.types.auth import CredentialsT
from mode.utils.queues import ThrowableQueue

from pipeline.wires.faust_consumer import DoneConsumer, DoneTransport
from pipeline.wires.faust_order import TopicOrder
from pipeline.wires.faust_restored import Restoration
from pipeline.wires.faust_silence import TopicSilence
from pipeline.wires.faust_table import Keep, StateTable
from pipeline.wires.kafka_fault import ReadAgainError

_LOG = logging.getLogger(__name__)

TRACK_GROUP = "chargeline.track"
"""The consumer group, and Faust's name for the app."""

_COMMIT_S = 1.0
_BUFFER = 64
"""Messages of a partition that wait for the agent: each may be a quarter of a megabyte."""
_FETCH_BYTES = 2 << 20
_RECORDS = 500
_REQUEST_S = 30.0
_LOOK_S = 2.0


class Taken(NamedTuple):
    """A message as it lies in a partition."""

    partition: int
    offset: int
    value: bytes


class FollowingEndedError(Exception):
    """The library gave up: Kafka was away for too long, or refused something."""


class FaustParts(NamedTuple):
    """What an app is made of.

    `urls`, `credentials`  where Kafka is, and how to log in.
    `topic`, `state`       what the agent follows, and the table's changelog: as many partitions each.
    `folder`               where the library may put files; it puts none.
    `session_s`            a process that is not heard of for so long loses its partitions.
    `take`                 called with one message after the other; must not raise.
    `given_up`, `given`    called in a rebalance: all that was taken and is not done with will be read again.
    """

    urls: Sequence[str]
    credentials: CredentialsT | None
    topic: str
    state: str
    folder: Path
    session_s: float
    take: Callable[[Taken], Awaitable[None]]
    keep: Keep
    given_up: Callable[[], Awaitable[None]]
    given: Callable[[frozenset[int]], None]


class FollowedTopic:
    """An app: one agent that follows one topic, in the loop that runs now."""

    def __init__(self, parts: FaustParts) -> None:
        """Connects with `start`."""
        self._parts = parts
        self._ours: frozenset[TP] = frozenset()
        self._order = TopicOrder()
        self._silence = TopicSilence(self._order)
        self._fault: ReadAgainError | None = None
        self._over = asyncio.Event()
        self._taken = 0
        self._waiting: ThrowableQueue[object] | None = None
        self._is_taking = False
        self._app = faust.App(
            TRACK_GROUP,
            broker=list(parts.urls),
            broker_credentials=parts.credentials,
            autodiscover=False,
            datadir=parts.folder,
            store="memory://",
            key_serializer="raw",
            value_serializer="raw",
            broker_commit_interval=_COMMIT_S,
            broker_session_timeout=parts.session_s,
            broker_heartbeat_interval=parts.session_s / 4,
            broker_request_timeout=max(_REQUEST_S, parts.session_s),
            broker_max_poll_records=_RECORDS,
            consumer_max_fetch_size=_FETCH_BYTES,
            stream_buffer_maxsize=_BUFFER,
            stream_wait_empty=False,
            stream_recovery_delay=0.0,
            table_standby_replicas=0,
            topic_allow_declare=False,
            topic_disable_leader=True,
            web_enabled=False,
            worker_redirect_stdouts=False,
        )
        self._app.transport = transport = DoneTransport(self._app.conf.broker_consumer, self._app)
        topic = self._app.topic(parts.topic, key_serializer="raw", value_serializer="raw")
        state = self._app.topic(
            parts.state, key_serializer="raw", value_serializer="raw", acks=False, internal=True, allow_empty=True
        )
        self._table = StateTable(self._app, name="state", key_type=bytes, value_type=bytes, changelog_topic=state)
        self._table.keep = parts.keep
        self._app.tables.add(self._table)
        self._table.see_restored = self._see_restored
        transport.restore = self._table.restore
        self._restoration = Restoration(cast(TableManager, self._app.tables).recovery)
        self._app.agent(topic, name="follow")(self._follow)
        # The library's classes hold who listens for ever, and would hold the table with it.
        self._app.on_partitions_revoked.connect(self._revoked, weak=True)
        self._app.on_partitions_assigned.connect(self._assigned, weak=True)

    async def run(self) -> None:
        """Follow the topic until `stop`.

        Raises FollowingEndedError where the library gives up, ReadAgainError where it gives nothing of what
        waits, or not all of the table; in each case this is to be stopped, and one begun anew.
        """
        starting = asyncio.ensure_future(self._app.start())
        # Waiting by its other way it would leave a task behind for good when it is cancelled.
        ended = asyncio.ensure_future(self._app.wait_first())
        looking = asyncio.ensure_future(self._look_for_ever())
        over = asyncio.ensure_future(self._over.wait())
        try:
            await asyncio.wait([starting, ended, over], return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
                await asyncio.wait([ended, over], return_when=asyncio.FIRST_COMPLETED)
            if self._fault is not None:
                raise self._fault
            if self._app.crashed:
                raise FollowingEndedError(str(self._app.crash_reason or "no reason was given"))
        except (FollowingEndedError, ReadAgainError):
            raise
        except Exception as fault:
            raise FollowingEndedError(f"{type(fault).__name__}: {fault}") from fault
        finally:
            for task in (starting, ended, looking, over):
                task.cancel()

    async def stop(self) -> None:
        """Give up all partitions. May take for ever where Kafka does not answer."""
        self._restoration.begin_anew()
        consumer = self._consumer
        await self._app.stop()
        if consumer is not None:
            consumer.close_loop()
        # Timers of the library hold it for a while: nothing large.
        self._table.forget_others(())

    @property
    def table(self) -> StateTable:
        """What was kept, of the partitions that are ours."""
        return self._table

    def kept(self, partition: int) -> Mapping[str, bytes]:
        """See StateTable."""
        return self._table.kept(partition)

    def done(self, partition: int, offset: int) -> None:
        """Everything before this offset is done with: it may be committed."""
        consumer = self._consumer
        if consumer is not None:
            consumer.done[TP(self._parts.topic, partition)] = offset

    @property
    def is_restored(self) -> bool:
        """Whether all that was kept of our partitions is there: before that, nothing is taken."""
        return self._restoration.is_over

    @property
    def missed(self) -> int:
        """Messages that Kafka's retention dropped before they were read."""
        return self._order.missed

    def lags(self) -> Mapping[int, int]:
        """How many messages of each of our partitions are not done with; of those of which that is known."""
        consumer = self._consumer
        if consumer is None:
            return {}
        lags = {tp.partition: consumer.lag(tp) for tp in self._ours}
        return {partition: lag for partition, lag in lags.items() if lag is not None}

    async def _follow(self, stream: StreamT[bytes]) -> None:
        self._waiting = cast(ChannelT[bytes], stream.channel).queue
        async for event in stream.events():
            message = event.message
            consumer = self._consumer
            if not self._may_take():
                continue
            if consumer is None or not await self._order.is_next(consumer, message.tp, message.offset):
                continue
            if not self._may_take():
                # Partitions change hands since.
                continue
            value = event.value if isinstance(event.value, bytes) else b""
            self._silence.came(message.tp)
            self._taken += 1
            self._is_taking = True
            await self._parts.take(Taken(message.partition, message.offset, value))
            self._is_taking = False

    @property
    def _consumer(self) -> DoneConsumer | None:
        """Faust's consumer once it has made one. Asked for it sooner it makes one that nobody ever closes."""
        consumer = vars(self._app).get("_consumer")
        return consumer if isinstance(consumer, DoneConsumer) else None

    def _may_take(self) -> bool:
        return self.is_restored and self._fault is None

    async def _see_restored(self, changelogs: Collection[TP]) -> None:
        consumer = self._consumer
        # What was asked of partitions that we had before is of no interest.
        is_of_now = {tp.partition for tp in changelogs} == {tp.partition for tp in self._ours}
        if is_of_now and consumer is not None:
            try:
                await self._restoration.see(consumer, changelogs)
            except ReadAgainError as fault:
                self._end(fault)

    def _told(self, consumer: DoneConsumer) -> str:
        """How the library has it, for whoever is told of a stall."""
        app = self._app
        taken = sorted(tp.partition for tp in consumer.taken_from if tp.topic == self._parts.topic)
        return (
            f"restored {self.is_restored}, in recovery {app.in_recovery}, rebalancing {app.rebalancing}, "
            f"flow {consumer.flow_active} and {app.flow_control.is_active()}, partitions {taken}"
        )

    def _end(self, fault: ReadAgainError) -> None:
        self._fault = self._fault or fault
        self._over.set()

    async def _look_for_ever(self) -> None:
        taken, idle_s = 0, 0.0
        while True:
            await asyncio.sleep(_LOOK_S)
            app, consumer = self._app, self._consumer
            if consumer is None:
                continue
            is_held_up, taken = self._is_taking and self._taken == taken, self._taken
            # While messages wait for the agent, those of other partitions wait for their turn.
            idle_s += _LOOK_S if self._waiting is None or self._waiting.empty() else 0.0
            try:
                await self._silence.look(consumer, self._table.restored, idle_s, is_held_up=is_held_up)
            except ReadAgainError as fault:
                self._end(fault)
                _LOG.warning("%s; the client library: %s", fault, self._told(consumer))
            if app.flow_control.is_active() and not app.rebalancing:
                for tp in () if self._is_taking else self._ours:
                    # What Kafka does not answer is asked again at the next look.
                    with suppress(Exception):
                        await self._order.look(consumer, tp)

    async def _revoked(self, _app: object, /, *_: object, signal: object, **__: object) -> None:
        self._silence.begin_anew()
        self._restoration.begin_anew()
        self._order.begin_anew()
        await self._parts.given_up()

    async def _assigned(self, _app: object, /, *given: object, signal: object, **_: object) -> None:
        (assigned,) = cast(tuple[Iterable[TP]], given)
        ours = frozenset(tp for tp in assigned if tp.topic == self._parts.topic)
        self._ours = ours
        partitions = frozenset(tp.partition for tp in ours)
        self._table.forget_others(partitions)
        consumer = self._consumer
        if consumer is not None:
            consumer.forget()
        # Before anything is waited for: the table may be restored meanwhile.
        self._order.begin_anew(ours)
        self._restoration.begin_anew()
        self._silence.begin_anew(ours)
        await self._parts.given_up()
        self._parts.given(partitions)
