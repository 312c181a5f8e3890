"""Freshness: what is told of many moments shows the same silences as all of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.freshness import CLOSE_NS, hear_all, moment_heard, thin_out
from pipeline.core.watermark import AHEAD_NS
from schemas.command import CommandResponse
from schemas.observation import Observation, Product
from schemas.stream import Heard

S = 10**9
MOMENTS = st.lists(st.integers(0, 400), min_size=1).map(sorted)


def runs(moments: list[int], silent_after: int) -> list[tuple[int, int]]:
    """From when to when somebody heard at these moments was never silent."""
    found: list[tuple[int, int]] = []
    for moment in moments:
        if found and moment - found[-1][1] <= silent_after:
            found[-1] = (found[-1][0], moment)
        else:
            found.append((moment, moment))
    return found


@given(MOMENTS, st.integers(0, 60), st.integers(0, 60))
def test_the_same_silences_are_seen_in_less(moments: list[int], close: int, more: int) -> None:
    told = list(thin_out(moments, close))
    assert runs(told, close + more) == runs(moments, close + more)
    assert set(told) <= set(moments)
    assert told == sorted(set(told))
    assert len([a for a, b in zip(told, told[2:], strict=False) if b - a <= close]) == 0


def test_a_device_that_speaks_without_a_pause_is_told_of_twice() -> None:
    assert thin_out([at * S for at in range(60)], CLOSE_NS) == (0, 59 * S)
    assert thin_out([at * S for at in range(601)], CLOSE_NS)[:3] == (0, 60 * S, 120 * S)
    assert thin_out([5, 5, 5], CLOSE_NS) == (5,)


@pytest.mark.parametrize(
    ("arrived_at", "received_at", "moment"),
    [(5, None, 5), (None, 7, 7), (None, None, None), (5, 9, 5), (2 * AHEAD_NS, 1, AHEAD_NS + 1)],
)
def test_a_clock_ahead_is_bounded_by_our_receipt(
    arrived_at: int | None, received_at: int | None, moment: int | None
) -> None:
    assert moment_heard(arrived_at, received_at) == moment


def observation(serial: str, arrived_at: int | None) -> Observation:
    return Observation(serial, Product.CHARGER, 120, None, 1.0, 0, 0, arrived_at, None)


def test_every_device_is_told_of_once_with_how_many_messages_it_sent() -> None:
    response = CommandResponse("B", 47, True, None, 0, None, 3 * S, None, None, None)
    records: list[Observation | CommandResponse] = [observation("A", 2 * S), response, observation("A", S)]
    assert hear_all([*records, observation("A", None)]) == [Heard("A", (S, 2 * S), 2), Heard("B", (3 * S,), 1)]
    assert hear_all([observation("A", None)]) == []
