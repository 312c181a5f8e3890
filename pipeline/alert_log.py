"""Alerts in the log: a line for each edge.

Owns the level and the words. Must not know when an alert fires, or what a log looks like (`pipeline.log`).
"""

import logging
from collections.abc import Sequence

from schemas.alert import Alert

_LOG = logging.getLogger(__name__)
_NOBODY = "-"


def log_alerts(alerts: Sequence[Alert]) -> None:
    """Each edge as a line: raised is a warning, cleared or taken back is information."""
    for alert in alerts:
        level = logging.WARNING if alert.active else logging.INFO
        edge = "raised" if alert.active else "taken back" if alert.is_refuted else "cleared"
        subject = "" if alert.serial == _NOBODY else f" {alert.serial}"
        _LOG.log(level, "alert %s %s%s: %s", alert.kind, edge, subject, alert.message)
