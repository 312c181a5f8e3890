"""Peaks of hours, in whatever order they come."""

from itertools import permutations

from pipeline.core.hour_peaks import HourPeaks, Peak


def test_the_greatest_counts_in_any_order() -> None:
    for order in permutations([(0, 5.0, 1.0), (0, 3.0, 7.0), (10, 2.0, -1.0), (20, -1.0, 0.0), (10, 1.0, -2.0)]):
        peaks = HourPeaks()
        for hour, latency_ms, power_kw in order:
            peaks.raise_to(hour, latency_ms, power_kw)
        assert list(peaks) == [Peak(0, 7.0, 5.0), Peak(10, -1.0, 2.0), Peak(20, 0.0, -1.0)]


def test_it_says_whether_it_was_raised() -> None:
    peaks = HourPeaks()
    raised = [peaks.raise_to(0, 5.0), peaks.raise_to(0, 5.0), peaks.raise_to(0, 4.0, 1.0), peaks.raise_to(0, 6.0)]
    assert raised == [True, False, True, True]
    assert peaks.of(0) == Peak(0, 1.0, 6.0)
    assert peaks.of(10) is None


def test_an_hour_without_power_has_none() -> None:
    peaks = HourPeaks()
    peaks.raise_to(0, 5.0)
    assert peaks.of(0) == Peak(0, None, 5.0)


def test_hours_are_forgotten() -> None:
    peaks = HourPeaks()
    for hour in (0, 10, 20):
        peaks.raise_to(hour, 1.0)
    peaks.forget(20)
    assert [peak.hour for peak in peaks] == [20]


def test_moments_of_our_days_are_exact() -> None:
    peaks = HourPeaks()
    hour = 3_600 * 10**9 * 486_112
    peaks.raise_to(hour, 1.0)
    assert peaks.of(hour) == Peak(hour, None, 1.0)
