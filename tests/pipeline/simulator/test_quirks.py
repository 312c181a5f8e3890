"""The mixtures of quirks."""

from pipeline.simulator.form_quirks import PLAYS
from pipeline.simulator.quirks import Quirk, Quirks

HARDSHIPS = {
    Quirk.SLOW_RESPONSE,
    Quirk.EXPIRES,
    Quirk.ONLY_CHANGES,
    Quirk.RENEWED,
    Quirk.RIVAL,
    Quirk.REPEATED,
    Quirk.DEAD,
    Quirk.REPEATED_TO_DEAD,
    Quirk.DEVICE_CLOCK,
    Quirk.HOST_CLOCK,
}


def having(quirks: Quirks) -> set[Quirk]:
    return {quirk for quirk in Quirk if quirks.rate(quirk)}


def test_none_has_none_and_all_has_all_of_the_stream() -> None:
    assert having(Quirks.none()) == set()
    assert having(Quirks.all()) == set(Quirk) - HARDSHIPS


def test_a_hard_day_is_an_everyday_one_with_hardships() -> None:
    assert having(Quirks.hard()) == having(Quirks.everyday()) | HARDSHIPS
    assert not having(Quirks.everyday()) & HARDSHIPS


def test_a_mixture_can_be_narrowed() -> None:
    everyday = Quirks.everyday()
    only = everyday.with_only([Quirk.REDELIVERY])
    assert [quirk for quirk in Quirk if only.rate(quirk)] == [Quirk.REDELIVERY]
    assert only.rate(Quirk.REDELIVERY) == everyday.rate(Quirk.REDELIVERY)
    without = everyday.without([Quirk.REDELIVERY])
    assert without.rate(Quirk.REDELIVERY) == 0
    assert without.rate(Quirk.OFFLINE) == everyday.rate(Quirk.OFFLINE) > 0
    assert having(everyday.but({Quirk.DEAD: 1.0})) == having(everyday) | {Quirk.DEAD}


def test_rates_of_form_leave_room_for_messages_by_the_book() -> None:
    for mixture in (Quirks.all(), Quirks.everyday()):
        assert sum(mixture.rate(quirk) for quirk in PLAYS) < 0.5
