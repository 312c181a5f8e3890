"""Sliding windows of the board: latencies of the last minute, messages of the last seconds.

Owns how much of the past counts, in memory that does not grow with the number of messages. Must not know what is
measured, or the present time.
"""

from bisect import bisect_left
from collections import Counter
from itertools import accumulate
from math import ceil
from typing import NamedTuple

from pipeline.core.timestamps import NS_PER_MS, NS_PER_S

LATENCY_WINDOW_NS = 60 * NS_PER_S
_LATENCY_SLOT_NS = 5 * NS_PER_S
_LATENCY_SLOTS = LATENCY_WINDOW_NS // _LATENCY_SLOT_NS
_KEPT_DIGITS = 2

_RATE_WINDOW_NS = 3 * NS_PER_S
_RATE_SLOT_NS = NS_PER_S // 10


class LatencySummary(NamedTuple):
    """Latencies in milliseconds, signed. The percentiles have two significant digits; the largest is exact."""

    p50_ms: float
    p95_ms: float
    largest_ms: float


class LatencyWindow:
    """The latencies of the last minute.

    Each slot of 5 s counts latencies rounded to two digits, so it holds some thousand numbers at most, however many
    messages come.
    """

    def __init__(self) -> None:
        """Nothing measured yet."""
        self._slots: dict[int, Counter[int]] = {}
        self._largest: dict[int, int] = {}

    def add(self, latencies_ns: Counter[int], now: int) -> None:
        """Count latencies (nanoseconds, signed) that were measured at `now`, nanoseconds of any one clock."""
        if not latencies_ns:
            return
        slot = now // _LATENCY_SLOT_NS
        self._forget(slot)
        counts = self._slots.setdefault(slot, Counter())
        for latency, count in latencies_ns.items():
            counts[_rounded(latency)] += count
        largest = max(latencies_ns)
        self._largest[slot] = max(largest, self._largest.get(slot, largest))

    def summary(self, now: int) -> LatencySummary | None:
        """The window that ends at `now`, on the clock of `add`; None where it is empty."""
        self._forget(now // _LATENCY_SLOT_NS)
        counts: Counter[int] = Counter()
        for slot in self._slots.values():
            counts += slot
        if not counts:
            return None
        return LatencySummary(
            p50_ms=_quantile(counts, 0.50) / NS_PER_MS,
            p95_ms=_quantile(counts, 0.95) / NS_PER_MS,
            largest_ms=max(self._largest.values()) / NS_PER_MS,
        )

    def _forget(self, slot: int) -> None:
        for old in [kept for kept in self._slots if kept <= slot - _LATENCY_SLOTS]:
            del self._slots[old], self._largest[old]


class RateWindow:
    """How many a second, over the last three seconds."""

    def __init__(self) -> None:
        """Nothing counted yet."""
        self._slots: dict[int, int] = {}
        self._began_at: int | None = None

    def add(self, count: int, at: int) -> None:
        """Count `count` at `at`, nanoseconds of a clock that never goes back."""
        if self._began_at is None:
            self._began_at = at
        slot = at // _RATE_SLOT_NS
        self._slots[slot] = self._slots.get(slot, 0) + count
        self._forget(at)

    def a_second(self, at: int) -> float:
        """The rate at `at`, on the clock of `add`; of the first second, as if it were over."""
        self._forget(at)
        if self._began_at is None:
            return 0.0
        seen_ns = min(max(at - self._began_at, NS_PER_S), _RATE_WINDOW_NS)
        return sum(self._slots.values()) * NS_PER_S / seen_ns

    def _forget(self, at: int) -> None:
        for old in [kept for kept in self._slots if (kept + 1) * _RATE_SLOT_NS <= at - _RATE_WINDOW_NS]:
            del self._slots[old]


def _rounded(number: int) -> int:
    """`number` to two significant digits."""
    unit: int = 10 ** max(len(str(abs(number))) - _KEPT_DIGITS, 0)
    return (number + unit // 2) // unit * unit


def _quantile(counts: Counter[int], share: float) -> int:
    """The smallest number that at least `share` of all counted ones do not exceed."""
    ordered = sorted(counts)
    seen = list(accumulate(counts[number] for number in ordered))
    return ordered[bisect_left(seen, ceil(share * counts.total()))]
