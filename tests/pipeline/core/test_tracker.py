"""The tracker: the same set of facts gives the same rows, whatever the order, and however often it was interrupted."""

from itertools import permutations
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.kept_facts import KeptKey
from pipeline.core.tracker import Tracker
from schemas.command import CommandResponse, CommandSent
from schemas.measurement import CHARGER_CLOCK, COMMAND, COMMAND_OUTCOME, COMMAND_RESPONSE
from schemas.observation import Observation, Product
from tests.pipeline.core.tracker_samples import (
    CATALOGUE,
    END,
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

HALF_SECONDS = st.integers(0, 400).map(lambda half: half / 2)
FACTS = st.lists(
    st.one_of(
        st.builds(
            lambda seconds, ref, *rest: sent(seconds, f"{ref} of {seconds}", *rest),
            HALF_SECONDS,
            st.sampled_from("ab"),
            st.sampled_from((1, 22, 48)),
            st.one_of(st.none(), st.sampled_from((10, 59, 90))),
        ),
        st.builds(answered, HALF_SECONDS, st.sampled_from((1, 61, 90)), st.sampled_from((1, 22, 48)), st.booleans()),
        st.builds(shown, HALF_SECONDS, st.sampled_from((6.0, 13.0)), st.just(48)),
    ),
    max_size=14,
).map(lambda facts: list({repr(fact)[:0] + _identity(fact): fact for fact in facts}.values()))


def _identity(fact: Fact) -> str:
    """Copies are the same fact: an expiry or an arrival of their own would make them contradict each other."""
    if isinstance(fact, CommandSent):
        return f"C {fact.id} {fact.published_at} {fact.ref}"
    if isinstance(fact, CommandResponse):
        return f"CR {fact.id} {fact.created_at} {fact.accepted}"
    return f"O {fact.observed_at} {fact.value}"


@given(FACTS, st.randoms(use_true_random=False), st.data())
def test_any_order_batching_repetition_and_restart_ends_in_the_same_rows(
    facts: list[Fact], random: Random, data: st.DataObject
) -> None:
    order = facts + [fact for fact in facts if random.random() < 0.3]
    random.shuffle(order)
    tracker, rows, kept, watermark = Tracker(CATALOGUE, TIMEOUT, KEPT), Rows(), dict[KeptKey, bytes](), START
    for fact in order:
        feed(tracker, fact)
        if data.draw(st.booleans()):
            watermark = data.draw(st.integers(watermark, END))
            applied(rows, tracker.advance(watermark).rows)
            keep(kept, tracker)
            if data.draw(st.booleans()):
                tracker = Tracker(CATALOGUE, TIMEOUT, KEPT)
                tracker.restore(kept.items(), watermark)
    applied(rows, tracker.advance(END).rows)
    assert final(rows) == at_once(facts)


def test_a_copy_of_a_command_of_ours_is_known_by_its_ref_whatever_its_time() -> None:
    tracker = Tracker(CATALOGUE, TIMEOUT, KEPT)
    tracker.add_command(sent(0), 1, is_confirmed=False)
    tracker.add_command(sent(3))
    (row,) = tracker.advance(START).rows
    assert (row.time // 100, dict(row.fields)["attempt"]) == (START // 100, 1.0)
    assert dict(row.fields)["state"] == "published"


def test_sent_and_answered() -> None:
    rows = at_once([sent(0), answered(0.5)], START)
    assert only(rows, COMMAND)["state"] == "accepted"
    assert only(rows, COMMAND_RESPONSE) == {"paired": 1.0, "ref": "a"}
    assert only(rows, COMMAND_OUTCOME)["ok"] == 1.0


def test_a_response_of_nobody_is_decided_when_the_watermark_has_passed_its_window() -> None:
    tracker = Tracker(CATALOGUE, TIMEOUT, KEPT)
    tracker.add_response(answered(0))
    assert [row.measurement for row in tracker.advance(START + 5 * S).rows] == [CHARGER_CLOCK]
    assert tracker.next_due() == START + 5 * S
    rows = applied({}, tracker.advance(START + 5 * S + 1).rows)
    assert only(rows, COMMAND_RESPONSE) == {"paired": 0.0, "ref": ""}
    tracker.add_command(sent(0))
    assert only(applied(rows, tracker.advance(END).rows), COMMAND_RESPONSE) == {"paired": 1.0, "ref": "a"}


def test_a_timeout_fires_once_its_deadline_is_passed_and_a_late_answer_adds_to_it() -> None:
    tracker = Tracker(CATALOGUE, TIMEOUT, KEPT)
    tracker.add_command(sent(0))
    assert only(applied({}, tracker.advance(START + TIMEOUT).rows), COMMAND)["state"] == "published"
    tracked = tracker.advance(START + TIMEOUT + 1)
    rows = applied({}, tracked.rows)
    assert only(rows, COMMAND)["timed_out"] == 1.0
    assert [(time_out.deadline, time_out.answered_at) for time_out in tracked.time_outs] == [(START + TIMEOUT, None)]
    tracker.add_response(answered(0.5, after=70))
    tracked = tracker.advance(START + 2 * TIMEOUT)
    applied(rows, tracked.rows)
    assert [tags for (name, _, tags, _) in final(rows) if name == COMMAND_OUTCOME] == [
        (("command", "SetDynamicChargerCurrent"), ("firmware", "-"), ("outcome", outcome))
        for outcome in ("timed_out", "accepted")
    ]
    assert only(rows, COMMAND)["late"] == 1.0
    assert tracked.time_outs[0].answered_at == START + int(70.5 * S)


def test_a_timeout_that_an_answer_in_time_proves_wrong_is_taken_back() -> None:
    tracker = Tracker(CATALOGUE, TIMEOUT, KEPT)
    tracker.add_command(sent(0))
    rows = applied({}, tracker.advance(END).rows)
    tracker.add_response(answered(0.5))
    tracked = tracker.advance(END)
    applied(rows, tracked.rows)
    assert final(rows) == at_once([sent(0), answered(0.5)])
    assert [fields["refuted"] for key, fields in rows.items() if key[0] == COMMAND_OUTCOME] == [1.0, 0.0]
    assert tracked.time_outs[0].is_refuted


def test_a_newer_command_of_the_same_effect_supersedes_the_older_whichever_comes_first() -> None:
    for facts in ([sent(0), sent(30, "b")], [sent(30, "b"), sent(0)]):
        rows = at_once(facts)
        flags = {fields["ref"]: fields["superseded"] for key, fields in rows.items() if key[0] == COMMAND}
        assert flags == {"a": 1.0, "b": 0.0}


def test_the_firmware_of_a_decision_is_that_of_its_first_writing() -> None:
    def release(number: float, seconds: float) -> Observation:
        at = START + int(seconds * S)
        return Observation("EH1", Product.CHARGER, 80, None, number, 0, at, at, at)

    tracker = Tracker(CATALOGUE, TIMEOUT, KEPT)
    for fact in (release(300.0, 1), release(299.0, 0)):
        tracker.add_observation(fact)
    feed(tracker, sent(0))
    feed(tracker, answered(0.5))
    rows = applied({}, tracker.advance(START).rows)
    tracker.add_observation(release(301.0, 2))
    feed(tracker, answered(0.5))
    applied(rows, tracker.advance(START).rows)
    assert [dict(tags)["firmware"] for (name, _, tags, _) in rows if name == COMMAND_OUTCOME] == ["300"]


def test_an_accepted_command_whose_effect_is_seen_is_confirmed_in_any_order() -> None:
    facts: list[Fact] = [sent(0), answered(0.5), shown(1, 13.0)]
    for order in permutations(facts):
        row = only(at_once(order, START), COMMAND)
        assert (row["confirmed"], row["effect_ms"]) == (1.0, 1_500.0)
    for missing in facts:
        rows = at_once([fact for fact in facts if fact is not missing], START)
        assert all(fields.get("confirmed", 0.0) == 0.0 for fields in rows.values())


def test_an_observation_that_shows_no_command_is_not_wanted() -> None:
    tracker = Tracker(CATALOGUE, TIMEOUT, KEPT)
    tracker.add_observation(shown(0, 3.0, 109))
    tracker.add_observation(shown(0, 3.0)._replace(product=Product.EQUALIZER))
    assert (48 in tracker.wanted, 80 in tracker.wanted, 109 in tracker.wanted) == (True, True, False)
    assert len(tracker) == 0
    assert tracker.changes() == {}


def test_a_late_answer_to_somebody_else_does_not_take_the_place_of_our_answer_in_time() -> None:
    ours, theirs = answered(1.0, after=1), answered(0.2, after=90)
    facts: list[Fact] = [sent(0), ours, theirs]
    for order in permutations(facts):
        row = only({key: row for key, row in at_once(order).items() if key[0] == COMMAND}, COMMAND)
        assert (row["late"], row["timed_out"]) == (0.0, 0.0)
