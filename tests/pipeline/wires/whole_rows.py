"""Rows of some measurements, and what is read back of them from either store."""

from collections.abc import Mapping

from pipeline.core.timestamps import NS_PER_S
from pipeline.wires.row_source import WholeRow
from schemas.catalogue import shipped_catalogue
from schemas.measurement import Measurement, derived_measurements, fact_measurements
from schemas.row import Field, Row

START = 1_750_003_200 * NS_PER_S
HOUR = 3_600 * NS_PER_S
MEASUREMENTS: Mapping[str, Measurement] = {**fact_measurements(shipped_catalogue()), **derived_measurements()}
SESSION, OUTCOME = MEASUREMENTS["session"], MEASUREMENTS["command_outcome"]
OTHER = MEASUREMENTS["charger_other"]


def _row(measurement: str, charger: str, at: int, *fields: Field, tags: tuple[tuple[str, str], ...] = ()) -> Row:
    return Row(measurement, charger, "", tags, at, fields)


_PAUSE = (("command", "Pause"), ("firmware", "315"), ("outcome", "accepted"))
ROWS = [
    _row("session", "EH1", START - 1, ("energy_kwh", 9.0)),
    _row("session", "EH2", START, ("energy_kwh", 7.25), ("source", "json")),
    _row("session", "EH1", START, ("energy_kwh", 1.5), ("session_id", 'odd, "id"\\')),
    _row("session", "EH1", START + 123_456_700, ("duration_s", 60.0)),
    _row("session", "EH1", START + HOUR, ("energy_kwh", 9.0)),
    _row("command_outcome", "EH1", START + 5, ("ok", 1.0), ("response_ms", 12.5), tags=_PAUSE),
    _row("charger_other", "EH1", START, ("o7001", 4.0), ("o7002_text", "new")),
]
FIELDS = ("energy_kwh", "session_id", "duration_s")
WITHIN = [
    WholeRow(START, ("EH1", ""), (1.5, 'odd, "id"\\', None)),
    WholeRow(START, ("EH2", ""), (7.25, None, None)),
    WholeRow(START + 123_456_700, ("EH1", ""), (None, None, 60.0)),
]
"""FIELDS of sessions in the first hour."""
