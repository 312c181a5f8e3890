"""Commands of one moment stand apart, within what the wire can tell."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.apart import apart

NOW = 1_700_000_000 * 10**9


@given(st.text())
def test_a_moment_moves_less_than_the_wire_can_tell(ref: str) -> None:
    assert 0 <= apart(NOW, ref) - NOW < 100
    assert apart(NOW + 100, ref) - apart(NOW, ref) == 100


def test_two_refs_are_told_apart_the_same_each_time() -> None:
    assert (apart(0, "a"), apart(0, "b")) == (7, 81)
