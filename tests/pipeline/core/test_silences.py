"""Silences: the same whatever the order in which a device's messages become known."""

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.silences import FORGOTTEN_AFTER_NS, NEVER, Edge, EdgeKind, Gap, Heard, Silences

S = 10**9
START = 1_700_000_000 * S
AFTER = 20 * S
RULE = Silences(AFTER)
MOMENTS = st.lists(st.integers(0, 200).map(lambda second: START + second * S), min_size=1, max_size=12)


def known(moments: Iterable[int]) -> Heard:
    heard: Heard | None = None
    for at in moments:
        heard = RULE.hear(heard, at)
    assert heard is not None
    return heard


def told(before: Heard | None, upto_before: int, now: Heard, upto: int) -> list[tuple[EdgeKind, int, int]]:
    edges = sorted(RULE.edges("EH1", before, upto_before, now, upto))
    return [(edge.kind, (edge.at - START) // S, (edge.deadline - START) // S) for edge in edges]


@given(MOMENTS)
def test_gaps_are_what_lies_between_neighbours_that_are_too_far_apart(moments: list[int]) -> None:
    ordered = sorted(set(moments))
    gaps = [Gap(one, two) for one, two in zip([NEVER, *ordered], ordered, strict=False) if two - one > AFTER]
    assert known(moments) == Heard(tuple(gaps), ordered[-1])


TAKES_BACK = {
    EdgeKind.LEFT: EdgeKind.JOINED,
    EdgeKind.END_REFUTED: EdgeKind.ENDED,
    EdgeKind.REFUTED: EdgeKind.RAISED,
}


def standing(edges: Iterable[Edge]) -> dict[tuple[EdgeKind, int], Edge]:
    """What still holds once all of these were said, one after the other."""
    found: dict[tuple[EdgeKind, int], Edge] = {}
    for edge in edges:
        if edge.kind in TAKES_BACK:
            del found[TAKES_BACK[edge.kind], edge.at]
        else:
            found[edge.kind, edge.at] = edge
    return found


@given(MOMENTS, st.integers(1, 12), st.integers(0, 250), st.integers(0, 250))
def test_what_is_told_step_by_step_is_what_is_told_at_once(moments: list[int], cut: int, one: int, other: int) -> None:
    first, last = sorted((START + one * S, START + other * S))
    earlier, heard = known(moments[:cut]), known(moments)
    steps = [*RULE.edges("EH1", None, 0, earlier, first), *RULE.edges("EH1", earlier, first, heard, last)]
    assert standing(steps) == standing(RULE.edges("EH1", None, 0, heard, last))


def test_exactly_at_the_deadline_is_in_time() -> None:
    assert told(None, 0, known([START, START + AFTER]), START + AFTER) == [(EdgeKind.JOINED, 0, 0)]


def test_the_deadline_must_have_passed() -> None:
    heard = known([START])
    assert told(heard, START + S, heard, START + AFTER) == []
    assert told(heard, START + S, heard, START + AFTER + 1) == [(EdgeKind.RAISED, 20, 20)]
    assert RULE.standing(heard, START + AFTER) is None
    assert RULE.standing(heard, START + AFTER + 1) == START + AFTER


def test_a_late_message_takes_back_the_raise_and_a_new_deadline_counts_from_it() -> None:
    before = known([START])
    now = RULE.hear(before, START + 10 * S)
    assert told(before, START + 25 * S, now, START + 40 * S) == [(EdgeKind.REFUTED, 20, 20), (EdgeKind.RAISED, 30, 30)]


def test_a_late_message_within_a_silence_that_ended_moves_its_beginning() -> None:
    before = known([START, START + 60 * S])
    now = RULE.hear(before, START + 10 * S)
    assert told(before, START + 70 * S, now, START + 70 * S) == [
        (EdgeKind.REFUTED, 20, 20),
        (EdgeKind.RAISED, 30, 30),
        (EdgeKind.ENDED, 60, 30),
    ]


def test_a_late_message_can_undo_a_silence_with_its_end() -> None:
    before = known([START, START + 30 * S])
    now = RULE.hear(before, START + 15 * S)
    assert told(before, START + 40 * S, now, START + 40 * S) == [
        (EdgeKind.REFUTED, 20, 20),
        (EdgeKind.END_REFUTED, 30, 30),
    ]


def test_after_thirty_days_it_is_forgotten_and_comes_back_as_a_new_one() -> None:
    gone, back = START + FORGOTTEN_AFTER_NS, START + FORGOTTEN_AFTER_NS + S
    heard = known([START, back])
    assert sorted(RULE.edges("EH1", None, 0, heard, back + 1)) == [
        Edge(START, EdgeKind.JOINED, "EH1", START),
        Edge(START + AFTER, EdgeKind.RAISED, "EH1", START + AFTER),
        Edge(gone, EdgeKind.FORGOTTEN, "EH1", START + AFTER),
        Edge(back, EdgeKind.JOINED, "EH1", back),
    ]
    assert [RULE.has_joined(heard, at) for at in (START, START + 1, gone, gone + 1, back + 1)] == [
        False,
        True,
        True,
        False,
        True,
    ]


def test_exactly_thirty_days_are_not_too_long() -> None:
    gone = START + FORGOTTEN_AFTER_NS
    edges = sorted(RULE.edges("EH1", None, 0, known([START, gone]), gone + 1))
    assert [edge.kind for edge in edges] == [EdgeKind.JOINED, EdgeKind.RAISED, EdgeKind.ENDED]


def test_nothing_is_forgotten_before_it_can_be_silent() -> None:
    assert Silences(FORGOTTEN_AFTER_NS).forgotten_after == 2 * FORGOTTEN_AFTER_NS
