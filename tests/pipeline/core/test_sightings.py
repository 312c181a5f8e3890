"""Sightings: an order of their own, and what is forgotten of them."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.sightings import Sighting, Sightings

SIGHTINGS = st.lists(
    st.builds(
        Sighting,
        st.integers(0, 20),
        st.one_of(st.none(), st.integers(0, 20)),
        st.sampled_from((48, 111)),
        st.sampled_from((6.0, "text", None)),
    ),
    max_size=20,
)
IDS = (48, 111)


def seen_of(sightings: list[Sighting]) -> Sightings:
    known = Sightings()
    for sighting in sightings:
        known.add(sighting)
    return known


def content(known: Sightings) -> list[Sighting]:
    return known.between(IDS, 0, 21)


@given(SIGHTINGS, st.randoms(use_true_random=False))
def test_order_and_copies_change_nothing(sightings: list[Sighting], random: Random) -> None:
    again = [*sightings, *sightings[: len(sightings) // 2]]
    random.shuffle(again)
    assert content(seen_of(again)) == content(seen_of(sightings))
    assert sorted(map(repr, content(seen_of(again)))) == sorted(map(repr, set(sightings)))
    assert len(seen_of(again)) == len(set(sightings))


@given(SIGHTINGS, st.integers(0, 21), st.integers(0, 21))
def test_what_lies_between_and_beside(sightings: list[Sighting], first: int, end: int) -> None:
    known = seen_of(sightings)
    assert known.between(IDS, first, end) == [each for each in content(known) if first <= each.observed_at < end]
    for number in IDS:
        own = [each for each in content(known) if each.observation_id == number]
        before = [each for each in own if each.observed_at < first]
        behind = [each.observed_at for each in own if each.observed_at > first]
        assert known.last_before(number, first) == (before[-1] if before else None)
        assert known.next_stamp(number, first) == (behind[0] if behind else None)


@given(SIGHTINGS, st.integers(0, 21))
def test_of_what_is_past_the_last_value_of_each_id_is_kept(sightings: list[Sighting], before: int) -> None:
    known = seen_of(sightings)
    whole = content(known)
    last = [known.last_before(number, before) for number in IDS]
    gone = known.prune(before)
    assert set(content(known)) == {each for each in whole if each.observed_at >= before or each in last}
    assert sorted(map(repr, [*gone, *content(known)])) == sorted(map(repr, whole))
    assert known.prune(before) == []


def test_last_values_alone_are_never_forgotten() -> None:
    known = seen_of([Sighting(1, None, 48, 6.0), Sighting(2, None, 111, 6.0)])
    assert known.is_last_values_only
    assert known.prune(9) == []
    known.add(Sighting(3, None, 48, 7.0))
    assert not known.is_last_values_only
