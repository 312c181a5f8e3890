"""A course: the last value counts, and only what can be asked for is remembered."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.course import Course

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
