"""The properties of a message, as AMQP writes them into its content header: headers and message id, read from bytes.

Owns a shortcut for the bulk of a stream. Messages of one publisher have the same bytes there, but for the texts and
numbers of headers, the message id, and the moment of publishing. Once such bytes were read in full, their like need no
reading but of those. Whatever is not exactly alike is read in full, through pamqp. Must not know frames or channels.
Source of the form: AMQP 0-9-1, sections 4.2.5.5 (tables) and 4.2.6.1 (content header); types of headers as RabbitMQ has
them.
"""

import struct
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from pamqp.header import ContentHeader

CLASS_BASIC = b"\x00\x3c\x00\x00"
"""The class of a content header, and its weight, which is always 0."""

_NO_SIZE = bytes(8)
_MOST_SHAPES = 64
_MOST_ENTRIES = 32
_FLAGS_BYTES = 2
_MORE_FLAGS = 1
_TEXT, _TEXT_LENGTH_BYTES = ord("S"), 4
_NUMBERS: Mapping[int, str] = MappingProxyType({ord("b"): "b", ord("s"): "h", ord("I"): "i", ord("l"): "q"})
_SIZES: Mapping[int, int] = MappingProxyType(
    {ord(kind): size for size, kinds in enumerate(["V", "tbB", "su", "", "Iif", "D", "", "", "lLdT"]) for kind in kinds}
)
"""Bytes of a value, by its type, for types that nobody can change once they were read."""
_new = tuple.__new__


class Properties(NamedTuple):
    """What a message has beside its body; `message_id` None where the publisher set none."""

    headers: dict[str, object]
    message_id: str | None


UNREADABLE = Properties({}, None)


class Shape(NamedTuple):
    """Usual properties: what is `fixed`, and what changes between, without changing its length.

    `layout` takes the bytes apart, by turns into what is fixed and what changes: first values of the headers `names`,
    in the order of the wire, then the message id where `has_id`, then the moment of publishing, which nobody reads.
    `headers` has all headers; it is for copying. `only` is the name of the header where there is no other one and it is
    a text, and else empty.
    """

    layout: struct.Struct
    fixed: tuple[bytes, ...]
    names: tuple[str, ...]
    only: str
    headers: dict[str, object]
    has_id: bool


class PropertiesReader:
    """Reads properties, and learns from those that were read in full. Memory is bounded."""

    def __init__(self) -> None:
        """Nothing learnt yet. `shapes` are by the length of the properties, in bytes."""
        self.shapes: dict[int, Shape] = {}

    def read(self, data: bytes) -> Properties:
        """The properties in the bytes of a content header behind its body size, flags first.

        What cannot be read is UNREADABLE: a message must not keep those behind it from being delivered.
        """
        shape = self.shapes.get(len(data))
        usual = None if shape is None else read_usual(data, shape)
        if usual is not None:
            return usual
        properties = _read(data)
        if properties is None:
            return UNREADABLE
        shape = _shape(data, properties)
        if shape is not None:
            if len(self.shapes) >= _MOST_SHAPES:
                self.shapes.clear()
            self.shapes[len(data)] = shape
        return properties


def read_usual(data: bytes, shape: Shape) -> Properties | None:
    """The properties, where they are of this shape; None where they are not. They must have its length."""
    layout, fixed, names, only, all_headers, has_id = shape
    parts = layout.unpack(data)
    if parts[::2] != fixed:
        return None
    values = parts[1::2]
    try:
        if only:
            headers: dict[str, object] = {only: str(values[0], "ascii")}
        else:
            headers = all_headers.copy()
            for name, value in zip(names, values, strict=False):
                headers[name] = value if value.__class__ is int else str(value, "ascii")
        message_id = str(values[len(names)], "ascii") if has_id else None
    except UnicodeDecodeError:
        return None
    return _new(Properties, (headers, message_id))


class _Field(NamedTuple):
    """One property: the bit that says it is there, and its bytes: so many of length, or else so many in all."""

    flag: int
    length_bytes: int
    size: int = 0


_HEADERS = _Field(1 << 13, 4)
_MESSAGE_ID = _Field(1 << 7, 1)
_PUBLISHED_AT = _Field(1 << 6, 0, 8)
_FIELDS = (
    _Field(1 << 15, 1),
    _Field(1 << 14, 1),
    _HEADERS,
    _Field(1 << 12, 0, 1),
    _Field(1 << 11, 0, 1),
    _Field(1 << 10, 1),
    _Field(1 << 9, 1),
    _Field(1 << 8, 1),
    _MESSAGE_ID,
    _PUBLISHED_AT,
    _Field(1 << 5, 1),
    _Field(1 << 4, 1),
    _Field(1 << 3, 1),
    _Field(1 << 2, 1),
)
"""All properties, in the order of the wire: AMQP 0-9-1, class basic."""


class _Entry(NamedTuple):
    """A header: its type, and where its value stands."""

    kind: int
    start: int
    stop: int


def _shape(data: bytes, properties: Properties) -> Shape | None:
    """The shape of properties that were read in full; None where they have none, as with tables within headers."""
    places = _places(data)
    if places is None:
        return None
    entries = _entries(data, *places.get(_HEADERS, (0, 0)))
    if entries is None or len(entries) != len(properties.headers) or len(entries) > _MOST_ENTRIES:
        return None
    names, changing = [], []
    for name, (kind, start, stop) in zip(properties.headers, entries, strict=True):
        code = _NUMBERS.get(kind) or (f"{stop - start}s" if kind == _TEXT and data[start:stop].isascii() else "")
        if code:
            names.append(name)
            changing.append((code, start, stop))
    for field in (_MESSAGE_ID, _PUBLISHED_AT):
        if field in places:
            start, stop = places[field]
            changing.append((f"{stop - start}s", start, stop))
    codes: list[str] = []
    fixed: list[bytes] = []
    at = 0
    for code, start, stop in [*changing, ("", len(data), len(data))]:
        codes += f"{start - at}s", code
        fixed.append(data[at:start])
        at = stop
    only = names[0] if len(names) == len(entries) == 1 and entries[0].kind == _TEXT else ""
    layout = struct.Struct(">" + "".join(codes))
    shape = Shape(layout, tuple(fixed), tuple(names), only, dict(properties.headers), _MESSAGE_ID in places)
    return shape if read_usual(data, shape) == properties else None


def _entries(data: bytes, at: int, end: int) -> Sequence[_Entry] | None:
    """The headers of a table; None where one has a type that is not in the tables here, or they do not end there."""
    entries = []
    while at < end:
        at += 1 + data[at]
        if at >= end:
            return None
        kind = data[at]
        start = at + 1
        if kind == _TEXT:
            start += _TEXT_LENGTH_BYTES
            size = int.from_bytes(data[at + 1 : start])
        elif kind in _SIZES:
            size = _SIZES[kind]
        else:
            return None
        at = start + size
        entries.append(_Entry(kind, start, at))
    return entries if at == end else None


def _places(data: bytes) -> Mapping[_Field, tuple[int, int]] | None:
    """Where the content of each property stands; None where the bytes are not exactly that."""
    flags = int.from_bytes(data[:_FLAGS_BYTES])
    at = _FLAGS_BYTES
    places = {}
    for field in _FIELDS:
        if flags & field.flag:
            start = at + field.length_bytes
            at = start + (field.size or int.from_bytes(data[at:start]))
            places[field] = (start, at)
    return places if at == len(data) and not flags & _MORE_FLAGS else None


def _read(data: bytes) -> Properties | None:
    """The properties, through pamqp; None where they are not as AMQP has them."""
    header = ContentHeader()
    try:
        header.unmarshal(CLASS_BASIC + _NO_SIZE + data)
    except (ArithmeticError, LookupError, OSError, RecursionError, TypeError, ValueError, struct.error):
        return None
    read = header.properties
    return Properties(dict(read.headers or {}), read.message_id)
