"""What is kept of a reject, as columns of the state file and back.

Owns the cut of long bodies, the form of headers, and the size that a reject is counted with. Must not know the file.
"""

import hashlib
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
    routing_key = reject.routing_key.encode(errors="backslashreplace").decode()
    body = reject.body[:BODY_KEPT]
    size = _OVERHEAD + len(body) + sum(map(len, (routing_key, headers, reject.detail, reject.message_id or "")))
    return (
        reject.key,
        reject.reason.value,
        reject.detail,
        routing_key,
        headers,
        reject.message_id,
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
        {name: _unmark(value) for name, value in orjson.loads(headers).items()},
        message_id,
        bytes(body),
        length,
        digest,
        received_at,
    )


def _headers_text(headers: Mapping[str, object]) -> str:
    try:
        return orjson.dumps(dict(headers), default=_mark, option=orjson.OPT_PASSTHROUGH_DATETIME).decode()
    except orjson.JSONEncodeError:
        # Nothing that a header can hold may keep the reject from being kept: lone surrogates, numbers beyond 64 bit.
        return orjson.dumps({ascii(name): {"text": ascii(value)} for name, value in headers.items()}).decode()


def _mark(value: object) -> object:
    """JSON of a header value that has none: what AMQP can hold besides JSON's own types."""
    if isinstance(value, bytes | bytearray):
        return {"bytes": bytes(value).hex()}
    if isinstance(value, datetime):
        return {"time": value.isoformat()}
    return {"text": str(value)}


def _unmark(value: object) -> object:
    if isinstance(value, dict):
        if isinstance(value.get("bytes"), str):
            return bytes.fromhex(value["bytes"])
        if isinstance(value.get("time"), str):
            return datetime.fromisoformat(value["time"])
    return value
