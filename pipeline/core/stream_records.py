"""Stream records: what the topics of a scaled-out Chargeline hold, as JSON and back.

Owns the form of every record, and its version. Pure. Must not know topics, partitions, or a client library.

A record is an object with `v` (the version of this form), `kind`, and a member for each field of its record in
`schemas`, by the field's name; times are integers, nanoseconds since the epoch. A bundle is an object with `records`,
a list of such objects. Whoever reads passes over members that it does not know; a member that changes its meaning, or
that everybody must know, makes a new version.

Reading never raises. What cannot be read becomes a reject by itself, and costs its neighbours in a bundle nothing:
`version` for one of another version, `encoding`, `json` and `shape` for what no program of ours writes.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from operator import itemgetter
from types import MappingProxyType
from typing import Any, NamedTuple

import orjson

from pipeline.core.refusal import RefusedError
from pipeline.core.routing_key import is_serial
from pipeline.core.stream_shapes import KINDS, PRODUCTS, SHAPES, Shape, StreamRecord, members_of
from schemas.observation import Observation
from schemas.reject import Reject, RejectReason

VERSION = 1

_NO_HEADERS: Mapping[str, object] = MappingProxyType({})
_OBSERVATION = "observation"
_take_observation = itemgetter("v", "kind", *SHAPES[_OBSERVATION].members)
_OBSERVATION_TYPES = frozenset(product((int,), (str,), *SHAPES[_OBSERVATION].members.values()))
_MOST_REMEMBERED = 262_144
_new = tuple.__new__


class StreamRead(NamedTuple):
    """What a message of a topic held: its records in order, and a reject for each part that could not be read."""

    records: Sequence[StreamRecord]
    rejects: Sequence[Reject]


def to_json(record: StreamRecord) -> bytes:
    """A record as a topic has it."""
    if isinstance(record, Observation):
        # The bulk of every stream, written out: half the cost of the general way.
        serial, product_, number, name, value, crc, observed_at, arrived_at, received_at = record
        return orjson.dumps(
            {
                "v": VERSION,
                "kind": "observation",
                "serial": serial,
                "product": product_.value,
                "id": number,
                "name": name,
                "value": value,
                "value_crc": crc,
                "observed_at": observed_at,
                "arrived_at": arrived_at,
                "received_at": received_at,
            }
        )
    return orjson.dumps({"v": VERSION, "kind": KINDS[type(record)], **members_of(record)}, default=list)


def to_bundle(parts: Sequence[bytes]) -> bytes:
    """Several records, each as `to_json` gave it, in one message."""
    return b'{"v":%d,"kind":"bundle","records":[%s]}' % (VERSION, b",".join(parts))


def in_halves(content: bytes) -> Sequence[bytes]:
    """The first and the second half of a bundle's records, each as a bundle; all else stays as it is."""
    try:
        document = orjson.loads(content)
    except orjson.JSONDecodeError:
        return (content,)
    is_bundle = isinstance(document, dict) and document.get("kind") == "bundle" and _other_version(document) is None
    parts = document.get("records") if is_bundle else None
    if isinstance(parts, list) and (middle := len(parts) // 2):
        return [to_bundle([orjson.dumps(part) for part in half]) for half in (parts[:middle], parts[middle:])]
    return (content,)


class StreamReader:
    """Reads messages of topics. One for each thread."""

    def __init__(self) -> None:
        """Work out which types the members of each kind may have together."""
        self._forms = {kind: _Form.of(shape) for kind, shape in SHAPES.items()}
        self._serials: dict[str, str] = {}

    def read(self, content: bytes, place: str) -> StreamRead:
        """The records of one message. `place` names it, for the rejects: its topic, partition and offset."""
        try:
            document = orjson.loads(content)
        except orjson.JSONDecodeError:
            return StreamRead((), (_refuse(place, content, *_why_no_json(content)),))
        if not isinstance(document, dict) or document.get("kind") != "bundle":
            return self._read_parts([document], lambda _: content, place)
        if (refused := _other_version(document)) is not None:
            return StreamRead((), (_refuse(place, content, *refused),))
        parts = document.get("records")
        if not isinstance(parts, list):
            return StreamRead((), (_refuse(place, content, RejectReason.SHAPE, "a bundle without its records"),))
        return self._read_parts(parts, orjson.dumps, place)

    def read_observation(self, content: bytes) -> Observation | None:
        """The observation that a message is, read quickly; None for all that `read` is for."""
        try:
            values = _take_observation(orjson.loads(content))
        except (ValueError, KeyError, TypeError):
            return None
        if tuple(map(type, values)) not in _OBSERVATION_TYPES:
            return None
        version, kind, serial, product_, number, name, value, crc, observed_at, arrived_at, received_at = values
        known = self._serials.get(serial) or self._learn(serial)
        whose = PRODUCTS.get(product_)
        if version != VERSION or kind != _OBSERVATION or known is None or whose is None:
            return None
        return _new(Observation, (known, whose, number, name, value, crc, observed_at, arrived_at, received_at))

    def _learn(self, serial: str) -> str | None:
        """A serial that was not met before; None where it is none."""
        if not is_serial(serial):
            return None
        if len(self._serials) >= _MOST_REMEMBERED:
            self._serials.clear()
        self._serials[serial] = serial
        return serial

    def _read_parts(self, parts: Sequence[object], write: Callable[[object], bytes], place: str) -> StreamRead:
        records: list[StreamRecord] = []
        rejects: list[Reject] = []
        for part in parts:
            try:
                records.append(self._read_part(part))
            except RefusedError as refused:
                rejects.append(_refuse(place, write(part), refused.reason, refused.detail))
        return StreamRead(records, rejects)

    def _read_part(self, part: object) -> StreamRecord:
        if not isinstance(part, dict):
            raise RefusedError(RejectReason.SHAPE, "a record that is no object")
        if (refused := _other_version(part)) is not None:
            raise RefusedError(*refused)
        form = self._forms.get(str(part.get("kind")))
        if form is None:
            raise RefusedError(RejectReason.VERSION, f"a record of a kind that version {VERSION} does not have")
        try:
            values = form.take(part)
            if tuple(map(type, values)) not in form.types:
                raise RefusedError(RejectReason.SHAPE, "a member of an impossible type")
            return form.build(values)
        except KeyError as missing:
            raise RefusedError(RejectReason.SHAPE, f"the member {missing} is missing, or of no known value") from None
        except (ValueError, TypeError):
            raise RefusedError(RejectReason.SHAPE, "a member of an impossible form") from None


class _Form(NamedTuple):
    """A shape, worked out for reading many."""

    take: Callable[[Mapping[str, object]], tuple[Any, ...]]
    types: frozenset[tuple[type, ...]]
    build: Callable[[tuple[Any, ...]], StreamRecord]

    @classmethod
    def of(cls, shape: Shape) -> "_Form":
        names = tuple(shape.members)
        take = itemgetter(*names) if len(names) > 1 else lambda part: (part[names[0]],)
        return cls(take, frozenset(product(*shape.members.values())), shape.build)


def _other_version(part: Mapping[str, object]) -> tuple[RejectReason, str] | None:
    """Why a part cannot be read by this version; None where it can."""
    version = part.get("v")
    if type(version) is int and version == VERSION:
        return None
    shown = version if type(version) is int else "none"
    return RejectReason.VERSION, f"version {shown} of the record; this program reads version {VERSION}"


def _why_no_json(content: bytes) -> tuple[RejectReason, str]:
    try:
        content.decode()
    except UnicodeDecodeError:
        return RejectReason.ENCODING, "the record is not UTF-8"
    return RejectReason.JSON, "the record is not JSON"


def _refuse(place: str, content: bytes, reason: RejectReason, detail: str) -> Reject:
    return Reject(reason, place, _NO_HEADERS, content, None, detail)
