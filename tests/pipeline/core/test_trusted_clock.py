"""The trusted clock: whoever sets the wall clock, time goes on by the right one, as messages show."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.trusted_clock import STEP_NS, Arrival, TrustedClock

S = 10**9
T = 1_750_000_000 * S
HOUR = 3_600 * S


def seen(clock: TrustedClock, error: int, count: int = 3, on_its_way: int = S) -> None:
    """So many messages, received by a wall clock that is wrong by so much; the right offset is T."""
    for second in range(count):
        clock.see(Arrival(T + second * S, T + second * S + on_its_way + error), T + error)


@pytest.fixture
def clock() -> TrustedClock:
    """One that read the right time, and saw messages."""
    clock = TrustedClock()
    clock.read(T)
    seen(clock, 0)
    return clock


def test_before_anything_was_read_the_wall_clock_is_taken_as_it_is() -> None:
    assert TrustedClock().moment(T, 7) == T


def test_where_no_message_ever_came_the_wall_clock_is_taken_as_it_is() -> None:
    clock = TrustedClock()
    clock.read(T)
    clock.read(T + HOUR)
    assert clock.moment(0, 7) == T + HOUR + 7


def test_small_corrections_are_followed(clock: TrustedClock) -> None:
    for correction in range(1, 11):
        clock.read(T + correction * STEP_NS)
    assert clock.moment(0, 7) == T + 10 * STEP_NS + 7


@pytest.mark.parametrize("error", [HOUR, -HOUR, 2 * S])
def test_one_that_is_set_wrong_is_not_followed(clock: TrustedClock, error: int) -> None:
    clock.read(T + error)
    assert clock.moment(0, 7) == T + 7
    seen(clock, error, 100)
    assert clock.moment(0, 7) == T + 7


@pytest.mark.parametrize("error", [HOUR, -HOUR])
def test_one_that_was_wrong_and_is_set_right_is_followed_as_messages_show(error: int) -> None:
    clock = TrustedClock()
    clock.read(T + error)
    seen(clock, error)
    clock.read(T)
    assert clock.moment(0, 7) == T + error + 7
    seen(clock, 0, 2)
    assert clock.moment(0, 7) == T + error + 7
    seen(clock, 0, 3)
    assert clock.moment(0, 7) == T + 7


def test_messages_that_waited_long_are_no_step(clock: TrustedClock) -> None:
    seen(clock, 0, 10, on_its_way=24 * HOUR)
    assert clock.moment(0, 7) == T + 7


def test_one_message_from_ahead_proves_nothing(clock: TrustedClock) -> None:
    clock.read(T + HOUR)
    for _ in range(10):
        clock.see(Arrival(T + HOUR, T + HOUR + S), T + HOUR)
        seen(clock, HOUR, 1)
    assert clock.moment(0, 7) == T + 7


@given(st.lists(st.tuples(st.integers(0, 600), st.sampled_from([0, 0, 7_200, 3_600, 60])), max_size=30))
def test_it_is_never_ahead_however_often_the_wall_clock_is(steps: list[tuple[int, int]]) -> None:
    """Messages may wait for minutes, between settings of the wall clock to times that are ahead, and back."""
    clock = TrustedClock()
    clock.read(T)
    seen(clock, 0)
    for on_its_way, error in steps:
        clock.read(T + error * S)
        seen(clock, error * S, 5, on_its_way * S)
        assert clock.moment(0, 7) == T + 7
