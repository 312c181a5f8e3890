"""Rows of a store, and what is read back of them."""

from pipeline.core.known_silences import SilenceEdge
from pipeline.core.recomputation import StoredRow
from pipeline.core.timestamps import NS_PER_S
from schemas.measurement import ALERT, CHARGER_HOUR
from schemas.row import Row

HOUR = 3_600 * NS_PER_S
START = 1_750_003_200 * NS_PER_S
FIELDS = {
    "charger_mode": ["op_mode", "reason_for_no_current"],
    "charger_power": ["total_power_kw"],
    "charger_energy": ["charging_session"],
    "command_response": ["response_ms"],
}


def _row(measurement: str, charger: str, at: int, *fields: tuple[str, float | str]) -> Row:
    tags = (("command", "pause"),) if measurement == "command_response" else ()
    return Row(measurement, charger, "", tags, START + at, fields)


def _alert(kind: str, at: int, active: float, duration_s: float) -> Row:
    fields = (("active", active), ("duration_s", duration_s), ("message", "words"))
    return Row(ALERT, "EH1", "", (("command", "-"), ("kind", kind)), START + at, fields)


ROWS = [
    _row("charger_mode", "EH1", -1, ("op_mode", 9.0)),
    _row("charger_mode", "EH1", 5, ("op_mode", 2.0)),
    _row("charger_mode", "EH1", 7, ("op_mode", 3.0), ("op_mode_text", "odd")),
    _row("charger_mode", "EH2", 6, ("op_mode", 1.0), ("reason_for_no_current", 4.0)),
    _row("charger_power", "EH1", 6, ("total_power_kw", 7.25)),
    _row("charger_power", "EH1", 8, ("total_power_kw_text", "much")),
    _row("charger_energy", "EH1", 4, ("charging_session", '{"Id":1,"é":"\\"x\\""}')),
    _row("command_response", "EH2", 9, ("response_ms", 12.5), ("accepted", 1.0)),
    _row("charger_mode", "EH1", HOUR, ("op_mode", 8.0)),
    _alert("charger_silent", 0, 1.0, 0.0),
    _alert("charger_silent", 60, 0.0, 60.5),
    _alert("command_timeout", 5, 1.0, 0.0),
    _alert("charger_silent", HOUR, 1.0, 0.0),
    Row(CHARGER_HOUR, "EH1", "", (("firmware", "315"),), START, (("online_s", 3_600.0),)),
    Row(CHARGER_HOUR, "EH2", "", (("firmware", "-"),), START, (("online_s", 0.0),)),
]

SILENCES = [
    SilenceEdge("EH1", START, is_active=True, duration_ns=0),
    SilenceEdge("EH1", START + 60, is_active=False, duration_ns=60_500_000_000),
]
"""Of the first hour."""

WITHIN = [
    StoredRow("charger_energy", "EH1", START + 4, (("charging_session", '{"Id":1,"é":"\\"x\\""}'),)),
    StoredRow("charger_mode", "EH1", START + 5, (("op_mode", 2.0),)),
    StoredRow("charger_mode", "EH2", START + 6, (("op_mode", 1.0), ("reason_for_no_current", 4.0))),
    StoredRow("charger_power", "EH1", START + 6, (("total_power_kw", 7.25),)),
    StoredRow("charger_mode", "EH1", START + 7, (("op_mode", 3.0),)),
    StoredRow("command_response", "EH2", START + 9, (("response_ms", 12.5),)),
]
"""Of the first hour, by time."""

LAST = sorted(
    [
        StoredRow("charger_mode", "EH1", START + 7, (("op_mode", 3.0),)),
        StoredRow("charger_mode", "EH2", START + 6, (("op_mode", 1.0),)),
        StoredRow("charger_mode", "EH2", START + 6, (("reason_for_no_current", 4.0),)),
        StoredRow("charger_power", "EH1", START + 6, (("total_power_kw", 7.25),)),
        StoredRow("charger_energy", "EH1", START + 4, (("charging_session", '{"Id":1,"é":"\\"x\\""}'),)),
        StoredRow("command_response", "EH2", START + 9, (("response_ms", 12.5),)),
    ]
)
"""Of each field and charger, the last of the first hour."""
