"""Alerts about the worker: each begins at its threshold, and ends well away from it."""

from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.operational_alerts import OperationalAlerts, Thresholds, WorkerNow
from schemas.alert import Alert, AlertKind

S = 10**9
START = 1_700_000_000 * S
THRESHOLDS = Thresholds(stream_silent_after=600 * S, rejects=100, backlog=1_000)
FINE = WorkerNow(messages=0, is_consuming=True, rejected=0, backlog=0, is_holding=False, words="")
STANDBY = FINE._replace(is_consuming=False)


def said(moments: Iterable[tuple[float, WorkerNow]]) -> list[tuple[str, bool, float]]:
    alerts, found = OperationalAlerts(THRESHOLDS), []
    for seconds, known in moments:
        found += [(each.kind.value, each.active, (each.at - START) / S) for each in judge(alerts, seconds, known)]
    return found


def judge(alerts: OperationalAlerts, seconds: float, known: WorkerNow) -> Sequence[Alert]:
    return alerts.judge(known, START + int(seconds * S))


def test_a_worker_that_is_fine_says_nothing() -> None:
    assert said((second, FINE._replace(messages=second)) for second in range(0, 2_000, 10)) == []


def test_a_stream_is_silent_after_its_time_and_until_the_next_message() -> None:
    moments = [(second, FINE._replace(messages=3 + (second > 700))) for second in range(0, 800, 10)]
    assert said(moments) == [("stream_silent", True, 600), ("stream_silent", False, 710)]


def test_time_in_which_we_did_not_consume_is_not_silence() -> None:
    away = [(second, STANDBY if 300 <= second < 800 else FINE) for second in range(0, 1_200, 10)]
    assert said(away) == [("stream_silent", True, 1_110)]


def test_who_has_not_consumed_for_long_says_nothing_of_the_stream() -> None:
    moments = [(second, FINE if second < 650 or second > 2_000 else STANDBY) for second in range(0, 3_000, 10)]
    assert said(moments) == [
        ("stream_silent", True, 600),
        ("stream_silent", False, 1_240),
        ("stream_silent", True, 2_610),
    ]


def test_a_reconnect_does_not_end_a_silence() -> None:
    moments = [(second, FINE if second % 100 else STANDBY) for second in range(10, 2_000, 10)]
    assert [edge[:2] for edge in said(moments)] == [("stream_silent", True)]


def test_a_clock_that_goes_back_shortens_no_silence() -> None:
    assert said([(0, FINE), (500, FINE), (100, FINE), (200, FINE)]) == [("stream_silent", True, 200)]


def test_rejects_count_within_a_sliding_minute() -> None:
    slowly = [(second, FINE._replace(rejected=second * 100 // 60, messages=second)) for second in range(600)]
    assert said(slowly) == []
    at_once = [(second, FINE._replace(rejected=101 * (second >= 30), messages=second)) for second in range(600)]
    assert said(at_once) == [("rejects", True, 30), ("rejects", False, 149)]


def test_rejects_that_come_again_within_a_minute_do_not_make_a_second_alert() -> None:
    bursts = [(second, FINE._replace(rejected=101 * (second // 110), messages=second)) for second in range(1_000)]
    assert said(bursts) == [("rejects", True, 110)]


def test_rejects_of_long_ago_do_not_pile_up() -> None:
    alerts = OperationalAlerts(THRESHOLDS)
    for second in range(10_000):
        for part in range(3):
            known = FINE._replace(rejected=second, messages=second)
            assert judge(alerts, second + part / 3, known) == []


def test_a_backlog_ends_at_half_of_what_began_it() -> None:
    waiting = (1_000, 1_001, 999, 501, 500, 1_000, 1_001)
    moments = [(second, FINE._replace(backlog=count)) for second, count in enumerate(waiting)]
    assert said(moments) == [("backlog", True, 1), ("backlog", False, 4), ("backlog", True, 6)]


def test_a_backlog_that_nobody_knows_changes_nothing() -> None:
    moments = [(0, FINE._replace(backlog=5_000)), (1, FINE._replace(backlog=None))]
    assert said(moments) == [("backlog", True, 0)]
    assert said([(0, FINE._replace(backlog=None))]) == []


def test_holding_says_for_what_and_ends_with_it() -> None:
    alerts = OperationalAlerts(THRESHOLDS)
    held = FINE._replace(is_holding=True, words="InfluxDB refuses the token: put a new one into INFLUX_TOKEN_FILE")
    (raised,) = judge(alerts, 1, held)
    assert raised == Alert(
        "-", AlertKind.HOLDING, "-", START + S, START + S, active=True, value=1.0, message=held.words
    )
    assert alerts.active() == (raised,)
    assert judge(alerts, 2, held) == []
    (cleared,) = judge(alerts, 3, FINE)
    assert (cleared.active, cleared.at, cleared.raised_at) == (False, START + 3 * S, START + S)
    assert cleared.message == "The worker does not wait any more"
    assert alerts.active() == ()


def test_a_worker_that_stops_ends_what_is_raised() -> None:
    alerts = OperationalAlerts(THRESHOLDS)
    judge(alerts, 0, FINE._replace(is_holding=True, backlog=5_000))
    closed = alerts.close(START + 9 * S)
    assert {(each.kind, each.active, each.at) for each in closed} == {
        (AlertKind.HOLDING, False, START + 9 * S),
        (AlertKind.BACKLOG, False, START + 9 * S),
    }
    assert (alerts.active(), alerts.close(START + 10 * S)) == ((), [])


@pytest.mark.parametrize("seconds", [0, -5])
def test_a_clock_that_stands_or_goes_back_makes_no_alert_that_was_never_true(seconds: float) -> None:
    alerts = OperationalAlerts(THRESHOLDS)
    judge(alerts, 0, FINE._replace(is_holding=True))
    (cleared,) = judge(alerts, seconds, FINE)
    assert not cleared.is_refuted
    assert cleared.at > cleared.raised_at


def test_what_another_worker_had_raised_ends_later_than_it_began_and_unknown_kinds_are_passed_over() -> None:
    alerts = OperationalAlerts(THRESHOLDS)
    cleared = alerts.take_over({"backlog": 5 * S, "holding": 900 * S, "of a newer program": 1}, 60 * S)
    assert [(alert.kind, alert.raised_at, alert.at) for alert in cleared] == [
        (AlertKind.BACKLOG, 5 * S, 60 * S),
        (AlertKind.HOLDING, 900 * S, 900 * S + 1),
    ]
    assert not any(alert.active or alert.is_refuted for alert in cleared)
    assert not alerts.active()


KNOWN = st.builds(
    WorkerNow,
    st.integers(0, 3),
    st.booleans(),
    st.integers(0, 300),
    st.one_of(st.none(), st.integers(0, 2_000)),
    st.booleans(),
    st.just("words"),
)


@given(st.lists(st.tuples(st.integers(-10, 400), KNOWN), max_size=40))
def test_raises_and_clears_take_turns_and_active_is_what_is_left(steps: list[tuple[int, WorkerNow]]) -> None:
    alerts, standing, seconds = OperationalAlerts(THRESHOLDS), dict[AlertKind, Alert](), 0
    for passed, known in steps:
        seconds += passed
        for edge in judge(alerts, seconds, known):
            assert edge.active is (edge.kind not in standing)
            assert edge.message
            if edge.active:
                standing[edge.kind] = edge
            else:
                assert edge.raised_at == standing.pop(edge.kind).at
        assert set(alerts.active()) == set(standing.values())
