"""Bodies: bytes to one JSON object, or the reason why not.

Owns the limits on size and nesting and the wrapped form. Must not know what the members mean.
Source: Easee prints consumed messages wrapped with ArrivalTime and RoutingKey; on the wire these are a header
and the key, and the body is bare. Both forms are read.
"""

import re

import orjson

from pipeline.core.refusal import RefusedError
from pipeline.core.routing_key import Kind
from schemas.reject import RejectReason

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

MAX_BYTES = 256 * 1024
MAX_DEPTH = 32

WRAPPERS = {Kind.OBSERVATION: "Observation", Kind.RESPONSE: "CommandResponse"}
"""The member that holds the body where a message is wrapped."""

# The closing quote is optional, so that an unterminated string matches too: no input makes the scan go back.
_STRUCTURE = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[\]{}]', re.DOTALL)
_STEP = {b"[": 1, b"{": 1, b"]": -1, b"}": -1}
_CONTAINERS = frozenset({dict, list})
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read_object(body: bytes) -> dict[str, Json]:
    """The JSON object in `body`. Raises RefusedError (`too_large`, `encoding`, `json`, `shape`).

    Of a member given twice the last one counts, for the nesting too.
    """
    if len(body) > MAX_BYTES:
        raise RefusedError(RejectReason.TOO_LARGE, f"{len(body)} bytes; {MAX_BYTES} are the limit")
    try:
        value: Json = orjson.loads(body)
    except orjson.JSONDecodeError as fault:
        value = _read_marked(body, fault)
    if isinstance(value, dict):
        if not _CONTAINERS.isdisjoint(map(type, value.values())):
            _check_depth(body)
        return value
    _check_depth(body)
    raise RefusedError(RejectReason.SHAPE, "the body is JSON but not an object")


def has_byte_order_mark(body: bytes) -> bool:
    """True where the body opens with the UTF-8 byte order mark, which is skipped."""
    return body.startswith(_BYTE_ORDER_MARK)


def unwrap(members: dict[str, Json], kind: Kind) -> dict[str, Json] | None:
    """The body inside a wrapped message, None where it is bare. Raises RefusedError (`shape`)."""
    wrapper = WRAPPERS.get(kind)
    if wrapper is None or wrapper not in members:
        return None
    inner = members[wrapper]
    if not isinstance(inner, dict):
        raise RefusedError(RejectReason.SHAPE, f"{wrapper} is not an object")
    return inner


def is_deep(text: bytes) -> bool:
    """True where brackets and braces outside of strings nest deeper than MAX_DEPTH, in JSON or what claims to be."""
    if text.count(b"{") + text.count(b"[") <= MAX_DEPTH:
        return False
    depth = 0
    for token in _STRUCTURE.finditer(text):
        depth += _STEP.get(token[0], 0)
        if depth > MAX_DEPTH:
            return True
    return False


def _check_depth(text: bytes) -> None:
    if is_deep(text):
        raise RefusedError(RejectReason.TOO_LARGE, f"nested deeper than {MAX_DEPTH}")


def _read_marked(body: bytes, fault: orjson.JSONDecodeError) -> Json:
    """What stands behind a byte order mark; every other body that is not JSON is refused."""
    _check_depth(body)
    try:
        body.decode()
    except UnicodeDecodeError as bad:
        raise RefusedError(RejectReason.ENCODING, f"not UTF-8 at byte {bad.start}") from None
    if has_byte_order_mark(body):
        try:
            value: Json = orjson.loads(body[len(_BYTE_ORDER_MARK) :])
        except orjson.JSONDecodeError as behind_mark:
            fault = behind_mark
        else:
            return value
    raise RefusedError(RejectReason.JSON, f"{fault.msg} at character {fault.pos}")
