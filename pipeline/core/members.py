"""Members: the checks that the bodies of all kinds share.

Owns identity, times and the clock rule. Must not know what a kind's other members mean.
"""

from collections.abc import Mapping
from datetime import datetime

from pipeline.core.body import Json
from pipeline.core.refusal import RefusedError
from pipeline.core.routing_key import RoutingKey, RoutingKeyReader, parse_id
from pipeline.core.timestamps import EARLIEST, END, NS_PER_S, TimeReader, has_zone, is_plausible, time_of_datetime
from schemas.reject import RejectReason
from schemas.surprise import Surprise

Members = Mapping[str, Json]

AHEAD_OF_ARRIVAL = 24 * 3600 * NS_PER_S
"""How far a time may lie ahead of the cloud's ArrivalTime before it is a clock that is wrong."""

UTC_ENDINGS = ("Z", "+00:00")


def read_arrival(value: object, times: TimeReader, found: list[Surprise]) -> int | None:
    """ArrivalTime as a header or a wrapper gave it; None, counted, where it is missing or no usable time."""
    if value is None or value in ("", b""):
        found.append(Surprise.ARRIVAL_MISSING)
        return None
    time = times.read(value) if type(value) is str else read_wire_time(value, times)
    if time is None or not EARLIEST <= time < END:
        found.append(Surprise.ARRIVAL_UNREADABLE)
        return None
    return time


def read_wire_time(value: object, times: TimeReader) -> int | None:
    """A time in a header: text, bytes of text, or AMQP's timestamp as `datetime`. None where it is none of these."""
    if isinstance(value, str):
        return times.read(value)
    if isinstance(value, bytes):
        return times.read(value.decode(errors="replace"))
    return time_of_datetime(value) if isinstance(value, datetime) else None


def missing_member(absent: KeyError) -> RefusedError:
    """The refusal (`shape`) of a body that lacks the member whose look-up failed."""
    return RefusedError(RejectReason.SHAPE, f"member {absent.args[0]} is missing")


def check_identity(key: RoutingKey, body_id: Json, members: Members) -> None:
    """Hold the body against its key. Raises RefusedError (`shape` for an Id that is none, `identity`)."""
    if type(body_id) is not int or body_id != key.id:
        number = read_body_id(body_id)
        if number != key.id:
            raise RefusedError(RejectReason.IDENTITY, f"the body's Id is {number}, the routing key's {key.id}")
    serial = members.get("SerialNumber")
    if isinstance(serial, str) and serial != key.serial:
        raise RefusedError(RejectReason.IDENTITY, "the body's SerialNumber is not the routing key's")
    if key.claimed is not None:
        _check_claim(key, key.claimed)


def read_stamp(text: str, arrived_at: int | None, times: TimeReader, found: list[Surprise]) -> int:
    """The body's `Timestamp`. Raises RefusedError (`timestamp`, `clock`)."""
    time = times.read(text)
    if time is None:
        raise RefusedError(RejectReason.TIMESTAMP, "Timestamp is not a time like 2023-06-08T06:59:16.0000000Z")
    if not text.endswith(UTC_ENDINGS) and not has_zone(text):
        found.append(Surprise.ZONE_MISSING)
    check_clock(time, arrived_at)
    return time


def read_optional_time(value: Json, unreadable: Surprise, times: TimeReader, found: list[Surprise]) -> int | None:
    """An optional time of the body: None where absent, and None, counted, where it is no usable time."""
    if value is None:
        return None
    time = times.read(value) if isinstance(value, str) else None
    if time is None or not is_plausible(time):
        found.append(unreadable)
        return None
    return time


def check_clock(time: int, arrived_at: int | None) -> None:
    """Raise RefusedError (`clock`) for a time that no working clock could have given."""
    if not EARLIEST <= time < END:
        raise RefusedError(RejectReason.CLOCK, "the time is not within 2015 to 2261")
    if arrived_at is not None and time > arrived_at + AHEAD_OF_ARRIVAL:
        raise RefusedError(RejectReason.CLOCK, "the time is more than 24 h ahead of ArrivalTime")


def optional_text(value: Json, found: list[Surprise]) -> str | None:
    """An optional member that can only be text; anything else, but null, is left out and counted."""
    if value is None or isinstance(value, str):
        return value
    found.append(Surprise.OPTIONAL_UNREADABLE)
    return None


def read_body_id(value: Json) -> int:
    """An id in a body: a whole number, also as text. Raises RefusedError (`shape`)."""
    if isinstance(value, str):
        number = parse_id(value)
        if number is not None:
            return number
    elif isinstance(value, int | float) and not isinstance(value, bool) and value == int(value):
        return int(value)
    raise RefusedError(RejectReason.SHAPE, "Id is not a whole number")


def _check_claim(key: RoutingKey, claimed: str) -> None:
    try:
        inner = RoutingKeyReader().read(claimed)
    except RefusedError:
        raise RefusedError(RejectReason.IDENTITY, "the wrapper's RoutingKey is not usable") from None
    if (inner.serial, inner.kind, inner.id) != (key.serial, key.kind, key.id):
        raise RefusedError(RejectReason.IDENTITY, "the wrapper's RoutingKey is not the delivery's")
