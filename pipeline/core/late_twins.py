"""Late twins: derived rows that a write without an answer may yet put back, and what is written again then.

Owns which rows these are, what their latest content is, and from where a partition of `derived` must be read again by
who follows us. Pure. Must not know Kafka, a store, or the present time.

A write that got no answer may be carried out after later ones. Of a fact that changes nothing. A derived row changes,
and an older content would take the place of a newer one. So such rows are watched until no twin of that write can
arrive any more, and are then written again with all that became of them. Until that is done their partition counts as
read only up to the first of them: who takes it over meanwhile begins there, and does the same.

Somebody who had a partition before us, and did not say that all was answered, may have such a write under way too.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from schemas.row import Row

_Key = tuple[str, str, tuple[tuple[str, str], ...], int]


class DerivedRecord(NamedTuple):
    """A row of a partition of `derived`, and its offset there."""

    offset: int
    row: Row


class Watch:
    """Rows of one write, whose twin may arrive until `until`."""

    __slots__ = ("_content", "_room", "since", "until")

    def __init__(self, since: int, until: int, room: int) -> None:
        """No row yet. `since` is the offset of the first; `room` more rows that are written belong to it."""
        self.since = since
        self.until = until
        self._room = room
        self._content: dict[_Key, dict[str, float | str]] = {}

    def follow(self, row: Row) -> None:
        """This is written now: fields that it has are what they are here, others stay."""
        key = (row.measurement, row.charger, row.tags, row.time)
        known = self._content.get(key)
        if known is not None:
            known.update(row.fields)
        elif self._room > 0:
            self._content[key] = dict(row.fields)
        self._room -= 1

    def add(self, row: Row) -> None:
        """The same; and this row belongs to the write."""
        self._room = max(self._room, 0) + 1
        self.follow(row)

    def rows(self) -> list[Row]:
        """Each row with its latest content."""
        return [
            Row(measurement, charger, "", tags, time, tuple(fields.items()))
            for (measurement, charger, tags, time), fields in self._content.items()
        ]


class LateTwins:
    """Of one partition of `derived`. Times are nanoseconds of one clock."""

    def __init__(self, twin_ns: int) -> None:
        """Nothing to fear. For `twin_ns` after a write without an answer its twin may arrive."""
        self._twin_ns = twin_ns
        self._watches: list[Watch] = []

    @property
    def since(self) -> int | None:
        """The offset from which on the partition must be read again by who follows us; None where all is settled."""
        return min((watch.since for watch in self._watches), default=None)

    def taken_over(self, since: int, most: int, now: int) -> None:
        """Who had the partition before us may have had a write of up to `most` records from `since` on under way."""
        self._watches.append(Watch(since, now + self._twin_ns, most))

    def follow(self, records: Iterable[DerivedRecord]) -> None:
        """These are about to be written, in this order."""
        if self._watches:
            for record in records:
                for watch in self._watches:
                    watch.follow(record.row)

    def unanswered(self, records: Sequence[DerivedRecord], now: int) -> None:
        """A write of these, which `follow` was told of, got no answer."""
        if not records:
            return
        since = records[0].offset
        watch = next((watch for watch in self._watches if watch.since == since), None)
        if watch is None:
            watch = Watch(since, now, 0)
            self._watches.append(watch)
        watch.until = now + self._twin_ns
        for record in records:
            watch.add(record.row)

    def due(self, now: int) -> Sequence[Watch]:
        """What must be written again, after all that is written before."""
        return [watch for watch in self._watches if watch.until <= now]

    def said_again(self, watches: Iterable[Watch]) -> None:
        """Their rows are written again: nothing can put them back any more."""
        over = set(map(id, watches))
        self._watches = [watch for watch in self._watches if id(watch) not in over]

    def say_later(self, watches: Iterable[Watch], now: int) -> None:
        """Writing their rows again got no answer either."""
        for watch in watches:
            watch.until = now + self._twin_ns
