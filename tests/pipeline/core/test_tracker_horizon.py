"""The tracker over hours: what is forgotten changes no row, and what comes too late changes none either."""

from collections.abc import Sequence
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.forgetting import CLOSED_NS, EVERY_NS, PAST_NS
from pipeline.core.kept_facts import KeptKey
from pipeline.core.tracker import Tracker
from schemas.command import CommandResponse, CommandSent
from schemas.measurement import CHARGER_CLOCK, COMMAND, COMMAND_RESPONSE
from schemas.observation import Observation
from schemas.row import Row
from tests.pipeline.core.tracker_samples import (
    CATALOGUE,
    KEPT,
    START,
    TIMEOUT,
    Fact,
    Rows,
    S,
    answered,
    applied,
    at_once,
    feed,
    final,
    keep,
    only,
    sent,
    shown,
)

MINUTE = 60 * S
HOUR = 60 * MINUTE
LONGEST_DELAY = 25 * MINUTE
ALL_DAY = START + 24 * HOUR


class Delivered(NamedTuple):
    """A fact, when it is delivered, and whether the tracker is restarted behind it."""

    at: int
    fact: Fact
    is_restarted: bool


def reached_cloud(fact: Fact) -> int:
    arrived_at = fact.published_at if isinstance(fact, CommandSent) else fact.arrived_at
    assert arrived_at is not None
    return arrived_at


def identity(fact: Fact) -> tuple[str, int, str]:
    """Copies are the same fact: an arrival or a value of their own would make them contradict each other."""
    match fact:
        case CommandSent():
            return "C", fact.published_at, fact.ref
        case CommandResponse():
            return "CR", fact.created_at, f"{fact.accepted}"
        case Observation():
            return "O", fact.observed_at, f"{fact.value}"


# A few clusters, spread over hours.
SECONDS = st.builds(lambda part, second: part * 700 + second, st.integers(0, 20), st.sampled_from((0, 1, 3, 6)))
FACTS = st.lists(
    st.one_of(
        st.builds(lambda seconds, ref: sent(seconds, f"{ref} of {seconds}"), SECONDS, st.sampled_from("ab")),
        st.builds(
            answered,
            SECONDS,
            st.sampled_from((1, 90, 3_000, 10_000)),
            st.just(48),
            st.booleans(),
        ),
        st.builds(shown, SECONDS, st.sampled_from((6.0, 13.0)), st.just(48)),
    ),
    max_size=25,
    unique_by=identity,
)


def run_through(deliveries: Sequence[Delivered]) -> Rows:
    tracker, rows, kept, watermark = Tracker(CATALOGUE, TIMEOUT, KEPT), Rows(), dict[KeptKey, bytes](), START
    for delivered in sorted(deliveries, key=lambda delivered: (delivered.at, repr(delivered.fact))):
        feed(tracker, delivered.fact)
        watermark = max(watermark, delivered.at)
        applied(rows, tracker.advance(watermark).rows)
        keep(kept, tracker)
        if delivered.is_restarted:
            tracker = Tracker(CATALOGUE, TIMEOUT, KEPT)
            tracker.restore(kept.items(), watermark)
    for _ in range(2):
        applied(rows, tracker.advance(ALL_DAY).rows)
    keep(kept, tracker)
    assert {key.name.partition(" ")[0] for key in kept} <= {"sighting"}
    return rows


def that_must_agree(rows: Rows, facts: Sequence[Fact]) -> Rows:
    """All but clocks, and that a response is nobody's which came too late to say so."""
    late = {
        fact.created_at
        for fact in facts
        if isinstance(fact, CommandResponse) and reached_cloud(fact) + LONGEST_DELAY - fact.created_at > PAST_NS
    }
    return {
        key: fields
        for key, fields in rows.items()
        if key[0] != CHARGER_CLOCK and not (key[-1] in late and fields.get("paired") == 0.0)
    }


@given(FACTS, st.data())
def test_what_is_forgotten_changes_no_row(facts: list[Fact], data: st.DataObject) -> None:
    deliveries = [
        Delivered(reached_cloud(fact) + minutes * MINUTE, fact, data.draw(st.booleans()))
        for fact in facts
        for minutes in data.draw(st.lists(st.integers(0, LONGEST_DELAY // MINUTE), min_size=1, max_size=3))
    ]
    rows = run_through(deliveries)
    assert that_must_agree(final(rows), facts) == that_must_agree(at_once(facts, ALL_DAY), facts)


def forgotten(*facts: Fact, after: int) -> tuple[Tracker, Rows, int]:
    """A tracker that forgot these facts, all that it wrote, and where the watermark is."""
    tracker, rows = Tracker(CATALOGUE, TIMEOUT, KEPT), Rows()
    for fact in facts:
        feed(tracker, fact)
    watermark = START
    for step in (0, MINUTE, after, EVERY_NS, EVERY_NS):
        watermark += step
        applied(rows, tracker.advance(watermark).rows)
    assert tracker.find("EH1", 48, "a") is None
    return tracker, rows, watermark


@pytest.mark.parametrize("again", [sent(0), answered(0.5), shown(1, 13.0), shown(1, 6.0)])
def test_a_redelivery_of_what_is_forgotten_flips_nothing(again: Fact) -> None:
    facts: list[Fact] = [sent(0), answered(0.5), shown(1, 13.0)]
    tracker, rows, watermark = forgotten(*facts, after=KEPT + CLOSED_NS)
    before = {key: dict(fields) for key, fields in rows.items()}
    assert only(before, COMMAND)["confirmed"] == 1.0
    feed(tracker, again)
    tracked = tracker.advance(watermark + 2 * TIMEOUT)
    assert (tracked.rows, tracked.time_outs) == ((), ())
    assert before == at_once(facts, watermark)


def test_one_that_nobody_answered_is_remembered_and_its_answer_changes_what_was_written() -> None:
    tracker, rows = Tracker(CATALOGUE, TIMEOUT, KEPT), Rows()
    tracker.add_command(sent(0))
    for hours in (1, 3, 5):
        applied(rows, tracker.advance(START + hours * HOUR).rows)
    late = answered(0.5, after=5 * 3_600)
    for fact in (late, shown(1, 13.0)):
        feed(tracker, fact)
    applied(rows, tracker.advance(START + 5 * HOUR + MINUTE).rows)
    assert only(rows, COMMAND) == only(at_once([sent(0), late, shown(1, 13.0)]), COMMAND)
    assert only(rows, COMMAND_RESPONSE)["paired"] == 1.0


def test_a_time_out_is_given_up_once_and_said_again_while_it_is_remembered() -> None:
    tracker = Tracker(CATALOGUE, TIMEOUT, KEPT)
    tracker.add_command(sent(0))
    tracker.advance(START + TIMEOUT + 1)
    given_up = START + TIMEOUT + KEPT
    assert [each.given_up_at for each in tracker.time_outs()] == [None]
    assert tracker.next_due() == given_up
    assert tracker.advance(given_up).time_outs == ()
    tracked = tracker.advance(given_up + 1)
    assert [each.given_up_at for each in tracked.time_outs] == [given_up]
    assert list(tracker.time_outs()) == []
    tracker.touch(tracked.touched)
    assert tracker.advance(given_up + 2).time_outs == tracked.time_outs
    assert tracker.advance(given_up + 3).time_outs == ()


def test_after_a_restart_a_time_out_is_still_given_up() -> None:
    tracker, kept = Tracker(CATALOGUE, TIMEOUT, KEPT), dict[KeptKey, bytes]()
    tracker.add_command(sent(0))
    tracker.advance(START + TIMEOUT + 1)
    keep(kept, tracker)
    again = Tracker(CATALOGUE, TIMEOUT, KEPT)
    again.restore(kept.items(), START + TIMEOUT + 1)
    assert again.advance(START + KEPT).time_outs == ()
    assert [each.given_up_at for each in again.advance(START + 2 * KEPT).time_outs] == [START + TIMEOUT + KEPT]


def test_what_a_newer_command_did_is_not_the_effect_of_the_older_though_the_newer_is_forgotten() -> None:
    tracker, rows, kept = Tracker(CATALOGUE, TIMEOUT, KEPT), Rows(), dict[KeptKey, bytes]()
    for fact in (sent(0), sent(100, "b"), answered(100.5), sent(200, "c")):
        feed(tracker, fact)
    for hours in (1, 2, 3):
        applied(rows, tracker.advance(START + hours * HOUR).rows)
    assert tracker.find("EH1", 48, "b") is None
    keep(kept, tracker)
    again = Tracker(CATALOGUE, TIMEOUT, KEPT)
    again.restore(kept.items(), START + 3 * HOUR)
    for each in (tracker, again):
        feed(each, answered(0.5, after=10_000))
        feed(each, shown(150, 13.0))
        life = each.find("EH1", 48, "a")
        assert life is not None
        assert (life.is_superseded, life.is_effective) == (True, False)


def test_the_clock_of_an_hour_counts_every_response_of_it_as_long_as_none_is_forgotten() -> None:
    hour = START - START % HOUR
    tracker, rows = Tracker(CATALOGUE, TIMEOUT, KEPT), Rows()
    early, late = (answered(seconds)._replace(delivered_at=START) for seconds in (10, 900))
    tracker.add_response(early)
    applied(rows, tracker.advance(START + 11 * S).rows)
    assert only(rows, CHARGER_CLOCK) == {"offset_ms": -10_000.0, "samples": 1.0}
    tracker.add_response(late)
    tracker.add_response(answered(3_601))
    applied(rows, tracker.advance(hour + CLOSED_NS).rows)
    by_hour = {key[-1]: fields for key, fields in rows.items() if key[0] == CHARGER_CLOCK}
    assert by_hour[hour] == {"offset_ms": -455_000.0, "samples": 2.0}
    assert by_hour[hour + HOUR] == {"offset_ms": 0.0, "samples": 1.0}
    tracker.advance(hour + CLOSED_NS + 1)
    tracker.add_response(answered(950))
    clocks = [row for row in tracker.advance(hour + CLOSED_NS + 2).rows if row.measurement == CHARGER_CLOCK]
    assert clocks == []


def test_of_what_is_past_though_the_watermark_stands_still_nothing_is_said_and_nothing_waits() -> None:
    tracker, kept = Tracker(CATALOGUE, TIMEOUT, KEPT), dict[KeptKey, bytes]()
    measurements: set[str] = set()
    for hour in range(30):
        for fact in (sent(hour * 3_600, f"{hour}"), answered(hour * 3_600 + 900)):
            feed(tracker, fact)
        measurements |= {row.measurement for row in tracker.advance(0, START + hour * HOUR).rows}
        keep(kept, tracker)
    assert measurements == {COMMAND, CHARGER_CLOCK}
    assert tracker.find("EH1", 48, "20") is None
    assert tracker.find("EH1", 48, "22") is not None
    assert len(kept) == 12
    due = tracker.next_due()
    assert due is not None
    assert due >= START + 29 * HOUR


def test_of_many_that_are_due_at_once_some_are_said_at_a_time_in_order_and_none_is_forgotten_before() -> None:
    at_one_go, in_steps = (Tracker(CATALOGUE, TIMEOUT, KEPT) for _ in range(2))
    for tracker in (at_one_go, in_steps):
        for number in range(20):
            for fact in (sent(number * 20, f"{number}"), answered(number * 20 + 8)):
                feed(tracker, fact)
        tracker.advance(START - 3 * S)
    later = START + 3 * KEPT
    whole = at_one_go.advance(later)
    deadlines: list[int] = []
    rows: list[Row] = []
    waits_from: int | None = START
    while waits_from is not None:
        said = in_steps.advance(later, most_due=3)
        waits_from = said.waits_from
        assert len(said.touched) <= 3
        deadlines += [time_out.deadline for time_out in said.time_outs if time_out.given_up_at is None]
        rows += said.rows
    assert deadlines == sorted(deadlines)
    assert final(applied({}, rows)) == final(applied({}, whole.rows))
