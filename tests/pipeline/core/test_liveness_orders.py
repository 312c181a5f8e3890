"""Liveness: the same messages give the same alerts, however ordered and cut, and however often it was interrupted."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.fleet_silence import TOGETHER_NS
from pipeline.core.liveness import Liveness
from schemas.alert import Alert, AlertKind
from tests.pipeline.core.liveness_samples import AFTER, END, RULE, START, Message, S, Said, advance, at, at_once

SERIALS = "abcdefg"
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
