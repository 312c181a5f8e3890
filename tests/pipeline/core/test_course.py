"""A course: the last value counts, and only what can be asked for is remembered."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.course import Course
from pipeline.core.mode_seconds import mode_seconds

S = 10**9
STEP = 300 * S


def test_a_value_counts_from_its_whole_second_until_the_next() -> None:
    course = Course()
    for key, value in ((10 * S + 7, 3.0), (20 * S, 4.0), (20 * S + 5, 5.0)):
        assert course.add(key, value)
    assert [course.at(second * S) for second in (9, 10, 19, 20)] == [None, 3.0, 3.0, 5.0]
    assert list(course.between(10 * S, 21 * S)) == [(10 * S, 3.0), (20 * S, 4.0), (20 * S, 5.0)]
    assert (course.next_after(10 * S + 7), course.next_after(20 * S + 5)) == (20 * S, None)
    assert course.last() == (20 * S + 5, 5.0)


def test_again_is_nothing_new() -> None:
    course = Course()
    assert [course.add(S, value) for value in (1.0, 1.0, 0.5, 2.0)] == [True, False, False, True]
    assert course.entries() == [(S, 2.0)]


def test_what_was_before_is_forgotten_but_for_the_last_of_it() -> None:
    course = Course()
    for second in (1, 2, 3):
        course.add(second * S, float(second))
    course.forget(3 * S)
    assert course.entries() == [(2 * S, 2.0), (3 * S, 3.0)]
    course.forget(9 * S)
    assert course.entries() == [(3 * S, 3.0)]


_modes = st.lists(st.tuples(st.integers(0, 40 * S), st.sampled_from([1.0, 2.0, 3.0])), max_size=60)


@given(_modes, st.data())
def test_of_one_second_the_last_value_is_enough(said: list[tuple[int, float]], data: st.DataObject) -> None:
    """Seconds of a mode, and the mode of any second, are what all values say, in whatever order they come."""
    said += [(key // S * S + offset, value) for (key, value), offset in zip(said, range(len(said)), strict=True)]
    thin, whole = Course(S), Course()
    for key, value in said:
        whole.add(key, value)
    for key, value in data.draw(st.permutations(said)):
        thin.add(key, value)
    seconds = [number * S for number in range(-1, 42)]
    assert [thin.at(second) for second in seconds] == [whole.at(second) for second in seconds]
    for first in (0, 15 * S):
        spans = [
            mode_seconds(course.at(first - S), course.between(first, 35 * S), [(20 * S, 25 * S)], (first, 35 * S))
            for course in (thin, whole)
        ]
        assert spans[0] == spans[1]
    assert len(thin) <= len({key // S for key, _ in said})


_said = st.lists(st.tuples(st.integers(0, 2_000 * S), st.sampled_from([0.0, 1.0, 2.0])), max_size=20)


@given(_said, st.data())
def test_at_the_steps_it_says_what_all_values_say(said: list[tuple[int, float]], data: st.DataObject) -> None:
    thin, whole = Course(STEP), Course()
    for key, value in said:
        whole.add(key, value)
    for key, value in data.draw(st.permutations(said)):
        thin.add(key, value)
    steps = [number * STEP for number in range(8)]
    assert [thin.at(step) for step in steps] == [whole.at(step) for step in steps]
    assert len(thin) <= len(steps)
