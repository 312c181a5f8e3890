"""Stored facts: what a store keeps of observations, read back as observations.

Owns the way back from a row to the messages it is of (`pipeline.core.rows` has the way there). Pure. Must not know
stores, or what observations are read for.

What a row does not hold is not invented: names are None. Where a value was moved within its second, the way it was
moved tells its stamp, and its ArrivalTime to the millisecond, if that is between 100 s before the stamp and 900 s after
it (`pipeline.core.same_stamp`). All others have the stamp that the row has, and no ArrivalTime: values of which the
last one of a second wins, finer stamps, and what the device sent as text though it is a number, as in "13.50".
"""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple
from zlib import crc32

import orjson

from pipeline.core.same_stamp import ARRIVAL_STEP_NS, ARRIVALS, VALUE_STEPS
from pipeline.core.timestamps import NS_PER_MS, NS_PER_S
from schemas.catalogue import Catalogue, SameStamp
from schemas.observation import Observation, Product
from schemas.row import Field

_AHEAD_MS = 100_000
"""How far a device's clock may be ahead of the cloud's."""

_INEXACT = 2.0**53
"""A body's integers are as sent below this."""


class _Known(NamedTuple):
    """What the catalogue says of a field."""

    product: Product
    id: int
    is_text: bool
    is_kept_apart: bool


class StoredFacts:
    """Reads rows back, by one catalogue."""

    def __init__(self, catalogue: Catalogue, product: Product) -> None:
        """For the observations of one product."""
        self._fields: dict[str, dict[str, _Known]] = {}
        for spec in catalogue.observations.values():
            if spec.product is product:
                known = _Known(product, spec.id, spec.type.is_text, spec.same_stamp is SameStamp.KEEP)
                self._fields.setdefault(spec.measurement, {})[spec.field] = known

    @property
    def fields(self) -> Mapping[str, Iterable[str]]:
        """The fields that can be read back, by measurement."""
        return self._fields

    def fields_of(self, ids: Container[int]) -> Mapping[str, Sequence[str]]:
        """Of `fields`, those of some ids."""
        found = {
            measurement: [name for name, known in fields.items() if known.id in ids]
            for measurement, fields in self._fields.items()
        }
        return {measurement: names for measurement, names in found.items() if names}

    def observations(self, measurement: str, charger: str, time: int, fields: Iterable[Field]) -> Iterator[Observation]:
        """Those that a row is of. Fields that are not among `fields` above give none; nor does JSON null."""
        of_measurement = self._fields.get(measurement, {})
        for name, value in fields:
            known = of_measurement.get(name)
            if known is None or isinstance(value, str) is not known.is_text:
                continue
            stamp, arrived_at, crc = _unmoved(time, value) if known.is_kept_apart else (time, None, 0)
            yield Observation(charger, known.product, known.id, None, value, crc, stamp, arrived_at, None)


def _unmoved(time: int, value: float | str) -> tuple[int, int | None, int]:
    """The stamp of a value that is kept apart, its ArrivalTime where that is known, and its crc."""
    moved = time % NS_PER_S
    arrival, of_value = divmod(moved, ARRIVAL_STEP_NS)
    crcs = [crc32(sent) for sent in _as_sent(value)]
    crc = next((crc for crc in crcs if crc % VALUE_STEPS == of_value), None)
    if crc is None:
        return time, None, crcs[0]
    stamp = time - moved
    # A message without an ArrivalTime is not moved by one.
    return stamp, _arrived_at(stamp, arrival) if arrival else None, crc


def _arrived_at(stamp: int, arrival: int) -> int:
    """The moment near a stamp that has this remainder of milliseconds."""
    earliest = stamp // NS_PER_MS - _AHEAD_MS
    return (earliest + (arrival - earliest) % ARRIVALS) * NS_PER_MS


def _as_sent(value: float | str) -> Iterator[bytes]:
    """The ways in which a body can have had a value, as compact JSON; the likely ones first."""
    if isinstance(value, str):
        yield orjson.dumps(value)
        yield value.encode()
        return
    whole = [int(value)] if value.is_integer() and abs(value) < _INEXACT else []
    forms: list[float | int] = [*whole, value]
    yield from map(orjson.dumps, forms)
    if value in (0.0, 1.0):
        yield from (b"true", b'"true"', b'"True"') if value else (b"false", b'"false"', b'"False"')
    yield from (orjson.dumps(str(form)) for form in forms)
