"""The energy meter: from the readings of a charger's lifetime counter to the energy of each hour.

Owns what a reading counts. Pure, and a function of the set of readings. Must not know rows, or when an hour is due.

Between two readings the counter is taken to rise evenly: the energy is spread over the time between them, and so over
the hours. After the last reading it stands still until the next one is known. What an hour has is the difference of
the counter at its end and at its start, so that all hours together have exactly what the counter rose by.

A counter at an hour's edge is settled `late_ns` past it: a reading that reaches the cloud later than that does not
change it. So an hour that is not corrected any more keeps what it has, nothing is counted in two hours, and what
becomes known of a time so long ago counts in the earliest hour that is still open. Where the settled counter was ahead
of what came out later, it stands still until it is reached again: no hour has less than nothing.

Zeros are passed over: chargers say them without reason. So is a reading below the one before, unless the next one is
as low and not lower than it: then the counter began anew, and its energy counts from there.

Of readings within five minutes that become known in time for the same hours, the first, the last, the lowest and the
highest are enough: where the counter rises, no other one changes an hour. So a charger that talks without end costs no
more than another.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import NamedTuple

from pipeline.core.clock_offset import HOUR_NS
from pipeline.core.timestamps import NS_PER_S

_TOGETHER_NS = 300 * NS_PER_S
"""No hour's edge is within. Whoever talks as often as usual is remembered whole."""


class Reading(NamedTuple):
    """What the counter showed at `at`, kWh; `arrived_at` is when that reached the cloud."""

    at: int
    arrived_at: int
    kwh: float


class _Step(NamedTuple):
    """A reading that counts, the sum of what was counted up to there, and whether the counter began anew."""

    at: int
    arrived_at: int
    total: float
    is_anew: bool


class EnergyMeter:
    """See above.

    `settled`  an hour's edge and the sum up to there, before which nothing is remembered; None for the beginning.
    `offset`   what is to be added to the first reading that is remembered: counters that began anew had it.
    """

    __slots__ = ("_highest", "_late_ns", "_readings", "offset", "settled")

    def __init__(self, late_ns: int) -> None:
        """Nothing was read. `late_ns` is LATE_DATA, nanoseconds."""
        self._late_ns = late_ns
        self._readings: list[Reading] = []
        # Up to each reading, itself included, kWh.
        self._highest: list[float] = []
        self.settled: tuple[int, float] | None = None
        self.offset = 0.0

    @property
    def readings(self) -> Sequence[Reading]:
        """What is remembered, in order."""
        return self._readings

    def add(self, reading: Reading) -> int | None:
        """A reading; from when on anything may be another now, None for never. Of one moment the greatest counts."""
        readings = self._readings
        at, _, kwh = reading
        if kwh <= 0 or (self.settled is not None and readings and at <= readings[0].at):
            return None
        begin = at - at % _TOGETHER_NS
        first = bisect_left(readings, begin, key=_moment)
        end = bisect_left(readings, begin + _TOGETHER_NS, key=_moment)
        together = readings[first:end]
        in_time = self._known_for(reading)
        alike = [each for each in together if self._known_for(each) == in_time]
        if reading in alike:
            return None
        enough = _enough([*alike, reading])
        if reading not in enough:
            return None
        kept = [each for each in together if each in enough or each not in alike]
        readings[first:end] = sorted((*kept, reading), key=_in_order)
        self._see_highest(first)
        return self.reach(at)

    def reach(self, at: int) -> int:
        """From when on the counter is another because of a reading of this moment."""
        readings = self._readings
        place, end = bisect_left(readings, at, key=_moment), bisect_right(readings, at, key=_moment)
        arrived_at = min((each.arrived_at for each in readings[place:end]), default=at)
        # What is spread begins at a reading that counts whatever comes: that is as high as all before it, and known
        # wherever this one is. Another may count now and did not, or the other way round.
        found = (one for one in range(place - 1, 0, -1) if self._is_sure(one, arrived_at))
        return min(readings[next(found, 0)].at, at) if readings else at

    def energy(self, hour: int) -> float | None:
        """The energy of the hour that begins so, kWh; None where no reading says anything of it, or it is forgotten."""
        if self.settled is not None and hour < self.settled[0]:
            return None
        start, end = self._sums(hour + HOUR_NS)
        if end is None:
            return None
        return end - (self._steps(self._known(hour + HOUR_NS))[0].total if start is None else start)

    def forget(self, before: int) -> None:
        """Settle the counter at this hour's edge, and forget what is not needed after it."""
        if self.settled is not None and before <= self.settled[0]:
            return
        _, total = self._sums(before)
        if total is None:
            return
        # Whether one that began anew counts may still be open.
        last = next(
            step for step in reversed(self._steps(self._known(before))) if step.at <= before and not step.is_anew
        )
        place = bisect_right(self._readings, last.at, key=_moment) - 1
        self.offset = last.total - self._readings[place].kwh
        self.settled = (before, total)
        del self._readings[:place]
        self._see_highest(0)

    def restore(self, readings: Iterable[Reading], settled: tuple[int, float] | None, offset: float) -> None:
        """Know what was known."""
        self._readings = list(readings)
        self._see_highest(0)
        self.settled = settled
        self.offset = offset

    def _is_sure(self, place: int, arrived_at: int) -> bool:
        reading = self._readings[place]
        return reading.arrived_at <= arrived_at and self._highest[place] <= reading.kwh

    def _see_highest(self, first: int) -> None:
        """Readings from this place on are others."""
        before = self._highest[first - 1] if first else 0.0
        rising = accumulate((each.kwh for each in self._readings[first:]), max, initial=before)
        next(rising)
        self._highest[first:] = rising

    def _known_for(self, reading: Reading) -> int:
        """The first hour's edge that a reading came in time for: those of one edge are known together."""
        return -(-(reading.arrived_at - self._late_ns) // HOUR_NS) * HOUR_NS

    def _sums(self, edge: int) -> tuple[float | None, float | None]:
        """The sum at the hour's edge before this one, and at this one, none less than one before; None for unknown."""
        if not self._readings:
            return None, None
        before: float | None = None
        total: float | None = None
        at = -(-self._readings[0].at // HOUR_NS) * HOUR_NS
        if self.settled is not None:
            at, total = self.settled
        if at > edge:
            return None, None
        count, steps = 0, list[_Step]()
        while at <= edge:
            known = self._known(at)
            # More are known at later edges, and mostly the same.
            if len(known) != count:
                count, steps = len(known), self._steps(known)
            before, now = total, self._total(steps, at)
            total = now if total is None or now is None else max(total, now)
            at += HOUR_NS
        return before, total

    def _total(self, steps: Sequence[_Step], edge: int) -> float | None:
        """The sum at an hour's edge by the readings that count for it."""
        place = bisect_right(steps, edge, key=_moment)
        if not place:
            return None
        before = steps[place - 1]
        if place == len(steps):
            return before.total
        after = steps[place]
        since = max(before.at, after.arrived_at - self._late_ns)
        if edge <= since:
            return before.total
        return before.total + (after.total - before.total) * ((edge - since) / (after.at - since))

    def _known(self, edge: int) -> list[Reading]:
        """The readings that came in time for an hour's edge."""
        return [reading for reading in self._readings if self._known_for(reading) <= edge]

    def _steps(self, known: Sequence[Reading]) -> list[_Step]:
        """The readings that count, of these."""
        # Of one moment the last is the greatest.
        counted = list({reading.at: reading for reading in known}.values())
        steps: list[_Step] = []
        offset, last = self.offset, 0.0
        for place, (at, arrived_at, kwh) in enumerate(counted):
            is_anew = kwh < last
            if is_anew:
                if place + 1 == len(counted) or not kwh <= counted[place + 1].kwh < last:
                    continue
                offset += last - kwh
            last = kwh
            steps.append(_Step(at, arrived_at, offset + kwh, is_anew))
        return steps


def _moment(reading: Reading | _Step) -> int:
    return reading.at


def _in_order(reading: Reading) -> tuple[int, float, int]:
    """Of one moment the greatest comes last, and of those the one that was known first."""
    return reading.at, reading.kwh, -reading.arrived_at


def _enough(readings: Sequence[Reading]) -> set[Reading]:
    """The first and the last, the lowest and the highest: of ever more readings the same, whatever is left out."""
    return {
        min(readings, key=lambda each: (each.at, -each.kwh, each.arrived_at)),
        max(readings, key=_in_order),
        min(readings, key=lambda each: (each.kwh, each.at, each.arrived_at)),
        max(readings, key=lambda each: (each.kwh, each.at, -each.arrived_at)),
    }
