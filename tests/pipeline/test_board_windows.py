"""Sliding windows: what counts, how exactly, and that memory does not grow."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.board_windows import LATENCY_WINDOW_NS, LatencySummary, LatencyWindow, RateWindow

S = 1_000_000_000
MS = 1_000_000


def test_nothing_measured_is_nothing() -> None:
    window = LatencyWindow()
    window.add(Counter(), 0)

    assert window.summary(0) is None
    assert RateWindow().a_second(5 * S) == 0.0


def test_percentiles_and_the_largest() -> None:
    window = LatencyWindow()
    window.add(Counter({10 * MS: 50, 20 * MS: 45, 300 * MS: 4, 54_321 * MS: 1}), 0)

    assert window.summary(0) == LatencySummary(p50_ms=10.0, p95_ms=20.0, largest_ms=54_321.0)


def test_latencies_keep_their_sign() -> None:
    window = LatencyWindow()
    window.add(Counter([-1_560 * MS, -870 * MS, -870 * MS]), 0)

    assert window.summary(0) == LatencySummary(p50_ms=-870.0, p95_ms=-870.0, largest_ms=-870.0)


def test_the_largest_of_several_batches_counts() -> None:
    window = LatencyWindow()
    for latency in (-5, 7, 3):
        window.add(Counter([latency * MS]), 0)

    summary = window.summary(0)
    assert summary is not None
    assert summary.largest_ms == 7.0


def test_latencies_count_for_a_minute() -> None:
    window = LatencyWindow()
    window.add(Counter([9 * MS]), 0)
    window.add(Counter([1 * MS]), 30 * S)

    assert window.summary(LATENCY_WINDOW_NS - S) == LatencySummary(1.0, 9.0, 9.0)
    assert window.summary(LATENCY_WINDOW_NS + 5 * S) == LatencySummary(1.0, 1.0, 1.0)
    assert window.summary(2 * LATENCY_WINDOW_NS) is None


@given(st.lists(st.integers(-(10**14), 10**14), min_size=1))
def test_percentiles_are_right_to_two_digits(latencies: list[int]) -> None:
    window = LatencyWindow()
    window.add(Counter(latencies), 0)

    summary = window.summary(0)
    assert summary is not None
    exact = sorted(latencies)[(len(latencies) - 1) // 2] / MS
    assert summary.p50_ms == pytest.approx(exact, rel=0.051)
    assert summary.p50_ms <= summary.p95_ms
    assert summary.largest_ms == max(latencies) / MS


def test_the_rate_is_of_the_last_three_seconds() -> None:
    window = RateWindow()
    for second in range(10):
        window.add(30, second * S)

    assert window.a_second(9 * S) == pytest.approx(30.0, rel=0.34)
    assert window.a_second(12 * S + S) == 0.0


def test_a_rate_is_known_from_the_first_message_on() -> None:
    window = RateWindow()
    window.add(10, 5 * S)

    assert window.a_second(5 * S) == 10.0
    assert window.a_second(7 * S) == 5.0
