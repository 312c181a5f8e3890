"""Latencies: histograms of times, exact to two digits.

Owns the bounds, and what can be read off a histogram. Must not know what is measured, or any clock.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate
from math import ceil

from pipeline.core.timestamps import NS_PER_MS
from schemas.meters import Histogram

_TENTH_MS = NS_PER_MS // 10
_DECADES = 13
BOUNDS_NS: Sequence[int] = tuple(
    number * 10**decade * _TENTH_MS for decade in range(_DECADES) for number in range(10, 100)
)
"""1.0, 1.1 … 9.9, 10, 11 … milliseconds: every number of two digits, to beyond 2**63 nanoseconds."""

EMPTY = Histogram({}, 0)


class HistogramMaker:
    """Counts times."""

    def __init__(self) -> None:
        """Nothing measured yet."""
        self._counts: Counter[int] = Counter()
        self._sum_ns = 0

    def add(self, times_ns: Sequence[int]) -> None:
        """Count times, nanoseconds; negative ones as 0. Thousands at once are the cheapest."""
        # In order, all times of one bound are found at once, and there are few bounds among thousands of times.
        ordered = sorted(times_ns)
        first, end = 0, len(ordered)
        while first < end:
            bound = BOUNDS_NS[bisect_left(BOUNDS_NS, ordered[first])]
            after = bisect_right(ordered, bound, first)
            self._counts[bound] += after - first
            first = after
        self._sum_ns += sum(ordered[bisect_left(ordered, 0) :])

    def histogram(self) -> Histogram:
        """What was counted so far."""
        return Histogram(dict(self._counts), self._sum_ns)


def since(before: Histogram, after: Histogram) -> Histogram:
    """What was counted between two moments of one `HistogramMaker`."""
    return Histogram(Counter(after.counts) - Counter(before.counts), after.sum_ns - before.sum_ns)


def total(histogram: Histogram) -> int:
    """How many were counted."""
    return sum(histogram.counts.values())


def quantile_ns(histogram: Histogram, share: float) -> int | None:
    """A time, rounded up to two digits, that at least `share` (above 0, to 1) of all do not exceed; None of none.

    That of 1 is the largest.
    """
    if not histogram.counts:
        return None
    ordered = sorted(histogram.counts)
    seen = list(accumulate(histogram.counts[bound] for bound in ordered))
    return ordered[bisect_left(seen, ceil(share * seen[-1]))]


def mean_ns(histogram: Histogram) -> float | None:
    """The mean; None of none."""
    count = total(histogram)
    return histogram.sum_ns / count if count else None


def cumulate(histogram: Histogram, bounds_ns: Sequence[int]) -> Sequence[int]:
    """For each bound, how many times do not exceed it. Exact where the bounds, in order, are of BOUNDS_NS."""
    ordered = sorted(histogram.counts)
    seen = [0, *accumulate(histogram.counts[bound] for bound in ordered)]
    return [seen[bisect_left(ordered, bound + 1)] for bound in bounds_ns]
