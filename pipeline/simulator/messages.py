"""Messages: what a device or the cloud says, as the bytes that arrive in the queue.

Owns the form of keys, headers, bodies and times as Easee writes them, by the book. Must not know the quirks of form
(`form_quirks`), why something is said (`charger`, `equalizer`), or when it is delivered (`fleet`).
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from types import MappingProxyType

import orjson

from schemas.catalogue import ObservationSpec, ValueType
from schemas.reject import RejectReason

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICKS_AT_EPOCH = 621_355_968_000_000_000
_TYPE_WORDS: Mapping[ValueType, str] = MappingProxyType({kind: kind.value.capitalize() for kind in ValueType})


class Draft:
    """A message that is being written: by the book at first, until a quirk is played on it.

    `members` is the body; `raw` takes its place where a quirk needs bytes. `refused_as` is what must become of it.
    """

    __slots__ = ("arrival", "key", "members", "raw", "refused_as", "spec")

    def __init__(self, key: list[str], members: dict[str, object], arrival: int, spec: ObservationSpec | None) -> None:
        """`arrival`: nanoseconds when it reaches the cloud; `spec` for an observation of the catalogue."""
        self.key = key
        self.members = members
        self.arrival: str | None = format_stamp(arrival - arrival % NS_PER_MS, "+00:00")
        self.spec = spec
        self.raw: bytes | None = None
        self.refused_as: RejectReason | None = None

    @property
    def routing_key(self) -> str:
        """The key as text."""
        return ".".join(self.key)

    @property
    def headers(self) -> dict[str, object]:
        """The headers as the broker hands them out."""
        return {} if self.arrival is None else {"ArrivalTime": self.arrival}

    @property
    def body(self) -> bytes:
        """The body's bytes."""
        return orjson.dumps(self.members) if self.raw is None else self.raw


def format_stamp(time: int, zone: str) -> str:
    """A time as Easee writes it: seven digits and a zone, which is only appended."""
    seconds, rest = divmod(time, NS_PER_S)
    text = _seconds_text(seconds)
    return f"{text}.{rest // 100:07d}{zone}"


def observation(serial: str, spec: ObservationSpec, value: object, observed_at: int, arrival: int) -> Draft:
    """An observation by the book."""
    members: dict[str, object] = {
        "Description": f"{spec.name} of the device [{_TYPE_WORDS[spec.type]}]",
        "Id": spec.id,
        "Name": spec.name,
        "Timestamp": format_stamp(observed_at, "+00:00"),
        "Value": value,
    }
    return Draft([serial, "O", str(spec.id)], members, arrival, spec)


def response(serial: str, command: int, created_at: int, delivered_at: int, arrival: int, accepted: bool) -> Draft:
    """A command response by the book."""
    members: dict[str, object] = {
        "Comment": None if accepted else "Rejected by charger",
        "DeliveredAt": format_stamp(delivered_at, "Z"),
        "Id": command,
        "ResultCode": None if accepted else 3,
        "SerialNumber": serial,
        "Ticks": created_at // 100 + _TICKS_AT_EPOCH,
        "Timestamp": format_stamp(created_at, "Z"),
        "WasAccepted": accepted,
    }
    return Draft([serial, "CR", str(command)], members, arrival, None)


@lru_cache(maxsize=100_000)
def _seconds_text(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).replace(tzinfo=None).isoformat()
