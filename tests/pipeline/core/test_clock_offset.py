"""The clock of a charger: the median of an hour, in any order, and nothing where nobody says."""

from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.clock_offset import HOUR_NS, clock_row, hour_of
from schemas.command import CommandResponse
from schemas.measurement import CHARGER_CLOCK

HOUR = 472_222 * HOUR_NS


def response(offset_ns: int | None) -> CommandResponse:
    delivered_at = None if offset_ns is None else HOUR + offset_ns
    return CommandResponse("EH1", 48, True, None, HOUR, delivered_at, None, None, None, None)


@given(st.lists(st.integers(-(10**10), 10**10), min_size=1, max_size=9))
def test_it_is_the_median(offsets: list[int]) -> None:
    row = clock_row("EH1", HOUR, map(response, offsets))
    assert row is not None
    assert (row.measurement, row.charger, row.time) == (CHARGER_CLOCK, "EH1", HOUR)
    assert dict(row.fields) == {"offset_ms": pytest.approx(median(offsets) / 10**6), "samples": len(offsets)}


def test_a_clock_that_is_behind_is_negative() -> None:
    row = clock_row("EH1", HOUR, [response(-2 * 10**9), response(None)])
    assert row is not None
    assert dict(row.fields) == {"offset_ms": -2_000.0, "samples": 1.0}


def test_where_no_response_says_when_it_was_delivered_there_is_no_row() -> None:
    assert clock_row("EH1", HOUR, [response(None)]) is None


def test_an_hour_begins_on_the_hour() -> None:
    assert hour_of(HOUR) == hour_of(HOUR + HOUR_NS - 1) == HOUR
