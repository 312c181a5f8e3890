"""Rows: a fact to the row that every store keeps of it.

Owns measurement, tags, time and fields of each fact: one definition for line protocol and SQL. A row is a pure
function of one record, so that a replay gives identical rows.
Must not know stores, our clock, or how commands and responses are paired.
"""

from typing import NamedTuple

from pipeline.core.same_stamp import spread_stamp
from pipeline.core.timestamps import NS_PER_MS
from schemas.catalogue import Catalogue, ObservationSpec, SameStamp
from schemas.command import CommandResponse
from schemas.measurement import COMMAND_RESPONSE, OTHER, other_field
from schemas.observation import Observation, Product
from schemas.row import Field, Row

NULL = "null"
"""What the text field of a number holds after JSON null; a text field holds empty text instead."""

_new = tuple.__new__
"""Builds a row at half the cost of calling its class; every message pays it."""


class _Place(NamedTuple):
    """Where one observation id is kept."""

    measurement: str
    number_field: str
    text_field: str
    null_text: str
    is_kept_apart: bool


class RowMaker:
    """Makes rows of facts by one catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        """Work out the place of every id of the catalogue; unknown ids are learnt, 65,536 a product at most."""
        self._catalogue = catalogue
        self._places = {place: _place(spec) for place, spec in catalogue.observations.items()}

    def row(self, fact: Observation | CommandResponse) -> Row:
        """The row of one fact."""
        if isinstance(fact, CommandResponse):
            return self._response_row(fact)
        serial, product, number, _, value, crc, time, arrived_at, _ = fact
        place = self._places.get((product, number)) or self._learn(product, number)
        measurement, number_field, text_field, null_text, is_kept_apart = place
        field: Field
        if type(value) is float:
            field = (number_field, value)
        else:
            field = (text_field, null_text if value is None else str(value))
        if is_kept_apart:
            time = spread_stamp(time, arrived_at, crc)
        return _new(Row, (measurement, serial, "", (), time, (field,)))

    def _learn(self, product: Product, observation_id: int) -> _Place:
        field = other_field(observation_id)
        place = _Place(OTHER[product], field, f"{field}_text", NULL, is_kept_apart=True)
        self._places[product, observation_id] = place
        return place

    def _response_row(self, fact: CommandResponse) -> Row:
        created = fact.created_at
        fields: list[Field] = [("command_id", float(fact.id)), ("accepted", float(fact.accepted))]
        if fact.delivered_at is not None:
            fields.append(("delivery_ms", (fact.delivered_at - created) / NS_PER_MS))
        if fact.arrived_at is not None:
            fields.append(("response_ms", (fact.arrived_at - created) / NS_PER_MS))
        if fact.ticks is not None:
            fields.append(("ticks", fact.ticks))
        if fact.result_code is not None:
            name = "result_code_text" if isinstance(fact.result_code, str) else "result_code"
            fields.append((name, fact.result_code))
        if fact.comment is not None:
            fields.append(("comment", fact.comment))
        tags = (("command", self._catalogue.command_name(fact.id)),)
        return Row(COMMAND_RESPONSE, fact.serial, "", tags, created, tuple(fields))


def _place(spec: ObservationSpec) -> _Place:
    return _Place(
        measurement=spec.measurement,
        number_field=spec.field,
        text_field=spec.text_field,
        null_text="" if spec.type.is_text else NULL,
        is_kept_apart=spec.same_stamp is SameStamp.KEEP,
    )
