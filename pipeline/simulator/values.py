"""Values: what a device would say for an id of the catalogue.

Owns plausible values, by id where one is special, else by unit and type: a table, so that a new id needs none.
Must not know when something is said.
"""

import struct
from collections.abc import Callable, Mapping
from random import Random
from types import MappingProxyType

import orjson

from schemas.catalogue import ObservationSpec, ValueType
from schemas.observation import Product

Value = None | bool | int | float | str | dict[str, float]
Draw = Callable[[Random], Value]

_FLOAT32 = struct.Struct("f")


def widen(number: float) -> float:
    """The number as a device with float32 sends it: 1.414 becomes 1.4140000343322754."""
    (wide,) = _FLOAT32.unpack(_FLOAT32.pack(number))
    return float(wide)


def draw_value(spec: ObservationSpec, random: Random) -> Value:
    """A value for `spec`."""
    draw = _BY_ID.get((spec.product, spec.id)) or _BY_UNIT.get(spec.unit) or _BY_TYPE[spec.type]
    value = draw(random)
    if spec.type is ValueType.DOUBLE and isinstance(value, float):
        return widen(round(value, 3))
    if spec.type is ValueType.INTEGER and isinstance(value, float):
        return round(value)
    return value


def session_json(random: Random, session: int, energy_kwh: float, start: str, stop: str | None) -> str:
    """A ChargingSession document, with the personal keys that Easee's have."""
    token = f"{random.getrandbits(56):014X}"
    document = {
        "Id": session,
        "Energy": round(energy_kwh, 3),
        "Start": start,
        "Stop": stop,
        "Auth": token,
        "AuthReason": random.randrange(4),
        "AuthReasonText": random.choice(["", "Whitelisted"]),
        "IDToken": {"Token": token, "UserId": random.randrange(10_000)},
    }
    return orjson.dumps(document).decode()


def _between(low: float, high: float) -> Draw:
    return lambda random: random.uniform(low, high)


def _hex(length: int) -> Draw:
    return lambda random: f"{random.getrandbits(4 * length):0{length}X}"


def _one_of(*values: Value) -> Draw:
    return lambda random: random.choice(values)


def _digits(length: int) -> Draw:
    return lambda random: "8947" + "".join(random.choice("0123456789") for _ in range(length - 4))


def _document(random: Random) -> str:
    return orjson.dumps({"Circuits": [{"Id": random.randrange(9), "Fuse": 32}], "Rev": random.randrange(99)}).decode()


def _session(random: Random) -> str:
    return session_json(random, random.randrange(1, 10**6), random.uniform(0, 40), "2025-06-01T10:00:00Z", None)


_BY_ID: Mapping[tuple[Product, int], Draw] = MappingProxyType(
    {
        (Product.CHARGER, 2): _document,
        (Product.CHARGER, 20): _document,
        (Product.CHARGER, 25): lambda random: {"lat": round(random.uniform(58, 70), 5), "lon": 10.75},
        (Product.CHARGER, 62): _one_of("", '{"chargingProfileId":1,"stackLevel":2}'),
        (Product.CHARGER, 80): _one_of(315, 318, 321),
        (Product.CHARGER, 81): _digits(19),
        (Product.CHARGER, 82): _one_of("0012", "EG91EFBR06A08M4G", "310"),
        (Product.CHARGER, 96): _one_of(0, 28, 50, 52, 55, 79, 100, 199),
        (Product.CHARGER, 104): _one_of(-1, 20, 32),
        (Product.CHARGER, 110): _one_of(0, 10, 12, 14, 30),
        (Product.CHARGER, 128): _hex(14),
        (Product.CHARGER, 129): _session,
        (Product.CHARGER, 132): _one_of(0, -55, -67, -80),
        (Product.CHARGER, 140): lambda random: orjson.dumps([{"ssid": f"Net{random.randrange(9)}"}]).decode(),
        (Product.CHARGER, 223): _session,
        (Product.EQUALIZER, 2): _document,
        (Product.EQUALIZER, 20): _document,
    }
)
_BY_UNIT: Mapping[str, Draw] = MappingProxyType(
    {
        "A": _between(0, 32),
        "V": _between(225, 242),
        "kW": _between(0, 11),
        "kWh": _between(0, 5_000),
        "celsius": _between(-10, 60),
        "dBm": _between(-110, -45),
        "percent": _between(0, 100),
    }
)
_BY_TYPE: Mapping[ValueType, Draw] = MappingProxyType(
    {
        ValueType.BOOLEAN: _one_of(True, False),
        ValueType.DOUBLE: _between(0, 100),
        ValueType.INTEGER: _one_of(0, 1, 2, 3, 7, 40),
        ValueType.POSITION: lambda random: {"lat": round(random.uniform(58, 70), 5)},
        ValueType.STRING: _hex(8),
    }
)
