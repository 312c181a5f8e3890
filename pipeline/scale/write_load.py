"""A load: a batch on its way into the store, from the call of the store until all of it is done with.

Owns what is known of that one write. Must not know when it is begun or tried again, or Kafka.
"""

from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from typing import NamedTuple

from pipeline.journey import BatchReport
from pipeline.scale.write_batch import WriteBatch
from pipeline.scale.write_progress import Again, rows_of
from pipeline.wires.kafka_silence import Partition
from pipeline.wires.store import Refusal
from schemas.row import Row


class Written(NamedTuple):
    """A load that is done with: what became of it, how long the store took, and when that was, by our clock.

    `has_own_row`  the row about this writer was in it.
    """

    report: BatchReport
    store_ns: int
    stored_at: int
    has_own_row: bool


class Load:
    """For one thread.

    `write`       the call of the store that is under way.
    `again`       what is written again with it.
    `began`       when that was called, a monotonic clock, seconds; `began_at` by our clock, nanoseconds.
    `is_written`  the store has it; what it refused may not be among the rejects yet, and nothing is committed.
    """

    __slots__ = ("_gone", "_own_row", "_stored_at", "again", "batch", "began", "began_at", "is_written", "write")

    def __init__(self, batch: WriteBatch, own_row: Row | None) -> None:
        """Nothing is written yet. `own_row` is about this writer, and goes with it."""
        self.batch = batch
        self.again: Sequence[Again] = ()
        self.write: Future[Sequence[Refusal]] | None = None
        self.is_written = False
        self.began = 0.0
        self.began_at = 0
        self._own_row = own_row
        self._stored_at = 0
        self._gone: set[Partition] = set()

    def rows(self) -> Sequence[Row]:
        """Everything to write, those of the batch first."""
        own = () if self._own_row is None else (self._own_row,)
        return [*self.batch.rows, *rows_of(self.again), *own] if self.again or own else self.batch.rows

    def take_answer(self, now: int) -> Sequence[Refusal]:
        """The store has answered at `now`, our clock; what it refused of rows that are of no message.

        Raises what the call raised.
        """
        write, self.write = self.write, None
        refusals = () if write is None else write.result()
        self.is_written = True
        self._stored_at = now
        return self.batch.refuse(refusals)

    def let_go(self, partitions: Iterable[Partition]) -> None:
        """These are not ours any more: what is of them is dropped, once no call of the store is under way."""
        self._gone.update(partitions)
        self.forget_gone()

    def forget_gone(self) -> None:
        """Drop what was let go of, where that can be."""
        if self._gone and self.write is None:
            self.batch = self.batch.without(self._gone)
            self._gone.clear()

    def written(self) -> Written:
        """All of it is done with."""
        store_ns = self._stored_at - self.began_at
        return Written(self.batch.report(), store_ns, self._stored_at, self._own_row is not None)
