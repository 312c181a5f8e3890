"""What the tracker remembers: said again on demand, after a restart, and forgotten in time."""

from pipeline.core.forgetting import CLOSED_NS, EVERY_NS
from pipeline.core.kept_facts import KeptKey
from pipeline.core.tracker import Tracker
from tests.pipeline.core.tracker_samples import (
    CATALOGUE,
    END,
    KEPT,
    START,
    TIMEOUT,
    S,
    answered,
    applied,
    at_once,
    feed,
    final,
    keep,
    sent,
)


def test_what_was_touched_is_said_again_on_demand() -> None:
    tracker = Tracker(CATALOGUE, TIMEOUT, KEPT)
    tracker.add_command(sent(0))
    first = tracker.advance(START)
    assert tracker.advance(START) == ((), (), frozenset(), None)
    tracker.touch(first.touched)
    assert tracker.advance(START) == first
    Tracker(CATALOGUE, TIMEOUT, KEPT).touch(first.touched)


def test_one_command_is_found_as_it_is_known_now() -> None:
    tracker = Tracker(CATALOGUE, TIMEOUT, KEPT)
    for fact in (sent(0), sent(30, "b"), answered(0.5)):
        feed(tracker, fact)
    found = tracker.find("EH1", 48, "a")
    assert found is not None
    assert (found.command, found.response, found.is_superseded) == (sent(0), answered(0.5), True)
    for unknown in (("EH2", 48, "a"), ("EH1", 47, "a"), ("EH1", 48, "c")):
        assert tracker.find(*unknown) is None


def test_a_sending_that_never_was_leaves_no_trace() -> None:
    tracker, kept = Tracker(CATALOGUE, TIMEOUT, KEPT), dict[KeptKey, bytes]()
    for fact in (sent(0), sent(30, "b"), answered(30.5)):
        feed(tracker, fact)
    rows = applied({}, tracker.advance(END).rows)
    keep(kept, tracker)
    tracker.drop_command(sent(30, "b"))
    written = tracker.advance(END).rows
    keep(kept, tracker)
    assert all(dict(row.fields).get("ref") != "b" for row in written)
    again = {key: fields for key, fields in applied(rows, written).items() if fields.get("ref") != "b"}
    assert final(again) == at_once([sent(0), answered(30.5)])
    assert sorted(key.name.split(" ")[0] for key in kept) == ["response", "sending"]
    tracker.drop_command(sent(30, "b"))
    assert tracker.changes() == {}


def test_after_a_restart_what_is_open_and_the_one_before_is_said_again_and_what_timed_out_is_known() -> None:
    tracker, kept = Tracker(CATALOGUE, TIMEOUT, KEPT), dict[KeptKey, bytes]()
    for fact in (sent(0), sent(100, "b"), answered(100.5), sent(200, "c")):
        feed(tracker, fact)
    said = tracker.advance(START + 210 * S)
    keep(kept, tracker)
    again = Tracker(CATALOGUE, TIMEOUT, KEPT)
    again.restore(kept.items(), START + 210 * S)
    assert list(again.time_outs()) == list(said.time_outs)
    assert [time_out.command.ref for time_out in said.time_outs] == ["a"]
    assert [dict(row.fields)["ref"] for row in again.advance(START + 210 * S).rows] == ["c", "b"]
    again.add_response(answered(0.5, after=70))
    assert again.advance(START + 210 * S).time_outs[0].answered_at == START + int(70.5 * S)
    assert list(again.time_outs()) == []


def test_closed_commands_are_forgotten_and_so_is_what_was_kept_of_them() -> None:
    tracker, kept = Tracker(CATALOGUE, TIMEOUT, KEPT), dict[KeptKey, bytes]()
    for fact in (sent(0), answered(0.5)):
        feed(tracker, fact)
    tracker.advance(START)
    keep(kept, tracker)
    assert sorted(key.name.split(" ")[0] for key in kept) == ["response", "sending"]
    assert tracker.advance(START + CLOSED_NS).rows == ()
    assert len(tracker) == 1
    for late in (EVERY_NS, 2 * EVERY_NS):
        tracker.advance(START + KEPT + CLOSED_NS + late)
    keep(kept, tracker)
    assert (len(tracker), kept) == (0, {})


def test_a_batch_keeps_only_what_is_new_in_it() -> None:
    tracker = Tracker(CATALOGUE, TIMEOUT, KEPT)
    for number in range(100):
        feed(tracker, sent(number * 10, f"{number}"))
    tracker.advance(START)
    assert len(tracker.changes()) == 100
    feed(tracker, answered(500.5))
    tracker.advance(START)
    changed = [key.name.split(" ")[0] for key, content in tracker.changes().items() if content is not None]
    assert sorted(changed) == ["response", "sending"]


def test_what_a_kept_intent_supersedes_is_said_after_a_restart() -> None:
    """The worker can be killed between an intent, which is kept at once, and every row that follows from it."""
    tracker, kept = Tracker(CATALOGUE, TIMEOUT, KEPT), dict[KeptKey, bytes]()
    for fact in (sent(0), answered(0.5)):
        feed(tracker, fact)
    rows = applied({}, tracker.advance(START + 20 * S).rows)
    keep(kept, tracker)
    tracker.add_command(sent(30, "b"))
    keep(kept, tracker)
    again = Tracker(CATALOGUE, TIMEOUT, KEPT)
    again.restore(kept.items(), START + 20 * S)
    assert final(applied(rows, again.advance(END).rows)) == at_once([sent(0), answered(0.5), sent(30, "b")])
