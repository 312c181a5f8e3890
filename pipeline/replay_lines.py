"""Replay lines: a delivery as one line of JSON, and back.

Owns the form in which streams are recorded, exported and replayed:

    {"routing_key": "EH000281.O.48", "headers": {"ArrivalTime": "…"}, "body": "…", "received_at": "…"}

`body_base64` stands for `body` where the bytes are not UTF-8; `received_at` and `message_id` are optional. Must not
know what a message means, or where lines come from.
"""

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from datetime import datetime

import orjson

from pipeline.core.timestamps import format_time, is_plausible, parse_time, time_of_datetime
from schemas.delivery import Delivery


def to_line(delivery: Delivery) -> bytes:
    """One delivery as a line, without its line break. Header values that JSON does not have are written as text."""
    line: dict[str, object] = {
        "routing_key": _text(delivery.routing_key),
        "headers": {_text(name): _plain(value) for name, value in delivery.headers.items()},
    }
    try:
        line["body"] = delivery.body.decode()
    except UnicodeDecodeError:
        line["body_base64"] = b64encode(delivery.body).decode()
    if delivery.received_at is not None:
        line["received_at"] = format_time(delivery.received_at)
    if delivery.message_id is not None:
        line["message_id"] = _text(delivery.message_id)
    return orjson.dumps(line)


def from_line(line: bytes) -> Delivery:
    """The delivery of a line. Without `received_at` nobody knows when it was received.

    Never raises: what is no such line becomes a delivery without a routing key whose body is the line, so that it
    ends like every other bad delivery, as a reject (`routing_key`).
    """
    try:
        members = orjson.loads(line)
        routing_key, headers, body = members["routing_key"], members["headers"], _read_body(members)
        received_at, message_id = members.get("received_at"), members.get("message_id")
    except (ValueError, KeyError, TypeError, AttributeError):
        return _not_a_line(line)
    if not isinstance(routing_key, str) or not isinstance(headers, dict):
        return _not_a_line(line)
    received = parse_time(received_at) if isinstance(received_at, str) else None
    if received is not None and not is_plausible(received):
        received = None
    return Delivery(routing_key, headers, body, received, message_id if isinstance(message_id, str) else None)


def _not_a_line(line: bytes) -> Delivery:
    return Delivery("", {}, line, None)


def _read_body(members: dict[str, object]) -> bytes:
    if "body_base64" in members:
        try:
            return b64decode(str(members["body_base64"]), validate=True)
        except Base64Error as fault:
            raise ValueError(str(fault)) from fault
    body = members["body"]
    if not isinstance(body, str):
        raise TypeError(type(body).__name__)
    return body.encode()


def _plain(value: object) -> object:
    if isinstance(value, bytes | bytearray):
        return bytes(value).decode(errors="backslashreplace")
    if isinstance(value, datetime):
        return format_time(time_of_datetime(value))
    if value is None or isinstance(value, bool | int | float):
        return value
    return _text(str(value))


def _text(text: str) -> str:
    """The text with lone surrogates, which JSON cannot hold, written out."""
    return text.encode(errors="backslashreplace").decode()
