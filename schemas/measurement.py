"""Measurements: every table of the store with its tags and fields.

Owns the names and types that dashboards, queries and stores rely on; those of observations come from the
catalogue. Published names and types never change: a changed type gets a new name.
Must not know how a record becomes a row (`pipeline.core.rows`).
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from schemas.catalogue import Catalogue
from schemas.observation import Product
from schemas.reject import RejectReason

SCHEMA_VERSION = 1
"""Of everything here, and how it is stored. Fields are added without a new one: it says that older programs must not
write to a store, or would not understand it."""


class FieldType(StrEnum):
    """The two types of field. Nothing else is ever written, so no write can conflict with an earlier type."""

    NUMBER = "number"
    TEXT = "text"


class Measurement(NamedTuple):
    """One measurement (InfluxDB) or table (SQLite).

    `tags`    besides `charger` and `site`, which every measurement has.
    `fields`  in the order of the catalogue; `open_fields` says that ids unknown to the catalogue add
              `o<id>` (number) and `o<id>_text` (text).
    """

    name: str
    tags: tuple[str, ...]
    fields: Mapping[str, FieldType]
    open_fields: bool = False


ALERT = "alert"
CHARGER_CLOCK = "charger_clock"
CHARGER_HOUR = "charger_hour"
CHARGER_SNAPSHOT = "charger_snapshot"
COMMAND = "command"
COMMAND_OUTCOME = "command_outcome"
COMMAND_RESPONSE = "command_response"
PIPELINE = "pipeline"
SESSION = "session"
OTHER: Mapping[Product, str] = MappingProxyType({product: f"{product}_other" for product in Product})
"""Where observations go whose id the catalogue does not have."""

_RESPONSE = Measurement(
    COMMAND_RESPONSE,
    ("command",),
    MappingProxyType(
        {
            "command_id": FieldType.NUMBER,
            "accepted": FieldType.NUMBER,
            "delivery_ms": FieldType.NUMBER,
            "response_ms": FieldType.NUMBER,
            "ticks": FieldType.TEXT,
            "result_code": FieldType.NUMBER,
            "result_code_text": FieldType.TEXT,
            "comment": FieldType.TEXT,
            "paired": FieldType.NUMBER,
            "ref": FieldType.TEXT,
        }
    ),
)

DERIVED_FIELDS: Mapping[str, tuple[str, ...]] = MappingProxyType({COMMAND_RESPONSE: ("paired", "ref")})
"""Fields of facts that are decided later, from other facts; all others are from one delivery alone."""

_MODE_SECONDS = (
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
_LATENCIES = ("delivery_ms", "response_ms", "round_trip_ms", "lateness_ms")
_DERIVED = (
    Measurement(
        COMMAND,
        ("command",),
        MappingProxyType(
            {
                "state": FieldType.TEXT,
                "command_id": FieldType.NUMBER,
                "ref": FieldType.TEXT,
                "arguments": FieldType.TEXT,
                "expires_at": FieldType.TEXT,
                **dict.fromkeys(("attempt", "accepted", *_LATENCIES, "effect_ms"), FieldType.NUMBER),
                **dict.fromkeys(("answered", "ok", "failed", "timed_out", "expired", "late"), FieldType.NUMBER),
                **dict.fromkeys(("superseded", "confirmed"), FieldType.NUMBER),
            }
        ),
    ),
    Measurement(
        COMMAND_OUTCOME,
        ("command", "firmware", "outcome"),
        MappingProxyType(
            {
                "ref": FieldType.TEXT,
                **dict.fromkeys(("ok", "failed", "timed_out", "expired", "late", "refuted"), FieldType.NUMBER),
                **dict.fromkeys(_LATENCIES, FieldType.NUMBER),
            }
        ),
    ),
    Measurement(
        ALERT,
        ("command", "kind"),
        MappingProxyType(
            {
                "active": FieldType.NUMBER,
                "value": FieldType.NUMBER,
                "message": FieldType.TEXT,
                "raised_at": FieldType.TEXT,
                "duration_s": FieldType.NUMBER,
            }
        ),
    ),
    Measurement(
        SESSION,
        (),
        MappingProxyType(
            {
                **dict.fromkeys(("energy_kwh", "duration_s", "charging_s"), FieldType.NUMBER),
                **dict.fromkeys(("stopped_at", "session_id", "source"), FieldType.TEXT),
            }
        ),
    ),
    Measurement(
        CHARGER_SNAPSHOT,
        (),
        MappingProxyType(
            dict.fromkeys(
                (
                    "op_mode",
                    "total_power_kw",
                    "dynamic_charger_current_a",
                    "max_charger_current_a",
                    "connected_to_cloud",
                    "error_code",
                ),
                FieldType.NUMBER,
            )
        ),
    ),
    Measurement(
        CHARGER_HOUR,
        ("firmware",),
        MappingProxyType(
            dict.fromkeys(
                (
                    "online_s",
                    *_MODE_SECONDS,
                    "energy_kwh",
                    "max_power_kw",
                    "device_to_cloud_ms_max",
                    "messages",
                ),
                FieldType.NUMBER,
            )
        ),
    ),
    Measurement(CHARGER_CLOCK, (), MappingProxyType(dict.fromkeys(("offset_ms", "samples"), FieldType.NUMBER))),
)

_PIPELINE_COUNTS = (
    "delivered",
    "written",
    "commands",
    "rejected",
    *(f"rejected_{reason}" for reason in RejectReason),
    "rejects_dropped",
    "redelivered",
    "coerced",
    "misfit",
    "unknown_ids",
    "handed_back",
    "batches",
    "requests",
    "extra_requests",
    "retries",
    "connections",
)
"""Of the time since the row before."""

_PIPELINE_MEASURED = (
    "batch_size",
    "store_ms_mean",
    "store_ms_max",
    "device_to_cloud_ms_p50",
    "device_to_cloud_ms_max",
    "cloud_to_stored_ms_p50",
    "cloud_to_stored_ms_max",
    "clock_offset_ms",
)
"""Of the same time; absent where there was nothing to measure."""

_PIPELINE_GAUGES = (
    "backlog",
    "consumers",
    "unacknowledged",
    "prefetch",
    "connected",
    "consuming",
    "holding",
    "rejects_bytes",
    "schema_version",
)
"""Of the moment; absent where nobody knows. `schema_version` is that of the program that writes."""

_PIPELINE = Measurement(
    PIPELINE,
    ("worker",),
    MappingProxyType(dict.fromkeys((*_PIPELINE_COUNTS, *_PIPELINE_MEASURED, *_PIPELINE_GAUGES), FieldType.NUMBER)),
)


def other_field(observation_id: int) -> str:
    """The number field of an id that the catalogue does not have; its text field ends in `_text`."""
    return f"o{observation_id}"


def fact_measurements(catalogue: Catalogue) -> Mapping[str, Measurement]:
    """Every measurement that holds facts, by name."""
    fields: dict[str, dict[str, FieldType]] = {}
    for spec in catalogue.observations.values():
        columns = fields.setdefault(spec.measurement, {})
        if spec.type.is_text:
            columns[spec.field] = FieldType.TEXT
        else:
            columns[spec.field] = FieldType.NUMBER
            columns[spec.text_field] = FieldType.TEXT
    measurements = [Measurement(name, (), MappingProxyType(columns)) for name, columns in fields.items()]
    measurements += [Measurement(name, (), MappingProxyType({}), open_fields=True) for name in OTHER.values()]
    measurements.append(_RESPONSE)
    return MappingProxyType({measurement.name: measurement for measurement in measurements})


def derived_measurements() -> Mapping[str, Measurement]:
    """Every measurement that is worked out from several facts, by name; `alert` holds operational rows, too."""
    return MappingProxyType({measurement.name: measurement for measurement in _DERIVED})


def operational_measurements() -> Mapping[str, Measurement]:
    """Every measurement about the worker itself, by name: no replay gives the same rows again."""
    return MappingProxyType({PIPELINE: _PIPELINE})
