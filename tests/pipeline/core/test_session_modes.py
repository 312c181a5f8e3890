"""Modes for sessions: cars come, stay, charge and leave, in whatever order it is told."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.session_modes import Mode, Presence, Presences, SessionModes, Stay, presence_of
from pipeline.core.timestamps import NS_PER_S

AWAY, CAR, CHARGING, UNSAID = Presence.AWAY, Presence.CAR, Presence.CHARGING, Presence.UNSAID
S = NS_PER_S


def modes(*said: tuple[int, Presence]) -> SessionModes:
    """Modes said so many seconds past the epoch."""
    found = SessionModes()
    for second, presence in said:
        found.add(Mode(second * S, presence))
    return found


def read(*said: tuple[int, Presence]) -> Presences:
    return modes(*said).read()


@pytest.mark.parametrize(
    ("code", "presence"),
    [
        (0.0, UNSAID),
        (1.0, AWAY),
        (2.0, CAR),
        (3.0, CHARGING),
        (4.0, CAR),
        (5.0, UNSAID),
        (6.0, CAR),
        (7.0, CAR),
        (8.0, CAR),
        (99.0, UNSAID),
        (1.5, UNSAID),
    ],
)
def test_what_each_mode_says_of_a_car(code: float, presence: Presence) -> None:
    assert presence_of(code) is presence


def test_a_car_stays_from_disconnected_to_disconnected_in_any_order() -> None:
    for order in permutations([(10, AWAY), (20, CAR), (30, CHARGING), (60, CAR), (70, AWAY)]):
        presences = read(*order)
        assert presences.stays == [Stay(20 * S, 70 * S)]
        assert presences.leavings == [10 * S, 70 * S]
        assert presences.charging == [(30 * S, 60 * S)]


def test_what_says_nothing_of_a_car_does_not_split_its_stay() -> None:
    presences = read((10, AWAY), (20, CHARGING), (30, UNSAID), (40, CHARGING), (50, UNSAID), (60, CAR))
    assert presences.stays == [Stay(20 * S, None)]
    assert presences.charging == [(20 * S, 30 * S), (40 * S, 50 * S)]


def test_nobody_saw_the_car_come_that_was_there_first() -> None:
    presences = read((10, CHARGING), (20, AWAY), (30, UNSAID), (40, AWAY))
    assert presences.stays == []
    assert presences.leavings == [20 * S]


def test_of_two_modes_of_a_second_the_later_row_counts() -> None:
    for order in permutations([Mode(10 * S + 5, CAR), Mode(10 * S + 7, AWAY), Mode(10 * S + 7, UNSAID)]):
        found = SessionModes()
        for mode in order:
            found.add(mode)
        assert list(found) == [(10 * S + 7, AWAY)]


def test_it_says_whether_a_mode_is_new() -> None:
    found = modes((10, CAR), (30, CAR))
    said = [Mode(10 * S, CAR), Mode(10 * S, AWAY), Mode(20 * S, AWAY), Mode(30 * S + 1, AWAY)]
    assert [found.add(mode) for mode in said] == [False, False, True, True]


def test_charging_is_counted_between_two_moments() -> None:
    presences = read((10, CHARGING), (20, CAR), (30, CHARGING))
    assert presences.charging_ns(15 * S, 34 * S) == 9 * S
    assert presences.charging_ns(20 * S, 30 * S) == 0
    assert presences.leaving_after(5 * S) is None


_said = st.lists(st.tuples(st.integers(0, 40), st.sampled_from(Presence)), max_size=14)


@given(_said, _said, st.integers(0, 40), st.integers(0, 40))
def test_thinning_makes_no_difference_to_sessions_that_last(
    said: list[tuple[int, Presence]], more: list[tuple[int, Presence]], settled: int, wanted: int
) -> None:
    wanted = min(wanted, settled)
    whole, thinned = modes(*said), modes(*said)
    thinned.thin(settled * S, wanted * S, 0)
    for second, presence in more:
        if second >= settled:
            whole.add(Mode(second * S, presence))
            thinned.add(Mode(second * S, presence))
    ours, theirs = thinned.read(), whole.read()
    assert [stay for stay in ours.stays if stay.start >= wanted * S] == [
        stay for stay in theirs.stays if stay.start >= wanted * S
    ]
    assert ours.leaving_after(settled * S) == theirs.leaving_after(settled * S)
    assert ours.charging_ns(wanted * S, 99 * S) == theirs.charging_ns(wanted * S, 99 * S)


def test_what_was_said_very_long_ago_counts_only_as_far_as_it_still_holds() -> None:
    found = modes((10, AWAY), (20, CAR), (30, CHARGING), (60, CAR))
    assert found.thin(50 * S, 50 * S, 40 * S) == [(10 * S, AWAY), (20 * S, CAR)]
    assert found.read().charging == [(30 * S, 60 * S)]


def test_what_is_thinned_is_named() -> None:
    found = modes((10, AWAY), (20, CAR), (30, CAR), (40, AWAY), (50, AWAY), (60, CAR))
    assert found.thin(55 * S, 55 * S, 0) == [(30 * S, CAR), (50 * S, AWAY), (10 * S, AWAY), (20 * S, CAR)]
    assert list(found) == [(40 * S, AWAY), (60 * S, CAR)]


@given(_said, st.integers(0, 60).map(lambda at: at * S), st.integers(0, 60).map(lambda at: at * S))
def test_what_is_asked_of_presences_is_what_looking_at_all_of_them_says(
    said: list[tuple[int, Presence]], first: int, end: int
) -> None:
    found = read(*said)
    assert found.leaving_after(first) == min((at for at in found.leavings if at > first), default=None)
    assert found.last_leaving_before(first) == max((at for at in found.leavings if at < first), default=None)
    assert found.last_change_until(first) == max((at for at in found.changes if at <= first), default=None)
    assert found.next_coming(first) == min((stay.start for stay in found.stays if stay.start >= first), default=None)
    seconds = range(first, end, S)
    pieces = [(begun, end if ended is None else ended) for begun, ended in found.charging]
    assert found.charging_ns(first, end) == S * sum(any(one <= at < two for one, two in pieces) for at in seconds)
