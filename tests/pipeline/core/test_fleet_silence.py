"""The silent fleet: one outage, who belongs to it, and who is told of when."""

from collections.abc import Iterable, Sequence

from pipeline.core.fleet_silence import TOGETHER_NS, FleetRule, FleetSilence, Outage
from pipeline.core.silences import Edge, EdgeKind
from schemas.alert import Alert, AlertKind

S = 10**9
START = 1_700_000_000 * S
AFTER = 1_200 * S
RULE = FleetRule(least=2, share=0.0)


def at(seconds: float) -> int:
    return START + int(seconds * S)


def raised(serial: str, seconds: float) -> Edge:
    return Edge(at(seconds), EdgeKind.RAISED, serial, at(seconds))


def ended(serial: str, seconds: float, deadline: float, kind: EdgeKind = EdgeKind.ENDED) -> Edge:
    return Edge(at(seconds), kind, serial, at(deadline))


def fleet(edges: Iterable[Edge], rule: FleetRule = RULE) -> FleetSilence:
    silence = FleetSilence(AFTER, rule)
    for edge in edges:
        silence.take(edge)
    return silence


def short(alerts: Iterable[Alert]) -> list[tuple[str, bool, float]]:
    return [(alert.serial, alert.active, (alert.at - START) / S) for alert in alerts]


def told(silence: FleetSilence, seconds: float) -> list[tuple[str, bool, float]]:
    silence.pass_to(at(seconds))
    return short(silence.take_edges().to_notify)


THREE = [raised("a", 0), raised("b", 100), raised("c", 300)]


def written(edges: Sequence[Edge], rule: FleetRule = RULE) -> list[tuple[str, bool, float]]:
    alerts = fleet(edges, rule).take_edges().to_write
    return short(alert for alert in alerts if alert.kind is AlertKind.FLEET_SILENT)


def test_an_outage_begins_at_the_deadline_that_is_too_many() -> None:
    assert written(THREE) == [("-", True, 300)]
    assert written(THREE[:2]) == []


def test_five_minutes_count_and_no_more() -> None:
    assert written([*THREE[:2], raised("c", 300.1)]) == []


def test_those_heard_again_do_not_count() -> None:
    assert written([*THREE[:2], ended("a", 200, 0), THREE[2]]) == []


def test_of_a_large_fleet_a_share_must_be_silent() -> None:
    joined = [Edge(at(-1), EdgeKind.JOINED, f"EH{number}", at(-1)) for number in range(100)]
    rule = FleetRule(least=2, share=0.03)
    assert written([*joined, *THREE], rule) == []
    assert written([*joined, *THREE, raised("d", 300)], rule) == [("-", True, 300)]
    assert written([*joined, Edge(at(-1), EdgeKind.LEFT, "EH0", at(-1)), *THREE], rule) == [("-", True, 300)]


def test_it_ends_when_no_more_than_the_threshold_are_left() -> None:
    edges = [*THREE, raised("d", 4_000), ended("a", 4_100, 0), ended("b", 4_200, 100)]
    assert written(edges[:-1]) == [("-", True, 300)]
    assert written(edges) == [("-", True, 300), ("-", False, 4_200)]


def test_those_silent_before_do_not_hold_it_open() -> None:
    old = [raised("x", -1_000), raised("y", -990)]
    assert written([*old, *THREE, ended("b", 400, 100)]) == [("-", True, 300), ("-", False, 400)]


def test_one_that_is_known_late_to_have_been_silent_counts_by_its_own_deadline() -> None:
    before = raised("x", -600)
    assert written([*THREE, before, ended("a", 400, 0)]) == [("-", True, 300), ("-", False, 400)]
    late = [raised("b", 100), raised("d", 310), raised("c", 300), raised("a", 300), ended("a", 400, 300)]
    assert written(late) == [("-", True, 300)]
    assert written([*late, ended("b", 500, 100)]) == [("-", True, 300), ("-", False, 500)]


def test_the_end_of_an_earlier_silence_does_not_end_this_one() -> None:
    silence = fleet([raised("a", 0), ended("a", -500, -600)])
    assert told(silence, 301) == [("a", True, 0)]


def test_to_be_forgotten_ends_it_too() -> None:
    assert written([*THREE, ended("a", 9_000, 0, EdgeKind.FORGOTTEN)]) == [("-", True, 300), ("-", False, 9_000)]


def test_where_too_few_were_silent_after_all_it_is_taken_back() -> None:
    edges = fleet([*THREE, ended("a", 0, 0, EdgeKind.REFUTED)]).take_edges()
    last = edges.to_write[-1]
    assert (last.kind, last.at, last.is_refuted) == (AlertKind.FLEET_SILENT, at(300), True)


def test_one_that_is_silent_is_told_of_five_minutes_after_its_deadline() -> None:
    silence = fleet([raised("a", 0)])
    assert short(silence.take_edges().to_write) == [("a", True, 0)]
    assert told(silence, 300) == []
    assert told(silence, 300.1) == [("a", True, 0)]
    assert short(silence.active()) == [("a", True, 0)]
    silence.take(ended("a", 400, 0))
    assert told(silence, 401) == [("a", False, 400)]
    assert short(silence.active()) == []


def test_a_silence_shorter_than_that_is_written_and_not_told_of() -> None:
    silence = fleet([raised("a", 0), ended("a", 200, 0)])
    edges = silence.take_edges()
    assert (short(edges.to_write), edges.to_notify) == ([("a", True, 0), ("a", False, 200)], ())
    assert told(silence, 10_000) == []


def test_in_an_outage_nobody_is_told_of_and_five_minutes_after_it_those_left_are() -> None:
    silence = fleet(THREE)
    assert told(silence, 5_000) == [("-", True, 300)]
    silence.take(ended("b", 5_000, 100))
    assert told(silence, 5_300) == [("-", False, 5_000)]
    assert told(silence, 5_301) == [("a", True, 0), ("c", True, 300)]
    assert silence.outage == Outage()


def test_an_outage_soon_after_another_holds_on() -> None:
    silence = fleet([*THREE, ended("b", 5_000, 100), raised("d", 5_100), raised("e", 5_100), raised("f", 5_100)])
    assert told(silence, 8_000) == [("-", True, 300), ("-", False, 5_000), ("-", True, 5_100)]
    assert silence.outage == Outage(at(5_100), 0, at(300))


def test_one_told_of_before_an_outage_stays_and_is_cleared_in_it() -> None:
    silence = fleet([raised("x", -1_000), *THREE])
    assert told(silence, 400) == [("x", True, -1_000), ("-", True, 300)]
    assert short(silence.active()) == [("-", True, 300), ("x", True, -1_000)]
    silence.take(ended("x", 500, -1_000))
    assert told(silence, 501) == [("x", False, 500)]


def test_it_is_restored_from_deadlines_and_three_moments() -> None:
    lived = fleet([raised("x", -1_000), *THREE])
    lived.pass_to(at(900))
    restored = FleetSilence(AFTER, RULE)
    restored.restore({"x": at(-1_000), "a": at(0), "b": at(100), "c": at(300)}, 9, lived.outage, at(900))
    assert restored.take_edges() == ((), ())
    assert short(restored.active()) == short(lived.active())
    lived.take_edges()
    for silence in (lived, restored):
        silence.take(ended("c", 1_000, 300))
    assert told(restored, 2_000) == told(lived, 2_000) == [("-", False, 1_000), ("a", True, 0), ("b", True, 100)]


def test_five_minutes_are_what_the_design_says() -> None:
    assert TOGETHER_NS == 300 * S
    assert [FleetRule().threshold(known) for known in (10, 400, 5_000)] == [20, 20, 250]
