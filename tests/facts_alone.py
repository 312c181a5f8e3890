"""Of what a store holds, the facts alone: what is worked out from them, and what is about the worker, is left away."""

from schemas.measurement import DERIVED_FIELDS, derived_measurements, operational_measurements
from tests.oracle.stores import Rows

_NO_FACTS = {*derived_measurements(), *operational_measurements()}


def facts_alone(rows: Rows) -> Rows:
    """Rows of facts, without fields that are decided later."""
    return {
        key: {name: value for name, value in fields.items() if name not in DERIVED_FIELDS.get(key[0], ())}
        for key, fields in rows.items()
        if key[0] not in _NO_FACTS
    }
