"""A batch of messages on their way into the store: what each is, and its row.

Owns which records a topic may hold, and how a message becomes a row or a reject. Must not know when a batch is written,
or what is committed.

A message holds one record. What cannot be read, or does not belong into its topic, is a reject by itself, named by its
place, and costs its neighbours nothing.
"""

import logging
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from pipeline.core.late_twins import DerivedRecord
from pipeline.core.rows import RowMaker
from pipeline.core.stream_records import StreamReader
from pipeline.core.stream_shapes import StreamRecord
from pipeline.journey import BatchReport
from pipeline.log import place_of_fault
from pipeline.wires.kafka_consumer import Taken
from pipeline.wires.kafka_silence import Partition
from pipeline.wires.store import Refusal
from schemas.command import CommandResponse
from schemas.observation import Observation
from schemas.reject import Reject, RejectReason
from schemas.row import Row
from schemas.stream import Topic

_LOG = logging.getLogger(__name__)

_OBSERVATIONS = Topic.OBSERVATIONS.value
_HOLDS: Mapping[str, type[StreamRecord]] = MappingProxyType(
    {Topic.OBSERVATIONS.value: Observation, Topic.RESPONSES.value: CommandResponse, Topic.DERIVED.value: Row}
)
"""What is in which topic."""

TOPICS = tuple(_HOLDS)
"""The topics that a writer reads."""

_NO_HEADERS: Mapping[str, object] = MappingProxyType({})


class Run(NamedTuple):
    """Messages of one partition, one after the other: the first one's offset, and the one behind the last."""

    partition: Partition
    first: int
    end: int


class WriteBatch:
    """Messages in the order in which they came, each partition in its own order.

    `ended`    what each became: a fact, a derived row, or a reject.
    `rows`     the rows of those that have one, in order; `sources[i]` is the place of the message of `rows[i]`.
    `derived`  those of them that are derived, by partition, in order.
    `ends`     by partition, the offset behind its last message.
    """

    __slots__ = ("derived", "ended", "ends", "rows", "sources", "taken")

    def __init__(self) -> None:
        """Nothing yet."""
        self.taken: list[Taken] = []
        self.ended: list[Observation | CommandResponse | Row | Reject] = []
        self.rows: list[Row] = []
        self.sources: list[int] = []
        self.derived: dict[Partition, list[DerivedRecord]] = {}
        self.ends: dict[Partition, int] = {}

    def without(self, partitions: Collection[Partition]) -> "WriteBatch":
        """The same without what is of these partitions."""
        left = WriteBatch()
        places: dict[int, int] = {}
        for place, each in enumerate(self.taken):
            if each.partition not in partitions:
                places[place] = len(left.taken)
                left.taken.append(each)
                left.ended.append(self.ended[place])
        for row, source in zip(self.rows, self.sources, strict=True):
            if source in places:
                left.rows.append(row)
                left.sources.append(places[source])
        left.derived = {partition: rows for partition, rows in self.derived.items() if partition not in partitions}
        left.ends = {partition: end for partition, end in self.ends.items() if partition not in partitions}
        return left

    def refuse(self, refusals: Sequence[Refusal]) -> Sequence[Refusal]:
        """The store will never take these; those that are returned lie beyond the rows, and are of no message here."""
        for refusal in refusals:
            if refusal.row < len(self.sources):
                place = self.sources[refusal.row]
                self.ended[place] = _refused(self.taken[place], refusal.reason, refusal.detail)
        return [refusal for refusal in refusals if refusal.row >= len(self.sources)]

    def rejects(self) -> Sequence[Reject]:
        """Messages that are not written, and why."""
        return [each for each in self.ended if isinstance(each, Reject)]

    def report(self) -> BatchReport:
        """What became of the messages, once all of it is durable."""
        rejects = self.rejects()
        return BatchReport(
            delivered=len(self.ended),
            written=len(self.ended) - len(rejects),
            commands=0,
            rejected=Counter(each.reason for each in rejects),
            surprises=Counter(),
            outcomes=[each for each in self.ended if not isinstance(each, Row)],
        )


class MessageReader:
    """Reads messages into batches. For one thread."""

    def __init__(self, rows: RowMaker) -> None:
        """`rows` makes the rows of facts."""
        self._rows = rows
        self._reader = StreamReader()

    def read(self, batch: WriteBatch, taken: Sequence[Taken]) -> Sequence[Run]:
        """Add messages to a batch; the runs in which they came. Never raises."""
        read_quickly, row_of = self._reader.read_observation, self._rows.row
        ended, rows, sources = batch.ended, batch.rows, batch.sources
        batch.taken += taken
        for place, each in enumerate(taken, start=len(ended)):
            record: Observation | CommandResponse | Row | Reject | None = None
            if each.partition[0] == _OBSERVATIONS:
                record = read_quickly(each.content)
            if record is None:
                record = self._read(each)
            if isinstance(record, Row):
                rows.append(record)
                sources.append(place)
                batch.derived.setdefault(each.partition, []).append(DerivedRecord(each.offset, record))
            elif not isinstance(record, Reject):
                try:
                    rows.append(row_of(record))
                    sources.append(place)
                except Exception as fault:  # a message must never cost its neighbours, whatever is wrong with us
                    _LOG.error("%s: the message is rejected as internal; please report this", place_of_fault(fault))
                    record = _refused(each, RejectReason.INTERNAL, place_of_fault(fault))
            ended.append(record)
        runs = _runs_of(taken)
        for partition, _, end in runs:
            batch.ends[partition] = end
        return runs

    def _read(self, taken: Taken) -> Observation | CommandResponse | Row | Reject:
        """The one record of a message, or why it is refused."""
        read = self._reader.read(taken.content, _place(taken))
        if len(read.records) + len(read.rejects) != 1:
            return _refused(taken, RejectReason.SHAPE, "a message here holds one record")
        if read.rejects:
            return read.rejects[0]
        record = read.records[0]
        if isinstance(record, Observation | CommandResponse | Row) and type(record) is _HOLDS[taken.partition[0]]:
            return record
        return _refused(taken, RejectReason.SHAPE, "a record that belongs into another topic")


def _runs_of(taken: Sequence[Taken]) -> Sequence[Run]:
    runs: list[Run] = []
    partition: Partition | None = None
    first = end = 0
    for each in taken:
        if each.offset == end and each.partition == partition:
            end += 1
            continue
        if partition is not None:
            runs.append(Run(partition, first, end))
        partition, first, _ = each
        end = first + 1
    if partition is not None:
        runs.append(Run(partition, first, end))
    return runs


def _refused(taken: Taken, reason: RejectReason, detail: str) -> Reject:
    return Reject(reason, _place(taken), _NO_HEADERS, taken.content, None, detail)


def _place(taken: Taken) -> str:
    (topic, partition), offset, _ = taken
    return f"{topic} partition {partition} offset {offset}"
