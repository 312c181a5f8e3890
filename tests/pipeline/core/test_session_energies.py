"""Session energies: of every slot the greatest value, in any order, as long as it can matter."""

from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.session_energies import SLOT_NS, Energy, SessionEnergies

MINUTE = SLOT_NS // 5
_values = st.lists(st.builds(Energy, st.integers(0, 60 * MINUTE), st.sampled_from([0.0, 1.0, 2.5, 9.0])), max_size=12)


def heard(*values: tuple[int, float]) -> SessionEnergies:
    """Values said so many minutes past the epoch."""
    energies = SessionEnergies()
    for minute, kwh in values:
        energies.add(minute * MINUTE, kwh)
    return energies


def test_of_a_slot_the_greatest_counts_and_of_equal_ones_the_last() -> None:
    for order in permutations([(0, 4.0), (1, 4.0), (2, 0.0), (4, 3.5), (5, 0.0)]):
        assert list(heard(*order)) == [(1 * MINUTE, 4.0), (5 * MINUTE, 0.0)]


def test_it_says_whether_a_value_counts() -> None:
    energies = heard((10, 4.0))
    counts = [energies.add(minute * MINUTE, kwh) for minute, kwh in [(10, 4.0), (11, 0.0), (11, 4.0), (4, 0.0)]]
    assert counts == [False, False, True, True]


def test_a_span_is_without_its_beginning_and_with_its_end() -> None:
    energies = heard((10, 9.0), (20, 5.0), (30, 6.0), (40, 8.0))
    assert energies.greatest(10 * MINUTE, 30 * MINUTE) == 6.0
    assert energies.greatest(10 * MINUTE, 30 * MINUTE - 1) == 5.0
    assert energies.greatest(40 * MINUTE, 90 * MINUTE) == 0.0
    assert energies.last_until(30 * MINUTE - 1) == 20 * MINUTE
    assert energies.last_until(10 * MINUTE - 1) is None


def test_what_rises_later_is_not_needed_and_what_is_old_is_gone() -> None:
    energies = heard((5, 7.0), (10, 3.0), (15, 3.0), (20, 1.0), (30, 0.5))
    assert energies.thin(30 * MINUTE, 0)
    assert [at // MINUTE for at, _ in energies] == [5, 15, 20, 30]
    assert energies.thin(30 * MINUTE, 15 * MINUTE)
    assert list(energies) == [(15 * MINUTE, 3.0), (20 * MINUTE, 1.0), (30 * MINUTE, 0.5)]
    assert not energies.thin(30 * MINUTE, 15 * MINUTE)


@given(_values, st.integers(0, 60), st.integers(0, 60), st.integers(0, 60))
def test_thinning_makes_no_difference_to_who_may_still_ask(
    values: list[Energy], begin: int, settled: int, forgotten: int
) -> None:
    whole, thinned = SessionEnergies(), SessionEnergies()
    for value in values:
        whole.add(*value)
        thinned.add(*value)
    is_thinned = thinned.thin(settled * MINUTE, min(forgotten, settled) * MINUTE)
    assert is_thinned == (len(thinned) < len(whole))
    assert set(thinned) <= set(whole)
    after = max(begin, min(forgotten, settled)) * MINUTE
    for until in range(settled * MINUTE, 61 * MINUTE, MINUTE):
        assert thinned.greatest(after, until) == whole.greatest(after, until)
