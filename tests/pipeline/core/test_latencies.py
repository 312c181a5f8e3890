"""Histograms of times: right to two digits, additive, and exact at their bounds."""

from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.latencies import (
    BOUNDS_NS,
    EMPTY,
    HistogramMaker,
    cumulate,
    mean_ns,
    quantile_ns,
    since,
    total,
)
from schemas.meters import Histogram

MS = 1_000_000
TIMES = st.lists(st.integers(-(10**12), 2**63 - 1), min_size=1)


def histogram_of(*times_ns: int) -> Histogram:
    maker = HistogramMaker()
    maker.add(times_ns)
    return maker.histogram()


def test_bounds_are_every_number_of_two_digits() -> None:
    assert [bound / MS for bound in BOUNDS_NS[:3]] == [1.0, 1.1, 1.2]
    assert {100 * MS, 250 * MS, 1_800_000 * MS} <= set(BOUNDS_NS)
    assert list(BOUNDS_NS) == sorted(set(BOUNDS_NS))


def test_a_time_at_its_bound_does_not_exceed_it() -> None:
    assert histogram_of(250 * MS, 250 * MS + 1).counts == {250 * MS: 1, 260 * MS: 1}


def test_nothing_measured_is_nothing() -> None:
    assert histogram_of() == EMPTY
    assert total(EMPTY) == 0
    assert quantile_ns(EMPTY, 0.5) is None
    assert mean_ns(EMPTY) is None
    assert cumulate(EMPTY, [MS]) == [0]


@given(TIMES, st.sampled_from([0.01, 0.5, 0.95, 1.0]))
def test_quantiles_are_right_to_two_digits(times: list[int], share: float) -> None:
    exact = max(sorted(times)[ceil(share * len(times)) - 1], 0)
    found = quantile_ns(histogram_of(*times), share)
    assert found is not None
    assert max(exact, MS) <= found <= max(exact * 1.1 + 1, MS)


@given(TIMES, TIMES)
def test_what_was_counted_between_two_moments(first: list[int], second: list[int]) -> None:
    maker = HistogramMaker()
    maker.add(first)
    before = maker.histogram()
    maker.add(second)

    assert since(before, maker.histogram()) == histogram_of(*second)
    assert total(before) == len(first)


@given(TIMES, st.lists(st.sampled_from(BOUNDS_NS), min_size=1))
def test_how_many_do_not_exceed_a_bound(times: list[int], bounds: list[int]) -> None:
    assert cumulate(histogram_of(*times), bounds) == [sum(time <= bound for time in times) for bound in bounds]


def test_a_negative_time_counts_as_none() -> None:
    histogram = histogram_of(-5_000 * MS, 30 * MS)
    assert histogram == Histogram({MS: 1, 30 * MS: 1}, 30 * MS)
    assert mean_ns(histogram) == pytest.approx(15 * MS)
