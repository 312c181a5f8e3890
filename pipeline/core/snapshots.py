"""Snapshots: the row `charger_snapshot` of a charger at a point of the 5-minute grid.

Owns its fields. Pure, and a function of what is remembered. Must not know when a row is due, or how long anything is
remembered.

There is a row at each point at which the charger is online, with what it said last of each field, up to the whole
second of the point; then one more, at the first point at which it is silent, with the mode Offline alone, unless it
never said a mode.
"""

from collections.abc import Mapping
from types import MappingProxyType

from pipeline.core.charger_course import SNAPSHOT_SLOTS, STEP_NS, ChargerCourse, Slot
from pipeline.core.mode_seconds import OFFLINE
from pipeline.core.online_runs import OnlineRuns
from schemas.measurement import CHARGER_SNAPSHOT
from schemas.row import Row

_MODE = "op_mode"
_FIELDS: Mapping[Slot, str] = MappingProxyType(
    {
        Slot.OP_MODE: _MODE,
        Slot.TOTAL_POWER: "total_power_kw",
        Slot.DYNAMIC_CURRENT: "dynamic_charger_current_a",
        Slot.MAX_CURRENT: "max_charger_current_a",
        Slot.CONNECTED: "connected_to_cloud",
        Slot.ERROR_CODE: "error_code",
    }
)
_NAMES = tuple(_FIELDS[slot] for slot in SNAPSHOT_SLOTS)
_OFFLINE = ((_MODE, float(OFFLINE)),)


def snapshot_row(serial: str, charger: ChargerCourse, runs: OnlineRuns, at: int) -> Row | None:
    """The row of this point; None where there is none."""
    if charger.since > at:
        return None
    values = zip(_NAMES, charger.snapshot(at), strict=True)
    fields = tuple([(name, value) for name, value in values if value is not None])
    if not fields:
        return None
    if not runs.is_online(serial, at):
        # A row once written keeps its fields, so a mode is written only where one will be, whatever comes late.
        if fields[0][0] != _MODE or not runs.is_online(serial, at - STEP_NS):
            return None
        fields = _OFFLINE
    return Row(CHARGER_SNAPSHOT, serial, "", (), at, fields)
