"""Liveness: who is found silent, who is told of, and what is kept of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.liveness import CORRECTED_NS, Liveness
from pipeline.core.silences import FORGOTTEN_AFTER_NS
from schemas.alert import AlertKind
from tests.pipeline.core.liveness_samples import AFTER, RULE, START, S, Said, advance, at, at_once, short


def test_a_single_dead_charger_is_one_notice_after_five_more_minutes() -> None:
    liveness, said = Liveness(1_200 * S), Said([], [])
    for second in range(0, 3_600, 10):
        for number in range(100):
            if number != 7 or second <= 600:
                liveness.see(f"EH{number}", at(second))
        advance(liveness, at(second), said)
        assert short(said.written) == ([("EH7", True, 1_800)] if second > 1_800 else [])
        assert short(said.told) == ([("EH7", True, 1_800)] if second > 2_100 else [])


def test_a_fleet_that_dies_is_one_notice_and_all_are_found() -> None:
    liveness, said = Liveness(1_200 * S), Said([], [])
    for number in range(5_000):
        liveness.see(f"EH{number}", at(number / 100))
    for second in range(60, 7_200, 60):
        advance(liveness, at(second), said)
    assert len({alert.serial for alert in said.written if alert.kind is AlertKind.CHARGER_SILENT}) == 5_000
    assert short(said.told) == [("-", True, 1_202.5)]
    assert said.told[0].message == "251 of 5000 devices fell silent within 5 min"
    assert short(liveness.active()) == [("-", True, 1_202.5)]


def test_a_fleet_that_comes_back_is_one_notice_too() -> None:
    liveness, said = Liveness(1_200 * S), Said([], [])
    for number in range(5_000):
        liveness.see(f"EH{number}", at(number / 100))
    advance(liveness, at(3_600), said)
    for number in range(5_000):
        liveness.see(f"EH{number}", at(3_600 + number / 100))
    advance(liveness, at(4_000), said)
    assert short(said.told) == [("-", True, 1_202.5), ("-", False, 3_647.49)]
    assert len(said.written) == 10_002
    assert liveness.active() == ()


def test_a_deadline_that_the_watermark_only_reaches_is_kept_in_mind() -> None:
    liveness, said = Liveness(AFTER, RULE), Said([], [])
    for second in (0, 5):
        liveness.see("a", at(second))
    advance(liveness, at(25), said)
    assert said.written == []
    advance(liveness, at(25) + 1, said)
    assert short(said.written) == [("a", True, 25)]


def test_a_late_message_takes_the_raise_back_at_once() -> None:
    liveness, said = Liveness(AFTER, RULE), Said([], [])
    liveness.see("a", at(0))
    advance(liveness, at(30), said)
    liveness.see("a", at(15))
    advance(liveness, at(30), said)
    assert short(said.written) == [("a", True, 20), ("a", False, 20)]
    assert said.written[1].is_refuted
    advance(liveness, at(400), said)
    assert short(said.told) == short(liveness.active()) == [("a", True, 35)]
    liveness.see("a", at(20))
    advance(liveness, at(400), said)
    assert short(said.written[2:]) == [("a", True, 35), ("a", False, 35), ("a", True, 40)]
    assert short(said.told) == [("a", True, 35), ("a", False, 35), ("a", True, 40)]
    assert short(liveness.active()) == [("a", True, 40)]


def test_a_device_that_comes_and_goes_leaves_no_trace() -> None:
    liveness, said = Liveness(AFTER, RULE), Said([], [])
    liveness.see("a", START)
    for hour in range(1, 720):
        for serial in "bcdef":
            liveness.see(serial, at(hour * 3_600))
        advance(liveness, at(hour * 3_600 + 30), said)
    gaps = {key for key in liveness.last_seen() if " " in key and not key.startswith("fleet")}
    assert gaps == {f"{serial} {at(718 * 3_600)}" for serial in "bcdef"}
    said.written.clear()
    advance(liveness, START + FORGOTTEN_AFTER_NS + 1, said)
    assert [alert.message for alert in said.written if alert.serial == "a"] == [
        "a has not been heard for 30 days and is forgotten"
    ]
    assert [key for key in liveness.last_seen() if " " in key and not key.startswith("fleet")] == []


def test_one_that_is_heard_again_after_thirty_days_was_forgotten_meanwhile() -> None:
    back = START + FORGOTTEN_AFTER_NS + 86_400 * S
    liveness, said = Liveness(AFTER, RULE), Said([], [])
    for moment in (START, back):
        liveness.see("a", moment)
    for watermark in (at(30), START + FORGOTTEN_AFTER_NS + 1, back, back + 21 * S):
        advance(liveness, watermark, said)
        if watermark == START + FORGOTTEN_AFTER_NS + 1:
            assert short(said.told) == [("a", True, 20), ("a", False, FORGOTTEN_AFTER_NS / S)]
    assert said == at_once([("a", START), ("a", back)], back + 21 * S)


def test_one_that_is_gone_for_thirty_days_is_forgotten() -> None:
    liveness, said = Liveness(1_200 * S), Said([], [])
    liveness.see("EH1", START)
    advance(liveness, at(10_000), said)
    assert len(liveness) == 1
    advance(liveness, START + FORGOTTEN_AFTER_NS + 1, said)
    assert len(liveness) == 0
    assert (liveness.active(), liveness.last_seen().get("EH1")) == ((), None)
    assert said.told[-1].message == "EH1 has not been heard for 30 days and is forgotten"
    assert short(said.told) == [("EH1", True, 1_200), ("EH1", False, FORGOTTEN_AFTER_NS / S)]
    restored = Liveness(1_200 * S)
    restored.restore({"EH1": START}, START + FORGOTTEN_AFTER_NS + 1)
    assert len(restored) == 0


def test_late_into_a_silence_that_is_long_over_it_is_passed_over() -> None:
    liveness, said = Liveness(AFTER, RULE), Said([], [])
    for second in (0, 100):
        liveness.see("a", at(second))
    advance(liveness, at(110), said)
    advance(liveness, at(100) + CORRECTED_NS + 1, said)
    before = len(said.written)
    liveness.see("a", at(50))
    advance(liveness, at(100) + CORRECTED_NS + 2, said)
    assert len(said.written) == before


def test_only_what_is_new_is_kept() -> None:
    liveness = Liveness(AFTER, RULE)
    for second in (0, 10, 100):
        liveness.see("a", at(second))
    assert liveness.changes() == {"a": at(100), "a 0": at(0), f"a {at(10)}": at(100)}
    assert liveness.changes() == {}
    liveness.see("a", at(25))
    assert liveness.changes() == {f"a {at(10)}": 0, f"a {at(25)}": at(100)}
    liveness.see("a", at(50))
    liveness.advance(at(60))
    assert liveness.changes() == {f"a {at(25)}": at(50), f"a {at(50)}": at(100)}


def test_with_another_silent_after_only_what_comes_is_judged_by_it() -> None:
    kept = Liveness(AFTER)
    for second in (0, 30):
        kept.see("a", at(second))
    for silent_after, deadline in ((2 * AFTER, 70), (AFTER // 2, 40)):
        liveness, said = Liveness(silent_after), Said([], [])
        liveness.restore(kept.last_seen(), at(31))
        advance(liveness, at(200), said)
        assert short(said.written) == [("a", True, deadline)]


def test_what_it_does_not_know_is_refused() -> None:
    with pytest.raises(ValueError, match="later"):
        Liveness(AFTER).restore({"a": START, "a later": START}, START)


@given(
    st.lists(
        st.tuples(
            st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 45)), max_size=8),
            st.integers(0, 30),
        ),
        max_size=8,
    )
)
def test_many_at_once_are_seen_as_one_after_the_other(rounds: list[tuple[list[tuple[str, int]], int]]) -> None:
    one_by_one, at_once_seen = Liveness(AFTER, RULE), Liveness(AFTER, RULE)
    said: tuple[Said, Said] = (Said([], []), Said([], []))
    second = 0
    for heard, later in rounds:
        in_order = sorted((second + ago, serial) for serial, ago in heard)
        for moment, serial in in_order:
            one_by_one.see(serial, at(moment))
        at_once_seen.see_all([serial for _, serial in in_order], [at(moment) for moment, _ in in_order])
        second += later
        for liveness, told in zip((one_by_one, at_once_seen), said, strict=True):
            advance(liveness, at(second), told)
        assert at_once_seen.changes() == one_by_one.changes()
    assert said[0] == said[1]


def test_before_the_first_watermark_nothing_is_said() -> None:
    liveness = Liveness(AFTER, RULE)
    liveness.restore({}, None)
    liveness.see("a", START)
    assert liveness.advance(0) == ((), ())
    assert short(liveness.advance(at(21)).to_write) == [("a", True, 20)]
