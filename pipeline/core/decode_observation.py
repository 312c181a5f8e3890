"""Observations: a message of kind O to a typed observation.

Owns which product an id belongs to, and how a value becomes typed. Must not know measurements or stores.
Source: Easee, "Observations"; the same id means different things on a charger and on an Equalizer.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from pipeline.core.body import Json
from pipeline.core.coercion import COERCE, NATIVE, to_any, type_of_hint
from pipeline.core.members import Members, check_identity, missing_member, optional_text, read_stamp
from pipeline.core.redaction import Redaction
from pipeline.core.refusal import RefusedError
from pipeline.core.routing_key import RoutingKey
from pipeline.core.same_stamp import value_crc
from pipeline.core.timestamps import NS_PER_S, TimeReader
from schemas.catalogue import Catalogue, ObservationSpec, SameStamp, ValueType
from schemas.delivery import Delivery
from schemas.observation import Observation, Product, Value
from schemas.reject import RejectReason
from schemas.surprise import Surprise

EQUALIZER_SERIAL = "QP"
"""How the serials of Equalizers begin; all other serials are chargers' (`EH…`, `EC…`)."""


class Plan(NamedTuple):
    """What to do with the value of one catalogue entry, worked out once."""

    product: Product
    spec: ObservationSpec
    coerce: Callable[[Json], Value]
    native: Mapping[type, Callable[..., Value]]
    is_number: bool
    is_kept_apart: bool
    is_private: bool


class ObservationReader:
    """Reads observations by one catalogue and one way of treating personal values."""

    def __init__(self, catalogue: Catalogue, redaction: Redaction, times: TimeReader) -> None:
        """Work out a plan for every entry of the catalogue."""
        self._redaction = redaction
        self._times = times
        self._plans = {place: _plan(spec) for place, spec in catalogue.observations.items()}
        self.named = _plans_by_name(self._plans)

    def read(
        self, delivery: Delivery, key: RoutingKey, members: Members, arrived_at: int | None, found: list[Surprise]
    ) -> Observation:
        """The observation in a body. Raises RefusedError (`shape`, `identity`, `timestamp`, `clock`)."""
        try:
            body_id, stamp, raw = members["Id"], members["Timestamp"], members["Value"]
        except KeyError as absent:
            raise missing_member(absent) from None
        if not isinstance(stamp, str):
            raise RefusedError(RejectReason.SHAPE, "Timestamp is not text")
        check_identity(key, body_id, members)
        observed_at = read_stamp(stamp, arrived_at, self._times, found)

        serial, number = key.serial, key.id
        name = optional_text(members.get("Name"), found)
        plan = self.named.get((number, name))
        if plan is None:
            product = product_of_serial(serial)
            plan = self._plans.get((product, number))
            if plan is not None and name is not None and name != plan.spec.name:
                found.append(Surprise.NAME_DIFFERS)
        else:
            product = plan.product
        if plan is None:
            found.append(Surprise.UNKNOWN_ID)
            value = _coerce_unknown(raw, members.get("Description"), found)
        else:
            if plan.is_private:
                raw = self._redaction.redact_value(raw, plan.spec)
            value = plan.coerce(raw)
            if type(raw) not in plan.native or (plan.is_number and type(value) is str):
                found.append(_surprise(raw, value, plan))
        is_told_apart = (plan is None or plan.is_kept_apart) and not observed_at % NS_PER_S
        crc = value_crc(raw) if is_told_apart else 0
        return Observation(serial, product, number, name, value, crc, observed_at, arrived_at, delivery.received_at)


def product_of_serial(serial: str) -> Product:
    """Which product a serial belongs to, for a body whose Name does not tell."""
    return Product.EQUALIZER if serial.startswith(EQUALIZER_SERIAL) else Product.CHARGER


def _plan(spec: ObservationSpec) -> Plan:
    return Plan(
        product=spec.product,
        spec=spec,
        coerce=COERCE[spec.type],
        native=NATIVE[spec.type],
        is_number=not spec.type.is_text,
        is_kept_apart=spec.same_stamp is SameStamp.KEEP,
        is_private=spec.personal or bool(spec.personal_keys),
    )


def _plans_by_name(plans: dict[tuple[Product, int], Plan]) -> dict[tuple[int, str | None], Plan]:
    """Plans by id and name, where the two together belong to one product only."""
    named: dict[tuple[int, str | None], Plan] = {}
    shared: set[tuple[int, str | None]] = set()
    for plan in plans.values():
        place = (plan.spec.id, plan.spec.name)
        if place in named:
            shared.add(place)
        named[place] = plan
    return {place: plan for place, plan in named.items() if place not in shared}


def _surprise(raw: Json, value: Value, plan: Plan) -> Surprise:
    if raw is None:
        return Surprise.NULL_VALUE
    return Surprise.MISFIT if plan.is_number and isinstance(value, str) else Surprise.COERCED


def _coerce_unknown(raw: Json, description: Json, found: list[Surprise]) -> Value:
    if raw is None:
        found.append(Surprise.NULL_VALUE)
    hint: ValueType | None = type_of_hint(description)
    return to_any(raw) if hint is None else COERCE[hint](raw)
