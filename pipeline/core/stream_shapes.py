"""Stream shapes: which members each kind of stream record has, of which types, and how they make a record.

Owns the tables that reading and writing go by. Pure. Must not know versions, bundles, or what is wrong with a message
(`pipeline.core.stream_records`).
"""

import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from types import MappingProxyType, NoneType
from typing import Any, NamedTuple

from pipeline.core.routing_key import is_serial
from schemas.command import Argument, CommandResponse, CommandSent
from schemas.observation import Observation, Product
from schemas.reject import RejectReason
from schemas.row import Field, Row
from schemas.stream import Freshness, Heard, StreamReject, Tick

StreamRecord = Observation | CommandResponse | CommandSent | Freshness | Tick | StreamReject | Row


class Shape(NamedTuple):
    """A kind of record: its members in order, the types that JSON may give each, and how these make a record.

    `build` raises KeyError, TypeError or ValueError for members of an impossible form.
    """

    members: Mapping[str, tuple[type, ...]]
    build: Callable[[tuple[Any, ...]], StreamRecord]


_TEXT, _INTEGER, _LIST, _FLAG = (str,), (int,), (list,), (bool,)
_MAYBE_TEXT, _MAYBE_INTEGER = (str, NoneType), (int, NoneType)

_NO_CHARGER = "-"
"""The charger of a row that is about the fleet."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")

PRODUCTS: Mapping[str, Product] = MappingProxyType({each.value: each for each in Product})
_REASONS: Mapping[str, RejectReason] = MappingProxyType({each.value: each for each in RejectReason})


def _build_observation(values: tuple[Any, ...]) -> Observation:
    serial, product_, *rest = values
    return Observation(_serial(serial), PRODUCTS[product_], *rest)


def _build_response(values: tuple[Any, ...]) -> CommandResponse:
    serial, *rest = values
    return CommandResponse(_serial(serial), *rest)


def _build_command(values: tuple[Any, ...]) -> CommandSent:
    serial, number, listed, *rest = values
    return CommandSent(_serial(serial), number, tuple(_argument(*each) for each in listed), *rest)


def _serial(text: str) -> str:
    if not is_serial(text):
        raise ValueError("no serial of a device")
    return text


def _argument(number: object, value: object) -> Argument:
    if type(number) is not int or not isinstance(value, str):
        raise ValueError("an argument of an impossible form")
    return Argument(number, value)


def _build_freshness(values: tuple[Any, ...]) -> Freshness:
    heard, is_fleet = values
    return Freshness(tuple(_heard(*each) for each in heard), is_fleet)


def _heard(serial: object, moments: object, messages: object) -> Heard:
    if not isinstance(serial, str) or not isinstance(moments, list) or type(messages) is not int:
        raise ValueError("a device's moments of an impossible form")
    if not moments or any(type(moment) is not int for moment in moments):
        raise ValueError("moments that are no integers")
    return Heard(serial, tuple(moments), messages)


def _build_reject(values: tuple[Any, ...]) -> StreamReject:
    key, reason, detail, routing_key, headers, message_id, body, *rest = values
    named = tuple(_header(*each) for each in headers)
    content = b64decode(body, validate=True)
    return StreamReject(key, _REASONS[reason], detail, routing_key, named, message_id, content, *rest)


def _header(name: object, value: object) -> tuple[str, str]:
    if not isinstance(name, str) or not isinstance(value, str):
        raise ValueError("a header of an impossible form")
    return name, value


def _build_row(values: tuple[Any, ...]) -> Row:
    measurement, charger, site, tags, time, fields = values
    if charger != _NO_CHARGER and not is_serial(charger):
        raise ValueError("a charger that is no serial")
    if not fields:
        raise ValueError("a row without fields")
    named = tuple(_tag(*each) for each in tags)
    return Row(_row_name(measurement), charger, site, named, time, tuple(_field(*each) for each in fields))


def _tag(name: object, value: object) -> tuple[str, str]:
    if not isinstance(value, str):
        raise ValueError("a tag of an impossible form")
    return _row_name(name), value


def _field(name: object, value: object) -> Field:
    if isinstance(value, str | float):
        return _row_name(name), value
    if type(value) is not int:
        raise ValueError("a field that is neither number nor text")
    return _row_name(name), float(value)


def _row_name(name: object) -> str:
    """Stores take names as they are: what is none could end their line, and begin one of its own."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError("no name of a measurement, tag or field")
    return name


SHAPES: Mapping[str, Shape] = MappingProxyType(
    {
        "observation": Shape(
            {
                "serial": _TEXT,
                "product": _TEXT,
                "id": _INTEGER,
                "name": _MAYBE_TEXT,
                "value": (float, str, NoneType),
                "value_crc": _INTEGER,
                "observed_at": _INTEGER,
                "arrived_at": _MAYBE_INTEGER,
                "received_at": _MAYBE_INTEGER,
            },
            _build_observation,
        ),
        "response": Shape(
            {
                "serial": _TEXT,
                "id": _INTEGER,
                "accepted": _FLAG,
                "ticks": _MAYBE_TEXT,
                "created_at": _INTEGER,
                "delivered_at": _MAYBE_INTEGER,
                "arrived_at": _MAYBE_INTEGER,
                "result_code": (float, str, NoneType),
                "comment": _MAYBE_TEXT,
                "received_at": _MAYBE_INTEGER,
            },
            _build_response,
        ),
        "command": Shape(
            {
                "serial": _TEXT,
                "id": _INTEGER,
                "arguments": _LIST,
                "expires_at": _MAYBE_INTEGER,
                "published_at": _INTEGER,
                "ref": _TEXT,
                "received_at": _MAYBE_INTEGER,
                "attempt": _INTEGER,
                "is_confirmed": _FLAG,
            },
            _build_command,
        ),
        "freshness": Shape({"heard": _LIST, "is_fleet": _FLAG}, _build_freshness),
        "tick": Shape(
            {
                "bridge": _TEXT,
                "life": _INTEGER,
                "number": _INTEGER,
                "at": _INTEGER,
                "watermark": _MAYBE_INTEGER,
                "settled_at": _MAYBE_INTEGER,
                "consumers": _MAYBE_INTEGER,
                "looked_at": _MAYBE_INTEGER,
                "is_last": _FLAG,
            },
            Tick._make,
        ),
        "reject": Shape(
            {
                "key": _TEXT,
                "reason": _TEXT,
                "detail": _TEXT,
                "routing_key": _TEXT,
                "headers": _LIST,
                "message_id": _MAYBE_TEXT,
                "body_base64": _TEXT,
                "body_length": _INTEGER,
                "is_redacted": _FLAG,
                "received_at": _MAYBE_INTEGER,
            },
            _build_reject,
        ),
        "row": Shape(
            {
                "measurement": _TEXT,
                "charger": _TEXT,
                "site": _TEXT,
                "tags": _LIST,
                "time": _INTEGER,
                "fields": _LIST,
            },
            _build_row,
        ),
    }
)

KINDS: Mapping[type[StreamRecord], str] = MappingProxyType(
    {
        Observation: "observation",
        CommandResponse: "response",
        CommandSent: "command",
        Freshness: "freshness",
        Tick: "tick",
        StreamReject: "reject",
        Row: "row",
    }
)


def members_of(record: StreamRecord) -> dict[str, object]:
    """The members of a record, in the order of its shape."""
    members: dict[str, object] = record._asdict()
    if isinstance(record, StreamReject):
        del members["body"]
        members["body_base64"] = b64encode(record.body).decode()
    return members
