"""Raised time-outs: each is told once, and its end once."""

from pipeline.core.derivation import Derivation
from pipeline.core.raised_time_outs import RaisedTimeOuts
from pipeline.core.tracker import Tracker
from tests.pipeline.core.derivation_samples import CATALOGUE, SPANS, S, T, answered, sent


def test_a_time_out_is_news_once_and_so_is_its_end() -> None:
    tracker = Tracker(CATALOGUE, SPANS.timeout, SPANS.late_data)
    raised = RaisedTimeOuts()
    tracker.add_command(sent("a"))
    found = tracker.advance(T + 100 * S, T, None).time_outs
    (edge,) = raised.take(found)
    assert edge.active
    assert edge.ref == "a"
    assert raised.take(found) == []
    assert raised.active() == (edge,)
    tracker.add_response(answered(0.2, after=80))
    (end,) = raised.take(tracker.advance(T + 100 * S, T, None).time_outs)
    assert not end.active
    assert raised.active() == ()


def test_after_a_restart_nobody_is_told_again() -> None:
    tracker = Tracker(CATALOGUE, SPANS.timeout, SPANS.late_data)
    tracker.add_command(sent("a"))
    found = tracker.advance(T + 100 * S, T, None).time_outs
    raised = RaisedTimeOuts()
    raised.restore(found)
    assert raised.take(found) == []
    assert [alert.ref for alert in raised.active()] == ["a"]
    assert not Derivation(CATALOGUE, SPANS).active()
