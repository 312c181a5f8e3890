"""Alerts as rows: where a raise and its clear stand, and how a command without an answer is told of."""

from zlib import crc32

from pipeline.core.alert_rows import alert_row, time_out_alerts, time_out_rows
from pipeline.core.tracked import TimeOut
from schemas.alert import Alert, AlertKind
from schemas.command import CommandSent
from schemas.measurement import ALERT, FieldType, derived_measurements

S = 10**9
START = 1_700_000_000 * S
DEADLINE = START + 60 * S
REF = "0123456789abcdef0123456789abcdef"
SPREAD = crc32(REF.encode()) % 100
COMMAND = CommandSent("EH1", 48, (), None, START, REF, None)
STILL_WAITING = TimeOut(COMMAND, "SetDynamicChargerCurrent", DEADLINE, None, is_refuted=False)
SILENT = Alert("EH1", AlertKind.CHARGER_SILENT, "-", DEADLINE, DEADLINE, active=True, value=1_200.0, message="Silent")


def test_a_row_has_the_tags_and_fields_of_the_measurement() -> None:
    row = alert_row(SILENT)
    declared = derived_measurements()[ALERT]
    assert (row.measurement, tuple(name for name, _ in row.tags)) == (declared.name, declared.tags)
    types = {name: FieldType.TEXT if isinstance(value, str) else FieldType.NUMBER for name, value in row.fields}
    assert types == dict(declared.fields)


def test_a_raise_stands_at_its_deadline() -> None:
    row = alert_row(SILENT)
    assert (row.charger, row.tags, row.time) == ("EH1", (("command", "-"), ("kind", "charger_silent")), DEADLINE)
    assert dict(row.fields) == {
        "active": 1.0,
        "value": 1_200.0,
        "message": "Silent",
        "raised_at": "2023-11-14T22:14:20.000000000Z",
        "duration_s": 0.0,
    }


def test_a_clear_stands_at_its_own_moment_and_names_the_raise() -> None:
    row = alert_row(SILENT._replace(at=DEADLINE + 90 * S, active=False))
    fields = dict(row.fields)
    assert row.time == DEADLINE + 90 * S
    assert (fields["active"], fields["duration_s"]) == (0.0, 90.0)
    assert fields["raised_at"] == "2023-11-14T22:14:20.000000000Z"


def test_a_command_that_waits_is_raised_at_its_deadline_apart_from_others() -> None:
    (raised,) = time_out_alerts(STILL_WAITING)
    row = alert_row(raised)
    assert (raised.active, raised.at, raised.ref, raised.value) == (True, DEADLINE, REF, 60.0)
    assert row.time == DEADLINE + SPREAD
    assert row.tags == (("command", "SetDynamicChargerCurrent"), ("kind", "command_timeout"))
    assert raised.message == f"SetDynamicChargerCurrent to EH1 (ref {REF}) was not answered within 1 min"


def test_a_late_answer_clears_and_its_row_names_the_very_row_of_the_raise() -> None:
    raised, cleared = time_out_alerts(STILL_WAITING._replace(answered_at=DEADLINE + 5 * S))
    row = alert_row(cleared)
    assert row.time == DEADLINE + 5 * S + SPREAD
    assert dict(row.fields)["raised_at"] == dict(alert_row(raised).fields)["raised_at"]
    assert str(dict(row.fields)["raised_at"]).endswith(f"20.{SPREAD:09d}Z")
    assert (dict(row.fields)["duration_s"], cleared.value, cleared.is_refuted) == (5.0, 65.0, False)
    assert cleared.message == f"SetDynamicChargerCurrent to EH1 (ref {REF}) was answered 5 s late"


def test_a_command_that_is_given_up_is_cleared_where_the_waiting_ended() -> None:
    given_up_at = DEADLINE + 6 * 3_600 * S
    raised, cleared = time_out_alerts(STILL_WAITING._replace(given_up_at=given_up_at))
    assert (raised.active, cleared.active, cleared.at) == (True, False, given_up_at)
    assert cleared.message.endswith(" is given up, unanswered for 6 h 1 min")


def test_a_late_answer_counts_for_more_than_having_been_given_up() -> None:
    _, cleared = time_out_alerts(STILL_WAITING._replace(answered_at=DEADLINE + S, given_up_at=DEADLINE + 2 * S))
    assert cleared.at == DEADLINE + S


def test_an_end_that_was_said_and_is_none_is_taken_back_where_it_stood() -> None:
    raised, not_ended = time_out_rows([STILL_WAITING._replace(not_ended_at=(DEADLINE + 7 * S,))])
    assert dict(raised.fields)["active"] == 1.0
    assert not_ended.time == DEADLINE + 7 * S + SPREAD
    assert (dict(not_ended.fields)["active"], dict(not_ended.fields)["duration_s"]) == (0.0, 0.0)
    assert not_ended.tags == raised.tags


def test_a_refuted_one_is_written_over_where_it_stood() -> None:
    refuted = STILL_WAITING._replace(answered_at=DEADLINE - S, is_refuted=True)
    (taken_back,) = time_out_alerts(refuted)
    row = alert_row(taken_back)
    (raised,) = time_out_alerts(STILL_WAITING)
    assert taken_back.is_refuted
    assert row[:5] == alert_row(raised)[:5]
    assert (dict(row.fields)["active"], dict(row.fields)["duration_s"]) == (0.0, 0.0)
    assert taken_back.message.startswith("Taken back: SetDynamicChargerCurrent to EH1")


def test_a_command_that_expired_early_says_how_long_it_could_wait() -> None:
    expired = STILL_WAITING._replace(deadline=START + 10 * S)
    (raised,) = time_out_alerts(expired)
    assert raised.message.endswith("was not answered within 10 s")
