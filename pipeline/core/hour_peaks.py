"""Peaks: the greatest power and the worst latency of each hour of a charger.

Owns the greatest of what was said. Pure, and a function of the set of it. Must not know how long hours are remembered.
"""

from array import array
from collections.abc import Iterator
from math import inf
from typing import NamedTuple

_WIDTH = 3


class Peak(NamedTuple):
    """Of the hour that begins at `hour`: the greatest power, kW, None for none; the worst latency, ms."""

    hour: int
    power_kw: float | None
    latency_ms: float


class HourPeaks:
    """See above. Three numbers for each hour, 24 bytes: a fleet has a great many of them."""

    __slots__ = ("_numbers",)

    def __init__(self) -> None:
        """Nothing was said."""
        # Hour, power, latency; hours in order. Nanoseconds of a whole hour are exact in a float until the year 4300.
        self._numbers = array("d")

    def raise_to(self, hour: int, latency_ms: float, power_kw: float = -inf) -> bool:
        """Something was said of this hour; whether a peak is another now."""
        numbers = self._numbers
        place = len(numbers) - _WIDTH
        if place < 0 or numbers[place] != hour:
            while place >= 0 and numbers[place] > hour:
                place -= _WIDTH
            if place < 0 or numbers[place] != hour:
                place += _WIDTH
                numbers[place:place] = array("d", (hour, power_kw, latency_ms))
                return True
        is_raised = False
        if latency_ms > numbers[place + 2]:
            numbers[place + 2] = latency_ms
            is_raised = True
        if power_kw > numbers[place + 1]:
            numbers[place + 1] = power_kw
            is_raised = True
        return is_raised

    def of(self, hour: int) -> Peak | None:
        """The peaks of an hour; None where nothing was said of it."""
        numbers = self._numbers
        for place in range(len(numbers) - _WIDTH, -1, -_WIDTH):
            if numbers[place] == hour:
                return _peak(*numbers[place : place + _WIDTH])
        return None

    def forget(self, before: int) -> None:
        """Forget hours that begin before a moment."""
        numbers = self._numbers
        while numbers and numbers[0] < before:
            del numbers[:_WIDTH]

    def __iter__(self) -> Iterator[Peak]:
        """The peaks of each hour, in order."""
        numbers = self._numbers
        for place in range(0, len(numbers), _WIDTH):
            yield _peak(*numbers[place : place + _WIDTH])


def _peak(hour: float, power_kw: float, latency_ms: float) -> Peak:
    return Peak(int(hour), None if power_kw == -inf else power_kw, latency_ms)
