"""Session energies: what a charger's SessionEnergy said over time, as far back as it can still matter.

Owns which values need not be remembered. Pure, and a function of the set of values, however they are ordered or
repeated. Must not know modes, documents, or rows.

A session's energy rises until it ends, and zeros are said without reason: so what counts of a span of time is the
greatest value in it. A fleet says a great many of them, so of a slot of SLOT_NS one value is remembered,
the greatest, and of equal ones the last. Which slots count already is said by those who ask: up to a slot's end.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import NamedTuple

from pipeline.core.timestamps import NS_PER_S

SLOT_NS = 600 * NS_PER_S


class Energy(NamedTuple):
    """What was said at a moment, nanoseconds: kilowatt-hours."""

    at: int
    kwh: float


class SessionEnergies:
    """See above. Two numbers a value, 16 bytes."""

    __slots__ = ("_kwh", "_stamps")

    def __init__(self) -> None:
        """No value is known."""
        self._stamps = array("q")
        self._kwh = array("d")

    def __iter__(self) -> Iterator[Energy]:
        """Every value that is remembered, in order."""
        return map(Energy, self._stamps, self._kwh)

    def __len__(self) -> int:
        """How many are remembered."""
        return len(self._stamps)

    def add(self, at: int, kwh: float) -> bool:
        """A value, see Energy; whether it counts."""
        stamps = self._stamps
        slot = at - at % SLOT_NS
        if not stamps or stamps[-1] < slot:
            stamps.append(at)
            self._kwh.append(kwh)
            return True
        place = bisect_left(stamps, slot)
        if stamps[place] >= slot + SLOT_NS:
            stamps.insert(place, at)
            self._kwh.insert(place, kwh)
            return True
        if (kwh, at) <= (self._kwh[place], stamps[place]):
            return False
        stamps[place], self._kwh[place] = at, kwh
        return True

    def greatest(self, after: int, until: int) -> float:
        """The greatest value later than one moment and not later than another; 0 where there is none."""
        first, end = bisect_right(self._stamps, after), bisect_right(self._stamps, until)
        return max(self._kwh[first:end], default=0.0)

    def last_until(self, until: int) -> int | None:
        """When anything was said last, not later than a moment."""
        place = bisect_right(self._stamps, until)
        return self._stamps[place - 1] if place else None

    def thin(self, settled: int, forgotten: int) -> bool:
        """Forget what makes no difference any more; whether there was any.

        Before `settled` nothing is added any more, and nobody asks for a span that ends; nor for one that begins before
        `forgotten`. Nanoseconds.
        """
        if not self._stamps or self._stamps[0] >= settled:
            return False
        kept: list[Energy] = []
        highest = -1.0
        for energy in reversed(list(self)):
            if energy.at >= settled:
                kept.append(energy)
            elif energy.kwh > highest and energy.at >= forgotten:
                highest = energy.kwh
                kept.append(energy)
        if len(kept) == len(self):
            return False
        kept.reverse()
        self._stamps = array("q", [energy.at for energy in kept])
        self._kwh = array("d", [energy.kwh for energy in kept])
        return True
