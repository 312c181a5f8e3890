"""Alerts: something that a person should look at, raised and cleared.

Owns the record and the closed set of kinds. Must not know when one fires or who is told.
"""

from enum import StrEnum
from typing import NamedTuple


class AlertKind(StrEnum):
    """The closed set of alerts (tag `kind`)."""

    COMMAND_TIMEOUT = "command_timeout"
    CHARGER_SILENT = "charger_silent"
    FLEET_SILENT = "fleet_silent"
    STREAM_SILENT = "stream_silent"
    REJECTS = "rejects"
    BACKLOG = "backlog"
    HOLDING = "holding"


class Alert(NamedTuple):
    """One edge of an alert: raised (`active`) or cleared.

    `serial`     the charger, `-` for a fleet-wide alert.
    `command`    the command's name, `-` where the alert is not about one.
    `at`         the deadline that raised it, or the ArrivalTime that cleared it.
    `raised_at`  the same as `at` on a raise; on a clear, the raise it ends.
    `value`      the measured quantity that the kind speaks of (seconds of silence, rejects a minute, …).
    `ref`        which sending of the command it is about, empty where it is about none.
    Times are nanoseconds since the epoch, UTC.
    """

    serial: str
    kind: AlertKind
    command: str
    at: int
    raised_at: int
    active: bool
    value: float
    message: str
    ref: str = ""

    @property
    def duration_ns(self) -> int:
        """How long it lasted; 0 on a raise."""
        return self.at - self.raised_at

    @property
    def is_refuted(self) -> bool:
        """Taken back: it was raised, and became known never to have been true. It lasted 0, which no other did."""
        return not self.active and self.at == self.raised_at
