"""Measurements that dashboards read and `schemas.measurement` does not have yet.

To be deleted, with its one use in `tests.dashboards.query_rules`, when session, charger_hour and charger_snapshot are
there: the names are those of the design.
"""

from collections.abc import Mapping
from types import MappingProxyType

from schemas.measurement import CHARGER_HOUR, CHARGER_SNAPSHOT, SESSION, FieldType, Measurement

_SECONDS = (
    "online_s",
    "offline_s",
    "disconnected_s",
    "awaiting_start_s",
    "charging_s",
    "completed_s",
    "error_s",
    "ready_to_charge_s",
    "awaiting_authentication_s",
    "de_authenticating_s",
    "unknown_mode_s",
)
_HOUR = (*_SECONDS, "energy_kwh", "max_power_kw", "device_to_cloud_ms_max", "messages")
_SNAPSHOT = (
    "op_mode",
    "total_power_kw",
    "dynamic_charger_current_a",
    "max_charger_current_a",
    "connected_to_cloud",
    "error_code",
)

PLANNED: Mapping[str, Measurement] = MappingProxyType(
    {
        SESSION: Measurement(
            SESSION,
            (),
            MappingProxyType(
                {
                    **dict.fromkeys(("energy_kwh", "duration_s", "charging_s"), FieldType.NUMBER),
                    **dict.fromkeys(("stopped_at", "session_id", "source"), FieldType.TEXT),
                }
            ),
        ),
        CHARGER_SNAPSHOT: Measurement(
            CHARGER_SNAPSHOT, (), MappingProxyType(dict.fromkeys(_SNAPSHOT, FieldType.NUMBER))
        ),
        CHARGER_HOUR: Measurement(
            CHARGER_HOUR, ("firmware",), MappingProxyType(dict.fromkeys(_HOUR, FieldType.NUMBER))
        ),
    }
)
