"""An observation: one value that a device reported, typed.

Owns the record and the two kinds of device. Must not know how it is read (`pipeline.core.decode`) or
where it is stored (`pipeline.core.rows`).
"""

from enum import StrEnum
from typing import NamedTuple

Value = float | str | None
"""What an observation holds once its catalogue type was applied: a number (booleans as 0.0 and 1.0,
integers as floats), text, or None for JSON null."""


class Product(StrEnum):
    """The two families of devices. The same observation id means different things on each."""

    CHARGER = "charger"
    EQUALIZER = "equalizer"

    # An enumeration's own way is written in Python, and every message looks up its place by product and id.
    __hash__ = str.__hash__


class Observation(NamedTuple):
    """One observation of one device (Easee: routing key `<Serial>.O.<ObservationId>`).

    `serial`       the device's serial number, from the routing key, which alone has it.
    `product`      charger or Equalizer: which half of the catalogue `id` belongs to.
    `id`           observation id, 0 to 65,535.
    `name`         the body's `Name`, None where the body had none.
    `value`        see `Value`; personal values are already redacted. Text for a numeric id means that the
                   value did not fit its type.
    `value_crc`    crc32 (zlib) of the compact UTF-8 JSON of the body's Value after redaction: tells two
                   values of one whole second apart. 0 where the catalogue says `replace`, which needs none.
    `observed_at`  body `Timestamp`, the device's clock (the cloud's for ids 250 and 251).
    `arrived_at`   header `ArrivalTime`, the cloud's clock; None where missing or unreadable.
    `received_at`  our clock; None where unknown. Never part of a fact.

    All times are nanoseconds since the epoch, UTC, exact to the wire's 100 ns.
    """

    serial: str
    product: Product
    id: int
    name: str | None
    value: Value
    value_crc: int
    observed_at: int
    arrived_at: int | None
    received_at: int | None
