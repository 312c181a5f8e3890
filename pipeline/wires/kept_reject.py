"""What is kept of a reject, as columns of the state file and back.

Owns the cut of long bodies, the form of headers, and the size that a reject is counted with. Must not know the file.
"""

import hashlib
import math
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

import orjson

from schemas.delivery import Delivery
from schemas.reject import Reject, RejectReason

BODY_KEPT = 64 * 1024
"""Bytes of a body that are kept; of every body its whole length and SHA-256 are."""

COLUMNS = (
    "key",
    "reason",
    "detail",
    "routing_key",
    "headers",
    "message_id",
    "body",
    "body_length",
    "body_sha256",
    "received_at",
    "bytes",
)
_OVERHEAD = 256
"""Bytes that a reject takes besides its texts and its body: numbers, hashes, indexes."""


class KeptReject(NamedTuple):
    """A reject as it was kept. `body` holds the first 64 KiB of `body_length` bytes."""

    key: str
    reason: RejectReason
    detail: str
    routing_key: str
    headers: Mapping[str, object]
    message_id: str | None
    body: bytes
    body_length: int
    body_sha256: str
    received_at: int | None

    @property
    def is_cut(self) -> bool:
        """True where the body was too long to be kept whole, so that it cannot be tried again."""
        return self.body_length > len(self.body)

    @property
    def delivery(self) -> Delivery:
        """The delivery as it came, but for a body that was cut."""
        return Delivery(self.routing_key, self.headers, self.body, self.received_at, self.message_id)


Columns = tuple[str, str, str, str, str, str | None, bytes, int, str, int | None, int]


def to_columns(reject: Reject) -> Columns:
    """The columns of a reject, in the order of COLUMNS."""
    headers = _headers_text(reject.headers)
    routing_key, detail = _text(reject.routing_key), _text(reject.detail)
    message_id = None if reject.message_id is None else _text(reject.message_id)
    body = reject.body[:BODY_KEPT]
    size = _OVERHEAD + len(body) + sum(len(text.encode()) for text in (routing_key, headers, detail, message_id or ""))
    return (
        reject.key,
        reject.reason.value,
        detail,
        routing_key,
        headers,
        message_id,
        body,
        len(reject.body),
        hashlib.sha256(reject.body).hexdigest(),
        reject.received_at,
        size,
    )


def from_columns(columns: Columns) -> KeptReject:
    """The reject of a row of these columns."""
    key, reason, detail, routing_key, headers, message_id, body, length, digest, received_at, _ = columns
    return KeptReject(
        key,
        RejectReason(reason),
        detail,
        routing_key,
        {name: _untagged(value) for name, value in orjson.loads(headers).items()},
        message_id,
        bytes(body),
        length,
        digest,
        received_at,
    )


def _text(text: str) -> str:
    """The text with lone surrogates, which UTF-8 cannot hold, written out."""
    return text.encode(errors="backslashreplace").decode()


def _headers_text(headers: Mapping[str, object]) -> str:
    return orjson.dumps({_text(name): orjson.Fragment(_header_json(value)) for name, value in headers.items()}).decode()


def _header_json(value: object) -> bytes:
    """JSON that gives the value back; of a value that has none, its text, under which the reject has the same key."""
    try:
        return orjson.dumps(_tagged(value))
    except (TypeError, RecursionError):
        return orjson.dumps(_text(str(value)))


def _tagged(value: object) -> object:
    """The value in JSON's own types. An object is always a tag of ours with what it tags, so no header can forge one.

    Raises TypeError for what JSON cannot hold exactly.
    """
    if isinstance(value, dict):
        return {"table": {name: _tagged(member) for name, member in value.items()}}
    if isinstance(value, list):
        return [_tagged(member) for member in value]
    if isinstance(value, bytes | bytearray):
        return {type(value).__name__: value.hex()}
    if isinstance(value, datetime):
        return {"datetime": value.isoformat()}
    if value is None or isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise TypeError(type(value).__name__)


def _untagged(value: object) -> object:
    match value:
        case {"table": dict(members)}:
            return {name: _untagged(member) for name, member in members.items()}
        case {"bytes": str(digits)}:
            return bytes.fromhex(digits)
        case {"bytearray": str(digits)}:
            return bytearray.fromhex(digits)
        case {"datetime": str(time)}:
            return datetime.fromisoformat(time)
        case list(members):
            return [_untagged(member) for member in members]
    return value
