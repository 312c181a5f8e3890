"""Explain, observations: product, catalogue entry, value, times and the row's time, each with its reason.

Owns the wording. Every figure is the core's: of a record, of a row, or of the core's own function asked again.
Must not know how an explanation is shown, and never shows a personal value that the setting redacts.
"""

from collections.abc import Mapping, Sequence

from pipeline.core.body import Json
from pipeline.core.coercion import compact_json, type_of_hint
from pipeline.core.decode_observation import EQUALIZER_SERIAL, product_of_serial
from pipeline.core.members import Members
from pipeline.core.redaction import Personal
from pipeline.core.same_stamp import spread_stamp
from pipeline.core.timestamps import NS_PER_MS, NS_PER_S, format_time
from pipeline.explain_step import Step, in_short
from schemas.catalogue import Catalogue, ObservationSpec, SameStamp
from schemas.enumerations import BY_OBSERVATION
from schemas.measurement import OTHER, other_field
from schemas.observation import Observation, Product, Value
from schemas.row import Row
from schemas.surprise import Surprise

_REDACTED: Mapping[Personal, str] = {
    Personal.DROP: "PERSONAL=drop keeps only that there was a value",
    Personal.HASH: "PERSONAL=hash keeps its HMAC, the same for the same value",
}
_JSON_TYPES: Mapping[type, str] = {
    bool: "a boolean",
    dict: "an object",
    float: "a number",
    int: "a number",
    list: "an array",
    str: "text",
}


class ObservationSteps:
    """The steps of an observation."""

    def __init__(self, catalogue: Catalogue, personal: Personal) -> None:
        """`personal` is the way in which the decoder treated personal values."""
        self._catalogue = catalogue
        self._personal = personal

    def steps(
        self, observation: Observation, members: Members, surprises: Sequence[Surprise], row: Row
    ) -> tuple[Step, ...]:
        """What became of a decoded observation; `members` is the body that it was decoded from."""
        place = (observation.product, observation.id)
        spec = self._catalogue.observations.get(place)
        return (
            _product_step(observation, spec),
            self.entry(*place),
            self._value_step(observation, members, spec, surprises),
            *_code_steps(observation),
            *_time_steps(observation),
            _row_time_step(observation, spec, row),
        )

    def entry(self, product: Product, observation_id: int, topic: str = "catalogue") -> Step:
        """What the catalogue says of an id."""
        spec = self._catalogue.observations.get((product, observation_id))
        if spec is None:
            field = other_field(observation_id)
            kept = f"numbers in {OTHER[product]}.{field}, text in {field}_text"
            return Step(topic, f"no entry of id {observation_id} for {product}", f"kept all the same: {kept}")
        return Step(topic, describe_observation(spec), _secrecy(spec))

    def _value_step(
        self, observation: Observation, members: Members, spec: ObservationSpec | None, surprises: Sequence[Surprise]
    ) -> Step:
        raw = members.get("Value")
        kept = _show(observation.value)
        if self._hides(spec) and observation.value not in (None, ""):
            return Step("value", f"(not shown) -> {kept}", f"personal; {_REDACTED[self._personal]}")
        why = _unknown_reason(members) if spec is None else _known_reason(spec, raw, surprises)
        return Step("value", f"{in_short(compact_json(raw))} -> {kept}", why)

    def _hides(self, spec: ObservationSpec | None) -> bool:
        return self._personal in _REDACTED and spec is not None and (spec.personal or bool(spec.personal_keys))


def describe_observation(spec: ObservationSpec) -> str:
    """An entry in one line: `48 DynamicChargerCurrent, double in A, state, kept in charger_limit.…`."""
    unit = f" in {spec.unit}" if spec.unit else ""
    return f"{spec.id} {spec.name}, {spec.type}{unit}, {spec.role}, kept in {spec.measurement}.{spec.field}"


def product_by_serial(serial: str) -> Step:
    """The product that a serial tells."""
    begins = "begins" if product_of_serial(serial) is Product.EQUALIZER else "does not begin"
    return Step(
        "product",
        product_of_serial(serial),
        f"the serial {begins} with {EQUALIZER_SERIAL}; a body's Name may tell otherwise",
    )


def _product_step(observation: Observation, spec: ObservationSpec | None) -> Step:
    by_serial = product_of_serial(observation.serial)
    if observation.product is not by_serial:
        return Step(
            "product",
            observation.product,
            f"the body's Name is that of a {observation.product}; it weighs more than the serial, a {by_serial}'s",
        )
    if spec is not None and observation.name == spec.name:
        return Step(
            "product", observation.product, "the body's Name is this product's name of the id, and the serial fits"
        )
    name = "the body has no usable Name" if observation.name is None else "the body's Name is not the catalogue's"
    return Step("product", observation.product, f"{name}, so the serial tells ({EQUALIZER_SERIAL}… is an Equalizer's)")


def _secrecy(spec: ObservationSpec) -> str:
    if spec.personal:
        return "the value is personal"
    if spec.personal_keys:
        return f"JSON; personal in it: {', '.join(sorted(spec.personal_keys))}"
    return "JSON" if spec.json else ""


def _known_reason(spec: ObservationSpec, raw: Json, surprises: Sequence[Surprise]) -> str:
    if Surprise.NULL_VALUE in surprises:
        return f"null, so the text field {spec.text_field} tells"
    if Surprise.MISFIT in surprises:
        return f"does not fit the catalogue's {spec.type}, so it is kept as text in {spec.text_field}"
    if Surprise.COERCED in surprises:
        return f"came as {_JSON_TYPES[type(raw)]}, and is kept as the catalogue's {spec.type}"
    return f"{spec.type}, as the catalogue says; every number is kept as a float, booleans as 0 and 1"


def _unknown_reason(members: Members) -> str:
    hint = type_of_hint(members.get("Description"))
    if hint is None:
        return "no catalogue entry and no type at the end of Description, so JSON's own type decides"
    return f"no catalogue entry; Description ends in [{hint.capitalize()}], so it is read as {hint}"


def _show(value: Value) -> str:
    return in_short(compact_json(value))


def _code_steps(observation: Observation) -> tuple[Step, ...]:
    codes = BY_OBSERVATION.get((observation.product, observation.id))
    if codes is None or not isinstance(observation.value, float):
        return ()
    meaning = codes.get(int(observation.value))
    if meaning is None:
        return (Step("code", "unknown", "not in the table of codes; it stays its number"),)
    return (Step("code", meaning),)


def _time_steps(observation: Observation) -> tuple[Step, Step]:
    stamp = Step("stamp", format_time(observation.observed_at), "member Timestamp, the device's clock")
    if observation.arrived_at is None:
        return (stamp, Step("arrived", "unknown", "no usable header ArrivalTime: no latency, no check of the clock"))
    latency = (observation.arrived_at - observation.observed_at) / NS_PER_MS
    return (
        stamp,
        Step(
            "arrived",
            f"{format_time(observation.arrived_at)}, {latency} ms after the stamp",
            "header ArrivalTime, the cloud's clock",
        ),
    )


def _row_time_step(observation: Observation, spec: ObservationSpec | None, row: Row) -> Step:
    stamp, crc = observation.observed_at, observation.value_crc
    time = format_time(row.time)
    if spec is not None and spec.same_stamp is SameStamp.REPLACE:
        return Step("row time", time, "same_stamp replace: the stamp itself; of one stamp the last delivered wins")
    by_value = spread_stamp(stamp, None, crc) - stamp
    by_arrival = spread_stamp(stamp, observation.arrived_at, crc) - stamp - by_value
    if stamp % NS_PER_S:
        return Step("row time", time, "same_stamp keep: the stamp is finer than a second and stays as it is")
    return Step(
        "row time",
        time,
        f"same_stamp keep: stamp + {by_arrival:,} ns for its ArrivalTime + {by_value:,} ns for its value"
        f" (crc32 {crc}), so that two values of one second are both kept",
    )
