"""Pairing: the best assignment by trying all of them, and what it means for commands in a row."""

from collections.abc import Sequence, Set
from itertools import combinations, pairwise

from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.pairing import EARLIEST_NS, LATEST_NS, pair

S = 10**9
PLACES = st.integers(0, 5)
LATE = st.frozensets(st.tuples(PLACES, PLACES))
TIMES = st.lists(st.integers(0, 24).map(lambda half_seconds: half_seconds * S // 2), max_size=6).map(sorted)


def seconds(*times: float) -> list[int]:
    return [int(time * S) for time in times]


def is_allowed(published: int, created: int) -> bool:
    return EARLIEST_NS <= created - published <= LATEST_NS


def score(
    pairs: Sequence[tuple[int, int]], published: Sequence[int], created: Sequence[int], late: Set[tuple[int, int]]
) -> tuple[int, int, int]:
    apart = sum(abs(created[there] - published[here]) for here, there in pairs)
    return len(pairs), -len(late & set(pairs)), -apart


def best_of_all(published: Sequence[int], created: Sequence[int], late: Set[tuple[int, int]]) -> tuple[int, int, int]:
    """The best score of every assignment that keeps the order."""
    found = (0, 0, 0)
    for size in range(1, min(len(published), len(created)) + 1):
        for here in combinations(range(len(published)), size):
            for there in combinations(range(len(created)), size):
                pairs = list(zip(here, there, strict=True))
                if all(is_allowed(published[one], created[other]) for one, other in pairs):
                    score_here = score(pairs, published, created, late)
                    found = score_here if found == (0, 0, 0) else max(found, score_here)
    return found


@given(TIMES, TIMES, LATE)
def test_it_is_the_best_of_all(published: list[int], created: list[int], late: frozenset[tuple[int, int]]) -> None:
    pairs = pair(published, created, lambda here, there: (here, there) in late)
    assert all(is_allowed(published[here], created[there]) for here, there in pairs)
    assert all(one[0] < other[0] and one[1] < other[1] for one, other in pairwise(pairs))
    assert score(pairs, published, created, late) == best_of_all(published, created, late)


@given(TIMES, TIMES, TIMES, TIMES)
def test_what_lies_far_away_changes_nothing(
    published: list[int], created: list[int], later_published: list[int], later_created: list[int]
) -> None:
    far = 100 * S
    pairs = pair(published + [time + far for time in later_published], created + [time + far for time in later_created])
    later = pair(later_published, later_created)
    assert pairs == pair(published, created) + tuple(
        (here + len(published), there + len(created)) for here, there in later
    )


def test_a_lost_command_is_not_answered_by_its_successors_response() -> None:
    assert pair(seconds(0, 1), seconds(1.4)) == ((1, 0),)


def test_two_in_a_row_keep_their_order() -> None:
    assert pair(seconds(0, 1), seconds(1.2, 1.4)) == ((0, 0), (1, 1))


def test_more_pairs_are_better_than_closer_ones() -> None:
    assert pair(seconds(0, 4), seconds(3.9, 4.5)) == ((0, 0), (1, 1))


def test_the_window_has_its_ends() -> None:
    assert pair([0], [EARLIEST_NS]) == pair([0], [LATEST_NS]) == ((0, 0),)
    assert pair([0], [EARLIEST_NS - 1]) == pair([0], [LATEST_NS + 1]) == ()


def test_a_day_of_commands_every_few_seconds() -> None:
    published = [number * 5 * S for number in range(17_280)]
    created = [time + S // 2 for time in published if time % (35 * S)]
    assert len(pair(published, created)) == len(created)
    assert pair(published, []) == pair([], created) == ()


def test_a_late_answer_to_somebody_else_takes_no_place_of_one_in_time() -> None:
    """The first response is nearer, and late."""
    assert pair(seconds(0), seconds(0.2, 1), lambda _, response: response == 0) == ((0, 1),)
    assert pair(seconds(0), seconds(0.2, 1), lambda _, response: response == 1) == ((0, 0),)


def test_a_late_answer_is_better_than_none() -> None:
    assert pair(seconds(0, 1), seconds(0.2, 1.2), lambda _, response: response == 1) == ((0, 0), (1, 1))
    assert pair(seconds(0), seconds(0.2), lambda *_: True) == ((0, 0),)
