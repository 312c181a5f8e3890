"""The mixtures of quirks."""

from pipeline.simulator.form_quirks import PLAYS
from pipeline.simulator.quirks import Quirk, Quirks


def test_none_has_none_and_all_has_all() -> None:
    assert not [quirk for quirk in Quirk if Quirks.none().rate(quirk)]
    assert not [quirk for quirk in Quirk if not Quirks.all().rate(quirk)]


def test_a_mixture_can_be_narrowed() -> None:
    everyday = Quirks.everyday()
    only = everyday.with_only([Quirk.REDELIVERY])
    assert [quirk for quirk in Quirk if only.rate(quirk)] == [Quirk.REDELIVERY]
    assert only.rate(Quirk.REDELIVERY) == everyday.rate(Quirk.REDELIVERY)
    without = everyday.without([Quirk.REDELIVERY])
    assert without.rate(Quirk.REDELIVERY) == 0
    assert without.rate(Quirk.OFFLINE) == everyday.rate(Quirk.OFFLINE) > 0


def test_rates_of_form_leave_room_for_messages_by_the_book() -> None:
    for mixture in (Quirks.all(), Quirks.everyday()):
        assert sum(mixture.rate(quirk) for quirk in PLAYS) < 0.5
