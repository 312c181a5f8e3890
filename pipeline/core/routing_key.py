"""Routing keys: `<Serial>.<Kind>.<Id>` to their parts.

Owns what a usable key is (Easee: "Routing keys"; a fourth segment and further kinds come from the platform
that the stream was derived from). Must not know what the body holds.
"""

import re
from enum import StrEnum
from typing import NamedTuple

from pipeline.core.refusal import RefusedError
from schemas.reject import RejectReason


class Kind(StrEnum):
    """The kinds that are read: what the second segment says."""

    OBSERVATION = "O"
    RESPONSE = "CR"
    COMMAND = "C"


class RoutingKey(NamedTuple):
    """A usable key.

    `is_extended`  it had a fourth segment, whose content is not used.
    `claimed`      what a wrapped body says that its routing key is; None where nothing does.
    """

    serial: str
    kind: Kind
    id: int
    is_extended: bool = False
    claimed: str | None = None


_SERIAL = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_ID = re.compile(r"[0-9]{1,5}", re.ASCII)
_HIGHEST_ID = 65_535
_EXTENDED = 4
_SEGMENTS = (3, _EXTENDED)
_OLD_KIND_SEGMENTS = (1, 2)
_KINDS = {kind.value: kind for kind in Kind}


def is_serial(text: str) -> bool:
    """Whether a text can be the serial number of a device."""
    return _SERIAL.fullmatch(text) is not None


def parse_id(text: str) -> int | None:
    """An observation or command id, 0 to 65,535, from one to five digits; None where it is none."""
    if _ID.fullmatch(text) is None:
        return None
    number = int(text)
    return number if number <= _HIGHEST_ID else None


class RoutingKeyReader:
    """Reads keys, remembering serials and ids it met apart from each other, never their product.

    The memory is bounded and holds nothing but the meaning of text, so it never changes a result.
    """

    _SERIALS_KEPT = 262_144

    def __init__(self) -> None:
        """Start with an empty memory; ids cannot be more than 65,536."""
        self._serials: dict[str, str] = {}
        self._ids: dict[str, int] = {}

    def read(self, key: str) -> RoutingKey:
        """The key's parts. Raises RefusedError (`routing_key`, `kind`)."""
        segments = key.split(".")
        if len(segments) not in _SEGMENTS:
            if len(segments) in _OLD_KIND_SEGMENTS and key.endswith("P"):
                raise RefusedError(RejectReason.KIND, "an observation package or pulse of the older platform")
            raise RefusedError(RejectReason.ROUTING_KEY, f"it has {len(segments)} of the 3 or 4 segments between dots")
        serial = self._serials.get(segments[0]) or self._learn_serial(segments[0])
        number = self._ids.get(segments[2])
        if number is None:
            number = self._learn_id(segments[2])
        kind = _KINDS.get(segments[1])
        if kind is None:
            raise RefusedError(RejectReason.KIND, f"kind {segments[1][:20]!r} is none of {', '.join(_KINDS)}")
        return RoutingKey(serial, kind, number, len(segments) == _EXTENDED)

    def _learn_serial(self, text: str) -> str:
        if not is_serial(text):
            raise RefusedError(RejectReason.ROUTING_KEY, "the serial is not 1 to 64 letters, digits, - or _")
        if len(self._serials) >= self._SERIALS_KEPT:
            self._serials.clear()
        self._serials[text] = text
        return text

    def _learn_id(self, text: str) -> int:
        number = parse_id(text)
        if number is None:
            raise RefusedError(RejectReason.ROUTING_KEY, f"the id is not a whole number of 0 to {_HIGHEST_ID}")
        self._ids[text] = number
        return number
