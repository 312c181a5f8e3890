"""Rejects: deliveries that could not become a record or a row, and why.

Owns the closed set of reasons, the record, and its identity. Must not know where rejects are kept.
"""

from collections.abc import Mapping
from enum import StrEnum
from hashlib import sha256
from typing import NamedTuple


class RejectReason(StrEnum):
    """Why a delivery was refused. Of those that decode gives, the first that applies, in this order."""

    ROUTING_KEY = "routing_key"
    KIND = "kind"
    TOO_LARGE = "too_large"
    ENCODING = "encoding"
    JSON = "json"
    SHAPE = "shape"
    IDENTITY = "identity"
    TIMESTAMP = "timestamp"
    CLOCK = "clock"
    RETENTION = "retention"
    STORE = "store"
    VERSION = "version"
    INTERNAL = "internal"


MEANING: Mapping[RejectReason, str] = {
    RejectReason.ROUTING_KEY: "the routing key is not <Serial>.<Kind>.<Id> with a usable serial and id",
    RejectReason.KIND: "a message kind that Chargeline does not read (only O, CR and C are)",
    RejectReason.TOO_LARGE: "the body is over 256 KiB or nested deeper than 32",
    RejectReason.ENCODING: "the body is not UTF-8",
    RejectReason.JSON: "the body is not JSON",
    RejectReason.SHAPE: "not an object, or a required member is missing or of an impossible type",
    RejectReason.IDENTITY: "the body speaks of another device or id than the routing key",
    RejectReason.TIMESTAMP: "a required time cannot be read",
    RejectReason.CLOCK: "the time lies before 2015, far ahead of its arrival, or beyond what a store can hold",
    RejectReason.RETENTION: "older than the store's retention",
    RejectReason.STORE: "refused by the store",
    RejectReason.VERSION: "a record of a version that this program does not know",
    RejectReason.INTERNAL: "a fault of Chargeline itself; please report it",
}


class Reject(NamedTuple):
    """A refused delivery with all that came with it, and the reason.

    `detail` says in words what exactly was wrong; it never holds a value from the body that the
    catalogue calls personal.
    """

    reason: RejectReason
    routing_key: str
    headers: Mapping[str, object]
    body: bytes
    received_at: int | None
    detail: str
    message_id: str | None = None

    @property
    def key(self) -> str:
        """32 hexadecimal digits that name this delivery's content: a redelivery is the same reject."""
        digest = sha256()
        for part in (
            self.routing_key.encode(errors="surrogatepass"),
            repr(sorted((name, str(value)) for name, value in self.headers.items())).encode(errors="surrogatepass"),
            self.body,
        ):
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
        return digest.hexdigest()[:32]
