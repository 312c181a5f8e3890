"""Backoff: it grows, it is capped, and it spreads those who failed together."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.backoff import Backoff

BACKOFF = Backoff(1.0, 120.0)
DRAWS = st.floats(0, 1)


def test_it_doubles_up_to_its_most() -> None:
    assert [BACKOFF.delay_s(failures, 1) for failures in range(1, 10)] == [1, 2, 4, 8, 16, 32, 64, 120, 120]


@given(st.integers(-1, 10**9), DRAWS)
def test_it_is_never_more_than_its_most_nor_less_than_half_of_its_first(failures: int, draw: float) -> None:
    assert 0.5 <= BACKOFF.delay_s(failures, draw) <= 120


@given(st.integers(1, 100))
def test_draws_spread_it_over_the_upper_half(failures: int) -> None:
    assert BACKOFF.delay_s(failures, 1) == 2 * BACKOFF.delay_s(failures, 0)
