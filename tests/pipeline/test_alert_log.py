"""Alerts in the log: a line for each edge, as loud as it is urgent."""

import logging

import pytest

from pipeline.alert_log import log_alerts
from schemas.alert import Alert, AlertKind

RAISED = Alert("EH1", AlertKind.CHARGER_SILENT, "-", 10, 10, active=True, value=1.0, message="nothing for 20 min")
FLEET = RAISED._replace(serial="-", kind=AlertKind.FLEET_SILENT, message="40 of 60 devices are silent")


def test_each_edge_is_a_line(caplog: pytest.LogCaptureFixture) -> None:
    cleared = RAISED._replace(active=False, at=20, message="heard again")
    with caplog.at_level(logging.INFO):
        log_alerts([RAISED, cleared, cleared._replace(at=10), FLEET])
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "alert charger_silent raised EH1: nothing for 20 min"),
        ("INFO", "alert charger_silent cleared EH1: heard again"),
        ("INFO", "alert charger_silent taken back EH1: heard again"),
        ("WARNING", "alert fleet_silent raised: 40 of 60 devices are silent"),
    ]
