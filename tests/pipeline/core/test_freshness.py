"""Freshness: what is told of many moments shows the same silences as all of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.freshness import (
    CLOSE_NS,
    MOST_DOUBTFUL,
    LatestArrival,
    all_moments,
    hear_all,
    moment_heard,
    newest_arrival,
    thin_out,
)
from pipeline.core.trusted_clock import Arrival
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


def came(arrived_at: int | None, received_at: int | None) -> Observation:
    return observation("A", arrived_at)._replace(received_at=received_at)


def test_many_moments_are_those_of_each_and_what_is_far_ahead_is_doubtful() -> None:
    moments = all_moments([came(5, 9), came(None, 7), came(None, None), came(3 * AHEAD_NS, 9), came(4, None)])
    assert moments == (["A"] * 4, [5, 7, 9 + AHEAD_NS, 4], 5, [9 + AHEAD_NS])


def test_what_is_far_ahead_counts_where_nothing_else_came_for_long() -> None:
    latest, ahead, right = LatestArrival(), all_moments([came(3 * AHEAD_NS, 9)]), all_moments([came(5, 9)])
    assert latest.of(all_moments([])) == 0
    assert [latest.of(ahead) for _ in range(MOST_DOUBTFUL - 1)] == [0] * (MOST_DOUBTFUL - 1)
    assert latest.of(right) == 5
    assert [latest.of(ahead) for _ in range(MOST_DOUBTFUL + 1)][-3:] == [0, 9 + AHEAD_NS, 9 + AHEAD_NS]


def test_the_newest_arrival_is_that_of_the_last_message_that_can_be_believed() -> None:
    outcomes = [came(4, 5), came(6, 8), came(None, 9), came(7, None), came(3 * AHEAD_NS, 9)]
    assert newest_arrival(outcomes) == Arrival(6, 8)
    assert newest_arrival(outcomes[2:]) is None
