"""The journey of messages from the topics into the store, committed once they are there. Read `Writer` top-down.

Owns the order of things: messages fill a batch while the batch before is written; a written batch's refused messages
reach the rejects; then it is committed, and only then the next one is written. Must not know what a message means, how
a store writes, or who is told of trouble.

Every message ends in one way: in the store, among the rejects, or left to Kafka, where whoever has its partition next
reads it again: when the partition goes to another, and when the writer ends before it is done with. Facts are written
again without harm. Derived rows must not go backwards:

    a batch under way is finished before a partition of it is given up, within `revoke_s`;
    what got no answer is written again once no twin of it can arrive (`pipeline.core.late_twins`), also by whoever has
    the partition then: after a kill, a lost session, or a partition given up before the store answered;
    who was held still for a while sees that it is still the owner before it writes.
What remains: a writer that is stopped (SIGSTOP, a machine that sleeps) in the middle of a write for longer than
`twin_s` and then goes on, or a store that carries a request out later than that, may put an older content of that one
batch back, until the row changes again.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import NamedTuple

from pipeline.core.timestamps import NS_PER_S
from pipeline.scale.write_batch import MessageReader, WriteBatch
from pipeline.scale.write_load import Load, Written
from pipeline.scale.write_progress import WriteProgress
from pipeline.scale.write_rejects import RejectSender
from pipeline.scale.write_store import write_rows
from pipeline.wires.counting_clock import counted_ns
from pipeline.wires.kafka_consumer import Assignments, KafkaConsumer, Mark, Taken
from pipeline.wires.kafka_fault import KafkaUnavailableError
from pipeline.wires.kafka_silence import Partition
from pipeline.wires.store import Store, StoreUnavailableError
from schemas.row import Row

_LOG = logging.getLogger(__name__)

_PIECE = 1_000
_LOOK_S = 0.25
_BUSY_S = 0.02
_MOST_BEGINNING = 100
"""So many messages may come while nothing is wanted: the first of each partition that begins then."""
_LEAVE_S = 2.0

Trouble = KafkaUnavailableError | StoreUnavailableError


class WritePatience(NamedTuple):
    """How long a writer waits for what, in seconds.

    `pause_s`   a store that is busy for so long, and partitions are paused: until then what was fetched is kept.
    `revoke_s`  for the store, before a partition is given up with a write under way.
    `twin_s`    after a write without an answer, its twin may arrive.
    `fence_s`   without a commit, before it is seen that the partitions are still ours.
    """

    pause_s: float = 2.0
    revoke_s: float = 30.0
    twin_s: float = 120.0
    fence_s: float = 1.0


class WriterParts(NamedTuple):
    """What a writer works with; closing the store is the caller's.

    `begin`   a consumer that tells its listener which partitions are ours; blocks, raises KafkaUnavailableError.
    `thread`  the one in which the store is used.
    `most`    messages that are written together, or those that came within `age_s` of the first.
    """

    begin: Callable[[Assignments], KafkaConsumer]
    reader: MessageReader
    store: Store
    rejects: RejectSender
    thread: ThreadPoolExecutor
    most: int
    age_s: float


class Writer:
    """Of one thread; the store has its own.

    `consumer`    the one that is a member of the group; None where we are not.
    `most`        messages of one batch; two batches may be at hand.
    `fault`       why the latest round did not get on: what it could not do stays at hand.
    `stall`       why what the latest round waits for is not confirmed, where that has lasted for long.
    `rebalances`  how often partitions came or went.
    `has_joined`  whether the group has told which partitions are ours, which may be none.
    """

    def __init__(self, parts: WriterParts, patience: WritePatience | None = None) -> None:
        """Reads nothing before `join`."""
        self._begin, self._reader, self._store, self._rejects, self._thread, self.most, self._age_s = parts
        self._patience = WritePatience() if patience is None else patience
        twin_ns, fence_ns = (int(each * NS_PER_S) for each in (self._patience.twin_s, self._patience.fence_s))
        self._progress = WriteProgress(twin_ns, 2 * self.most + _MOST_BEGINNING, fence_ns)
        self.consumer: KafkaConsumer | None = None
        self._filling = WriteBatch()
        self._due_at = 0.0
        self._load: Load | None = None
        self._own_row: Row | None = None
        self._written: list[Written] = []
        self._revoke_s = self._patience.revoke_s
        self.fault: Trouble | None = None
        self.stall: KafkaUnavailableError | None = None
        self.rebalances = 0
        self.has_joined = False

    def join(self) -> None:
        """Become one of the group. Blocks for seconds at most. Raises KafkaUnavailableError."""
        self.consumer = self._begin(self)

    def round(self, *, may_try: bool, is_stopping: bool) -> None:
        """Take what has come, and see that what was taken gets on. Takes half a second at most, but in a rebalance.

        Without `may_try` nothing is tried that has failed before. When stopping nothing more is taken, but the first
        message of a partition that just begins.
        """
        self.fault = self.stall = None
        self._take(is_stopping=is_stopping)
        try:
            self._advance(0.0, may_try=may_try)
            if self._load is None and self._is_due(is_stopping=is_stopping):
                self._load = Load(self._filling, self._own_row)
                self._filling, self._own_row = WriteBatch(), None
                self._submit(self._load)
        except (KafkaUnavailableError, StoreUnavailableError) as fault:
            self.fault = fault

    def leave(self) -> None:
        """Give up all partitions, and say that nothing is under way where that is so. What is at hand is dropped."""
        self._revoke_s = _LEAVE_S
        if self.consumer is not None:
            self.consumer.close()
            self.consumer = None
        self.has_joined = False
        self.lost(list(self._progress.partitions))
        self._rejects.close()
        self._revoke_s = self._patience.revoke_s

    def say(self, row: Row) -> None:
        """A row about this writer: it goes with the next batch."""
        self._own_row = row

    def take_written(self) -> Sequence[Written]:
        """What was done with since somebody asked."""
        written, self._written = self._written, []
        return written

    @property
    def progress(self) -> WriteProgress:
        """How far each partition is done with."""
        return self._progress

    @property
    def in_flight(self) -> int:
        """Messages that were taken and are not done with."""
        return len(self._filling.taken) + (0 if self._load is None else len(self._load.batch.taken))

    @property
    def is_idle(self) -> bool:
        """Whether nothing is at hand."""
        return self._load is None and not self._filling.taken

    def given(self, marks: Mapping[Partition, Mark | None]) -> None:
        """See Assignments."""
        self.rebalances += bool(marks)
        self.has_joined = True
        self._progress.given(marks, counted_ns())

    def taken_away(self, partitions: Sequence[Partition]) -> None:
        """See Assignments: finish what is under way, as long as there is hope."""
        self.rebalances += bool(partitions)
        self._filling = self._filling.without(partitions)
        deadline = time.monotonic() + self._revoke_s
        try:
            while self._load is not None and not self._load.batch.ends.keys().isdisjoint(partitions):
                left_s = deadline - time.monotonic()
                if left_s <= 0 or (self._load.write is None and not self._load.is_written):
                    break
                self._advance(min(left_s, _LOOK_S), may_try=True)
            under_way = self._load.batch.ends if self._load is not None and self._load.write is not None else ()
            self._commit(self._progress.release(partitions, under_way))
        except (KafkaUnavailableError, StoreUnavailableError) as fault:
            # Whoever has them next begins before this, and knows that something may be under way.
            _LOG.info("partitions are given up before all is done with: %s", fault)
        self._let_go(partitions)

    def lost(self, partitions: Sequence[Partition]) -> None:
        """See Assignments."""
        self.rebalances += bool(partitions)
        self._let_go(partitions)

    def _take(self, *, is_stopping: bool) -> None:
        """Add to the batch that is filled. Where there is no room, only stay in the group."""
        consumer = self.consumer
        if consumer is None:
            return
        load = self._load
        room = self.most - len(self._filling.taken)
        if room > 0 and not is_stopping:
            consumer.resume()
            self._add(consumer.take(min(room, _PIECE), self._wait_s()))
        elif load is not None and load.write is not None and time.monotonic() - load.began < self._patience.pause_s:
            wait([load.write], _LOOK_S)
        else:
            consumer.pause()
            self._add(consumer.take(1, _BUSY_S if is_stopping else _LOOK_S))

    def _wait_s(self) -> float:
        """How long there is time to wait for messages."""
        left_s = self._due_at - time.monotonic() if self._filling.taken else _LOOK_S
        return max(min(left_s, _LOOK_S if self._load is None else _BUSY_S), 0.0)

    def _add(self, taken: Sequence[Taken]) -> None:
        if not taken:
            return
        if not self._filling.taken:
            self._due_at = time.monotonic() + self._age_s
        for (topic, partition), first, end in self._reader.read(self._filling, taken):
            missed = self._progress.taken((topic, partition), first, end, counted_ns())
            if missed:
                _LOG.error(
                    "%s, partition %d: %d messages were gone from Kafka before they were read; raise "
                    "CHARGELINE_KAFKA_RETENTION, or add writers",
                    topic,
                    partition,
                    missed,
                )

    def _is_due(self, *, is_stopping: bool) -> bool:
        """Whether there is something to write now."""
        if self._own_row is not None or self._progress.has_due(counted_ns()):
            return True
        count = len(self._filling.taken)
        return count >= self.most or (count > 0 and (is_stopping or time.monotonic() >= self._due_at))

    def _submit(self, load: Load) -> None:
        """Begin to write, once it is known that derived rows are ours to write."""
        now = counted_ns()
        derived = load.batch.derived
        if derived:
            self._commit(self._progress.fences(derived, now))
        load.again = self._progress.following(derived, now)
        load.began, load.began_at = time.monotonic(), time.time_ns()
        load.write = self._thread.submit(write_rows, self._store, load.rows())

    def _advance(self, wait_s: float, *, may_try: bool) -> None:
        """Bring the batch under way as far as it gets within `wait_s`: store, rejects, commit, in this order.

        Raises StoreUnavailableError and KafkaUnavailableError.
        """
        load = self._load
        if load is None:
            return
        if load.write is not None:
            if not wait([load.write], wait_s).done:
                return
            self._take_answer(load)
        elif not may_try:
            return
        elif not load.is_written:
            self._submit(load)
            return
        if not self._rejects.deliver(load, load.batch.rejects(), wait_s):
            self.stall = self._rejects.trouble
            return
        self._progress.written(load.batch.ends, load.again)
        self._commit(self._progress.due())
        self._written.append(load.written())
        self._load = None

    def _take_answer(self, load: Load) -> None:
        """The store has answered. Raises StoreUnavailableError where it did not take the rows."""
        try:
            unwanted = load.take_answer(time.time_ns())
        except StoreUnavailableError as fault:
            if fault.may_come_later:
                self._progress.unanswered(load.batch.derived, load.again, counted_ns())
            raise
        finally:
            load.forget_gone()
        if unwanted:
            _LOG.warning("the store refused %d rows that are of no message: %s", len(unwanted), unwanted[0].detail)

    def _commit(self, marks: Mapping[Partition, Mark]) -> None:
        if marks and self.consumer is not None:
            self.consumer.commit(marks)
            self._progress.committed(marks, counted_ns())

    def _let_go(self, partitions: Sequence[Partition]) -> None:
        """These are not ours any more: forget them, and what is at hand of them."""
        self._progress.drop(partitions)
        self._filling = self._filling.without(partitions)
        if self._load is not None:
            self._load.let_go(partitions)
