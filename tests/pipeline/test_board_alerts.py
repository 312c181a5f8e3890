"""Alerts on the board: who is silent now by the rows, and what people were told last."""

import pytest

from pipeline import board_alerts
from pipeline.board_alerts import ALERTS_KEPT, AlertBoard, Silent
from pipeline.core.alert_rows import alert_row
from pipeline.core.timestamps import NS_PER_S
from schemas.alert import Alert, AlertKind
from schemas.measurement import COMMAND

NOW = 1_700_000_000 * NS_PER_S
RAISED = Alert("EH1", AlertKind.CHARGER_SILENT, "-", NOW, NOW, active=True, value=1_200.0, message="silent")
CLEARED = RAISED._replace(at=NOW + NS_PER_S, active=False)


def board_of(*alerts: Alert) -> AlertBoard:
    board = AlertBoard()
    board.take_rows(map(alert_row, alerts))
    return board


def test_nothing_is_silent_and_nothing_was_told() -> None:
    board = AlertBoard()

    assert board.silent() == Silent(0, [])
    assert board.edges() == ()


def test_who_was_raised_is_silent_until_it_is_cleared() -> None:
    assert board_of(RAISED).silent() == Silent(1, ["EH1"])
    assert board_of(RAISED, CLEARED).silent() == Silent(0, [])


def test_the_latest_edge_counts_whenever_it_is_told() -> None:
    assert board_of(CLEARED, RAISED).silent().devices == 0
    assert board_of(RAISED, CLEARED, RAISED._replace(at=NOW + 9 * NS_PER_S)).silent().devices == 1


def test_a_silence_that_is_taken_back_was_none() -> None:
    assert board_of(RAISED, RAISED._replace(active=False)).silent().devices == 0


def test_the_last_one_to_fall_silent_comes_first() -> None:
    later = RAISED._replace(serial="EH2", at=NOW + NS_PER_S)

    assert board_of(RAISED, later, RAISED._replace(serial="EH0", at=NOW - 1)).silent().serials == ["EH2", "EH1", "EH0"]


def test_other_alerts_and_other_rows_make_nobody_silent() -> None:
    board = board_of(RAISED._replace(kind=AlertKind.COMMAND_TIMEOUT))
    board.take_rows([alert_row(RAISED)._replace(measurement=COMMAND)])

    assert board.silent().devices == 0


def test_what_was_told_comes_back_the_latest_first_and_makes_nobody_silent() -> None:
    board = AlertBoard()
    board.take_edges([RAISED, CLEARED])
    board.take_edges([RAISED._replace(serial="EH2")])

    assert [alert.serial for alert in board.edges()] == ["EH2", "EH1", "EH1"]
    assert board.edges()[1:] == (CLEARED, RAISED)
    assert board.silent().devices == 0


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board_alerts, "MOST_SILENT", 100)
    alerts = [RAISED._replace(serial=f"EH{place}") for place in range(300)]
    board = board_of(*alerts)
    board.take_edges(alerts)

    assert board.silent().devices == 100
    assert len(board.silent().serials) == ALERTS_KEPT
    assert len(board.edges()) == ALERTS_KEPT
    board.take_rows([alert_row(CLEARED._replace(serial="EH99"))])
    assert board.silent().devices == 99
