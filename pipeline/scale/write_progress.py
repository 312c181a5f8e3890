"""How far a writer is with the partitions that are its own, and what it tells whoever has them next.

Owns what is committed of each partition, in which words, and when it must be. Must not know Kafka's client, a store, or
the present time.

Of a partition of `derived` it counts who may have a write under way: a newer owner must not be overtaken by an older
one (`pipeline.core.late_twins`). So its mark says in words whether anything can be under way. A writer commits that
something may before its first write, and that nothing can when it gives the partition up in order. Who finds the first
of the two watches what may be put back. A commit is also how a writer learns that it is the owner no longer: one that
was held still for a while commits before it writes again.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from pipeline.core.late_twins import DerivedRecord, LateTwins, Watch
from pipeline.wires.kafka_consumer import UNKNOWN, Mark
from pipeline.wires.kafka_silence import Partition
from schemas.row import Row
from schemas.stream import Topic

SETTLED = "settled"
"""Words of a mark: nothing can be under way."""
_OPEN = ""


class Again(NamedTuple):
    """Rows that are written again, of one partition."""

    partition: Partition
    watches: Sequence[Watch]


class _Own:
    """What is known of one partition.

    `begins`     the offset of the next message to come; None where nobody knows.
    `done`       everything before this offset is done with; None where nothing is known.
    `committed`  the mark that Kafka has; None where it has none, or, `is_doubted`, nobody knows.
    """

    __slots__ = ("begins", "committed", "done", "is_doubted", "twins")

    def __init__(self, mark: Mark | None, twins: LateTwins | None) -> None:
        self.is_doubted = mark == UNKNOWN
        self.committed = None if self.is_doubted else mark
        self.begins = self.done = None if self.committed is None else self.committed.offset
        self.twins = twins


class WriteProgress:
    """Of one member of the group. Times are nanoseconds of one clock, which is never set back."""

    def __init__(self, twin_ns: int, most_under_way: int, fence_ns: int) -> None:
        """No partition yet.

        A write without an answer may be carried out for `twin_ns`; of one that had the partition before us, up to
        `most_under_way` records may be under way. Who has not committed for `fence_ns` must see that it still may.
        """
        self._twin_ns = twin_ns
        self._most = most_under_way
        self._fence_ns = fence_ns
        self._own: dict[Partition, _Own] = {}
        self._committed_at: int | None = None
        self.missed = 0

    def given(self, marks: Mapping[Partition, Mark | None], now: int) -> None:
        """These partitions are ours, done with so far."""
        for partition, mark in marks.items():
            twins = LateTwins(self._twin_ns) if partition[0] == Topic.DERIVED else None
            if twins is not None and mark is not None and mark != UNKNOWN and mark.words != SETTLED:
                twins.taken_over(mark.offset, self._most, now)
            self._own[partition] = _Own(mark, twins)

    @property
    def partitions(self) -> Iterable[Partition]:
        """Those that are ours."""
        return self._own.keys()

    def drop(self, partitions: Iterable[Partition]) -> None:
        """These are not ours any more."""
        for partition in partitions:
            self._own.pop(partition, None)

    def taken(self, partition: Partition, first: int, end: int, now: int) -> int:
        """Messages from `first` up to `end` came; how many before them Kafka no longer had."""
        own = self._own.get(partition)
        if own is None:
            return 0
        missed = 0 if own.begins is None else max(first - own.begins, 0)
        if own.begins is None:
            own.done = first
            if own.twins is not None and own.is_doubted:
                own.twins.taken_over(first, self._most, now)
        own.begins = end
        self.missed += missed
        return missed

    def fences(self, partitions: Iterable[Partition], now: int) -> Mapping[Partition, Mark]:
        """What must be committed before rows of these partitions of `derived` are written."""
        is_late = self._committed_at is None or now - self._committed_at > self._fence_ns
        found: dict[Partition, Mark] = {}
        for partition in partitions:
            own = self._own.get(partition)
            if own is not None and own.done is not None:
                wanted = self._mark(own, own.done)
                if is_late or own.committed is None or own.committed.words == SETTLED:
                    found[partition] = wanted
        return found

    def following(self, records: Mapping[Partition, Sequence[DerivedRecord]], now: int) -> Sequence[Again]:
        """These are about to be written; what must be written again after them, in the same request."""
        for partition, listed in records.items():
            own = self._own.get(partition)
            if own is not None and own.twins is not None:
                own.twins.follow(listed)
        found = [Again(partition, own.twins.due(now)) for partition, own in self._own.items() if own.twins is not None]
        return [again for again in found if again.watches]

    def has_due(self, now: int) -> bool:
        """Whether something must be written again by now."""
        return any(own.twins is not None and own.twins.due(now) for own in self._own.values())

    def unanswered(
        self, records: Mapping[Partition, Sequence[DerivedRecord]], again: Iterable[Again], now: int
    ) -> None:
        """A write got no answer."""
        for partition, listed in records.items():
            own = self._own.get(partition)
            if own is not None and own.twins is not None:
                own.twins.unanswered(listed, now)
        for each in again:
            own = self._own.get(each.partition)
            if own is not None and own.twins is not None:
                own.twins.say_later(each.watches, now)

    def written(self, ends: Mapping[Partition, int], again: Iterable[Again]) -> None:
        """Everything before these offsets is done with."""
        for partition, end in ends.items():
            own = self._own.get(partition)
            if own is not None:
                own.done = end
        for each in again:
            own = self._own.get(each.partition)
            if own is not None and own.twins is not None:
                own.twins.said_again(each.watches)

    def due(self) -> Mapping[Partition, Mark]:
        """What must be committed now."""
        found: dict[Partition, Mark] = {}
        for partition, own in self._own.items():
            if own.done is None:
                continue
            mark = self._mark(own, own.done)
            if own.committed is None or mark.offset != own.committed.offset:
                found[partition] = mark
        return found

    def release(self, partitions: Iterable[Partition], under_way: Collection[Partition]) -> Mapping[Partition, Mark]:
        """What must be committed before these are given up; a write may be under way for some."""
        found: dict[Partition, Mark] = {}
        for partition in partitions:
            own = self._own.get(partition)
            if own is None or own.done is None:
                continue
            mark = self._mark(own, own.done)
            if own.twins is not None and own.twins.since is None and partition not in under_way:
                mark = Mark(own.done, SETTLED)
            if mark != own.committed:
                found[partition] = mark
        return found

    def committed(self, marks: Mapping[Partition, Mark], now: int) -> None:
        """Kafka has these."""
        self._committed_at = now
        for partition, mark in marks.items():
            own = self._own.get(partition)
            if own is not None:
                own.committed = mark

    def lags(self, spans: Mapping[Partition, tuple[int, int]]) -> Mapping[Partition, int]:
        """How many messages wait in each partition, where these are its first offset and that of its next message."""
        return {
            partition: max(end - (begin if own.done is None else own.done), 0)
            for partition, (begin, end) in spans.items()
            if (own := self._own.get(partition)) is not None
        }

    def _mark(self, own: _Own, done: int) -> Mark:
        since = None if own.twins is None else own.twins.since
        return Mark(done if since is None else min(since, done), _OPEN)


def rows_of(again: Iterable[Again]) -> list[Row]:
    """Everything that is written again."""
    return [row for each in again for watch in each.watches for row in watch.rows()]
