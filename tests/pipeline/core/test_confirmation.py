"""Confirmation by readback: what confirms, what does not, and that order, copies and pruning change nothing."""

from collections.abc import Iterable, Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.confirmation import AFTER_NS, BEFORE_NS, Effect, Target, shows, targets_of
from pipeline.core.confirmation import confirm as confirm_by
from pipeline.core.sightings import Sighting, Sightings
from schemas.catalogue import shipped_catalogue
from schemas.command import Argument, CommandSent
from schemas.observation import Value

CATALOGUE = shipped_catalogue()
S = 10**9
CREATED = 1_700_000_000 * S + S // 2
SECOND = CREATED // S * S
CURRENT = (Target(48, 13.0),)
PHASES = (Target(111, 16.0), Target(112, 16.0), Target(113, 10.0))


def seen_of(sightings: Iterable[Sighting]) -> Sightings:
    known = Sightings()
    for sighting in sightings:
        known.add(sighting)
    return known


def confirm(
    targets: Sequence[Target], sightings: Iterable[Sighting], created_at: int, until: int | None
) -> Effect | None:
    return confirm_by(targets, seen_of(sightings), created_at, until)


def seen(seconds: float, value: Value, observation_id: int = 48) -> Sighting:
    at = SECOND + int(seconds * S)
    return Sighting(at, at + S, observation_id, value)


def command(command_id: int, *values: str) -> CommandSent:
    arguments = tuple(Argument(number, value) for number, value in enumerate(values, start=1))
    return CommandSent("EH1", command_id, arguments, None, CREATED, "ref", None)


@pytest.mark.parametrize(
    ("sent", "targets"),
    [
        (command(48, "13", "5"), CURRENT),
        (command(22, "16", "16.0", "10", "60"), PHASES),
        (command(29, "true"), (Target(31, 1.0),)),
        (command(11, "False"), (Target(102, 0.0),)),
        (command(1), ()),
        (command(48, "much"), ()),
        (command(22, "16", "16"), ()),
        (command(999, "1"), ()),
    ],
)
def test_what_must_be_seen(sent: CommandSent, targets: tuple[Target, ...]) -> None:
    assert targets_of(CATALOGUE, sent.id, sent.arguments) == targets


def test_the_observation_that_completes_it_is_the_effect() -> None:
    found = confirm(CURRENT, [seen(-9, 6.0), seen(1, 13.0), seen(9, 13.0)], CREATED, None)
    assert found == Effect(SECOND + S, SECOND + 2 * S)


def test_it_may_come_before_the_response() -> None:
    assert confirm(CURRENT, [seen(-2, 13.0)], CREATED, None)
    assert confirm(CURRENT, [seen(-2.1, 13.0)], CREATED, None) is None


def test_one_phase_that_is_emitted_confirms_the_three() -> None:
    before = [seen(-900, 16.0, 111), seen(-900, 16.0, 112), seen(-900, 16.0, 113)]
    assert confirm(PHASES, before, CREATED, None) is None
    assert confirm(PHASES, [*before, seen(1, 10.0, 113)], CREATED, None) == Effect(SECOND + S, SECOND + 2 * S)
    assert confirm(PHASES, [seen(1, 10.0, 113)], CREATED, None) is None


def test_what_changes_nothing_is_not_confirmed() -> None:
    assert confirm(CURRENT, [seen(-900, 13.0)], CREATED, None) is None
    assert confirm(CURRENT, [], CREATED, None) is None


def test_the_next_command_of_the_family_ends_it() -> None:
    assert confirm(CURRENT, [seen(9, 13.0)], CREATED, SECOND + 10 * S)
    assert confirm(CURRENT, [seen(10, 13.0)], CREATED, SECOND + 10 * S) is None


def test_five_minutes_end_it() -> None:
    assert confirm(CURRENT, [Sighting(CREATED + AFTER_NS, None, 48, 13.0)], CREATED, None)
    assert confirm(CURRENT, [Sighting(CREATED + AFTER_NS + 1, None, 48, 13.0)], CREATED, None) is None


def test_once_confirmed_it_stays() -> None:
    assert confirm(CURRENT, [seen(1, 13.0), seen(2, 6.0)], CREATED, None)


@pytest.mark.parametrize(
    ("value", "is_shown"), [(1.4140000343322754, True), (1.414, True), (1.415, False), ("1.414", False), (None, False)]
)
def test_numbers_are_compared_as_devices_hold_them(value: Value, is_shown: bool) -> None:
    (target,) = targets_of(CATALOGUE, 48, command(48, "1.414").arguments)
    assert shows(value, target.number) is is_shown


SIGHTINGS = st.lists(
    st.builds(
        Sighting,
        st.integers(-20, 320).map(lambda seconds: SECOND + seconds * S),
        st.one_of(st.none(), st.integers(-20, 320).map(lambda seconds: SECOND + seconds * S)),
        st.sampled_from((48, 111, 112, 113)),
        st.sampled_from((10.0, 13.0, 16.0, "text", None)),
    ),
    max_size=25,
)
TARGETS = st.sampled_from((CURRENT, PHASES))
UNTIL = st.one_of(st.none(), st.integers(0, 320).map(lambda seconds: SECOND + seconds * S))


@given(SIGHTINGS, TARGETS, UNTIL, st.randoms(use_true_random=False))
def test_order_and_copies_change_nothing(
    sightings: list[Sighting], targets: tuple[Target, ...], until: int | None, random: Random
) -> None:
    again = [*sightings, *sightings[: len(sightings) // 2]]
    random.shuffle(again)
    assert confirm(targets, again, CREATED, until) == confirm(targets, sightings, CREATED, until)


@given(SIGHTINGS, TARGETS, UNTIL, st.integers(-30, 0))
def test_what_is_pruned_is_not_missed(
    sightings: list[Sighting], targets: tuple[Target, ...], until: int | None, seconds: int
) -> None:
    pruned = seen_of(sightings)
    pruned.prune(SECOND - BEFORE_NS + seconds * S)
    assert confirm_by(targets, pruned, CREATED, until) == confirm(targets, sightings, CREATED, until)


@given(SIGHTINGS, TARGETS, UNTIL)
def test_it_is_seen_by_the_first_moment_at_which_all_show_what_they_must(
    sightings: list[Sighting], targets: tuple[Target, ...], until: int | None
) -> None:
    end = min(CREATED + AFTER_NS + 1, until or 2 * CREATED)
    ids = {target.observation_id for target in targets}
    readbacks = [each.observed_at for each in sightings if each.observation_id in ids]
    within = sorted({observed_at for observed_at in readbacks if SECOND - BEFORE_NS <= observed_at < end})
    all_show = [moment for moment in within if _all_show(targets, sightings, moment)]
    found = confirm(targets, sightings, CREATED, until)
    if all_show:
        assert found is not None
        assert found.observed_at <= all_show[0]
    if found is not None:
        assert found.observed_at in within


def _all_show(targets: tuple[Target, ...], sightings: list[Sighting], moment: int) -> bool:
    known = seen_of(sightings)
    last = {target: known.last_before(target.observation_id, moment + 1) for target in targets}
    return all(seen is not None and shows(seen.value, target.number) for target, seen in last.items())
