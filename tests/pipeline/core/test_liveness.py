"""Liveness: the same messages give the same alerts, however ordered and cut, and however often it was interrupted."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.fleet_silence import TOGETHER_NS, FleetRule
from pipeline.core.liveness import CORRECTED_NS, Liveness
from pipeline.core.silences import FORGOTTEN_AFTER_NS
from schemas.alert import Alert, AlertKind

S = 10**9
START = 1_700_000_000 * S
AFTER = 20 * S
END = START + 2_000 * S
RULE = FleetRule(least=2, share=0.4)
SERIALS = "abcdefg"

Message = tuple[str, int]


class Said(NamedTuple):
    """Everything that was to be written, and to be told."""

    written: list[Alert]
    told: list[Alert]


def at(seconds: float) -> int:
    return START + int(seconds * S)


def advance(liveness: Liveness, watermark: int, said: Said) -> None:
    edges = liveness.advance(watermark)
    said.written.extend(edges.to_write)
    said.told.extend(edges.to_notify)


def at_once(messages: Iterable[Message], watermark: int = END) -> Said:
    liveness, said = Liveness(AFTER, RULE), Said([], [])
    for message in messages:
        liveness.see(*message)
    advance(liveness, watermark, said)
    return said


def short(alerts: Iterable[Alert]) -> list[tuple[str, bool, float]]:
    return [(alert.serial, alert.active, (alert.at - START) / S) for alert in alerts]


GRID = 5
"""Seconds: coarse, so that moments often meet."""

MESSAGES = st.lists(
    st.tuples(st.sampled_from(SERIALS), st.integers(0, 180).map(lambda step: at(step * GRID))),
    min_size=1,
    max_size=40,
    unique=True,
)
WATERMARKS = st.lists(
    st.builds(lambda step, past: at(step * GRID) + past, st.integers(1, 300), st.sampled_from((0, 1))), max_size=12
).map(lambda found: [*sorted(found), END])


def silences(messages: Iterable[Message]) -> Iterable[tuple[str, int, int]]:
    """Each silence of each device: when it began, and when it was over, or after the end."""
    heard: dict[str, set[int]] = {}
    for serial, moment in messages:
        heard.setdefault(serial, set()).add(moment)
    for serial, moments in heard.items():
        ordered = [*sorted(moments), END + 10**6 * S]
        yield from ((serial, one + AFTER, two) for one, two in pairwise(ordered) if two - one > AFTER)


def expected_chargers(messages: Sequence[Message]) -> set[tuple[str, bool, int, int]]:
    """An independent reading of the rule: serial, whether it is raised, when, and of which raise."""
    begun = {(serial, True, begun, begun) for serial, begun, _ in silences(messages)}
    return begun | {(serial, False, over, begun) for serial, begun, over in silences(messages) if over < END}


def expected_outages(messages: Sequence[Message]) -> list[tuple[bool, int]]:
    """An independent reading: whoever is silent is counted anew at each moment at which anything happens."""
    firsts = {serial: min(at for each, at in messages if each == serial) for serial, _ in messages}
    events = [(first, 0, serial, 0) for serial, first in firsts.items()]
    events += [(over, 1, serial, begun) for serial, begun, over in silences(messages)]
    events += [(begun, 2, serial, begun) for serial, begun, _ in silences(messages)]
    silent: dict[str, int] = {}
    known, outage, found = 0, 0, []
    for now, kind, serial, begun in sorted(events):
        known += kind == 0
        if kind == 1:
            del silent[serial]
        elif kind == 2:
            silent[serial] = begun
        most = max(RULE.least, RULE.share * known)
        together = sum(begun >= (outage or now) - TOGETHER_NS for begun in silent.values())
        if now < END and ((not outage and kind == 2 and together > most) or (outage and together <= most)):
            outage = 0 if outage else now
            found.append((bool(outage), now))
    return found


def final(said: Said) -> dict[tuple[str, int], Alert]:
    """The rows as they stand in the end, without those that were taken back."""
    rows = {(alert.serial, alert.at): alert for alert in said.written}
    return {key: alert for key, alert in rows.items() if not alert.is_refuted}


def chargers(said: Said) -> set[tuple[str, bool, int, int]]:
    alerts = (alert for alert in final(said).values() if alert.kind is AlertKind.CHARGER_SILENT)
    return {(alert.serial, alert.active, alert.at, alert.raised_at) for alert in alerts}


def outages(said: Said) -> list[tuple[bool, int]]:
    return [(alert.active, alert.at) for alert in said.written if alert.kind is AlertKind.FLEET_SILENT]


@given(MESSAGES)
def test_what_is_said_is_what_the_messages_mean(messages: list[Message]) -> None:
    said = at_once(messages)
    assert chargers(said) == expected_chargers(messages)
    assert outages(said) == expected_outages(messages)
    assert said.written == sorted(said.written, key=lambda alert: alert.at)


def in_steps(messages: Sequence[Message], watermarks: Sequence[int], restarts: Sequence[bool], ahead: int) -> Said:
    """Nothing late: what arrives before a watermark is seen before it comes, and so much that arrives after it."""
    liveness, said, left = Liveness(AFTER, RULE), Said([], []), list(messages)
    kept: dict[str, int] = {}
    for watermark, is_restarted in zip(watermarks, restarts, strict=False):
        for message in [each for each in left if each[1] < watermark + ahead]:
            liveness.see(*message)
            left.remove(message)
        advance(liveness, watermark, said)
        kept.update(liveness.changes())
        if is_restarted:
            active, everything = liveness.active(), liveness.last_seen()
            liveness = Liveness(AFTER, RULE)
            liveness.restore(everything if watermark // S % 2 else kept, watermark)
            assert {alert[:5] for alert in liveness.active()} == {alert[:5] for alert in active}
    return said


NEVER_RESTARTED = (False,) * 13
RESTARTS = st.lists(st.booleans(), min_size=13, max_size=13)
AHEAD = st.sampled_from((0, 30 * S, 300 * S))


@given(st.permutations(range(40)), MESSAGES, WATERMARKS, RESTARTS, AHEAD)
def test_order_steps_and_restarts_do_not_matter(
    order: list[int], messages: list[Message], watermarks: list[int], restarts: list[bool], ahead: int
) -> None:
    shuffled = [messages[place] for place in order if place < len(messages)]
    assert in_steps(shuffled, watermarks, restarts, ahead) == at_once(messages)


def out_of_order(messages: Sequence[Message], watermarks: Sequence[int], restarts: Sequence[bool]) -> Said:
    """Anything may be late, but that every device was heard in time once."""
    liveness, said = Liveness(AFTER, RULE), Said([], [])
    for serial in SERIALS:
        liveness.see(serial, START)
    size = -(-len(messages) // len(watermarks))
    for number, (watermark, is_restarted) in enumerate(zip(watermarks, restarts, strict=False)):
        for message in messages[number * size : (number + 1) * size]:
            liveness.see(*message)
        advance(liveness, watermark, said)
        if is_restarted:
            kept = liveness.last_seen()
            liveness = Liveness(AFTER, RULE)
            liveness.restore(kept, watermark)
    return said


@given(MESSAGES, WATERMARKS, RESTARTS)
def test_what_comes_late_is_put_right(messages: list[Message], watermarks: list[int], restarts: list[bool]) -> None:
    said = out_of_order(messages, watermarks, restarts)
    assert chargers(said) == expected_chargers([*messages, *((serial, START) for serial in SERIALS)])
    assert said.written == out_of_order(messages, watermarks, NEVER_RESTARTED).written


@given(MESSAGES, WATERMARKS)
def test_a_message_that_comes_again_says_nothing(messages: list[Message], watermarks: list[int]) -> None:
    assert in_steps(messages + messages[::-1], watermarks, NEVER_RESTARTED, 0) == at_once(messages)


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


def test_what_it_does_not_know_is_refused() -> None:
    with pytest.raises(ValueError, match="later"):
        Liveness(AFTER).restore({"a": START, "a later": START}, START)


def test_before_the_first_watermark_nothing_is_said() -> None:
    liveness = Liveness(AFTER, RULE)
    liveness.restore({}, None)
    liveness.see("a", START)
    assert liveness.advance(0) == ((), ())
    assert short(liveness.advance(at(21)).to_write) == [("a", True, 20)]
