"""The properties of a message, as AMQP writes them into its content header: headers and message id, read from bytes.

Owns a shortcut for the bulk of a stream. Messages of one publisher have the same bytes there, but for the text of one
header, the message id, and the moment of publishing. Once such bytes were read in full, their like need no reading but
of those two texts. Whatever is not exactly alike is read in full, through pamqp. Must not know frames or channels.
Source of the form: AMQP 0-9-1, sections 4.2.5.5 (tables) and 4.2.6.1 (content header).
"""

import struct
from collections.abc import Mapping
from typing import NamedTuple

from pamqp.header import ContentHeader

CLASS_BASIC = b"\x00\x3c\x00\x00"
"""The class of a content header, and its weight, which is always 0."""

_NO_SIZE = bytes(8)
_MOST_SHAPES = 64
_FLAGS_BYTES = 2
_MORE_FLAGS = 1


class Properties(NamedTuple):
    """What a message has beside its body; `message_id` None where the publisher set none."""

    headers: dict[str, object]
    message_id: str | None


UNREADABLE = Properties({}, None)


class Shape(NamedTuple):
    """Usual properties without what changes: the text of header `name`, the message id, the moment of publishing.

    Places in the bytes: `head`, text up to `text_stop`, `middle`, message id from `id_start` to `id_stop`, where the
    two are the same if there is none, moment, `tail`.
    """

    name: str
    head: bytes
    text_start: int
    text_stop: int
    middle: bytes
    id_start: int
    id_stop: int
    tail: bytes


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
        shape = _shape(data, properties.headers)
        if shape is not None:
            if len(self.shapes) >= _MOST_SHAPES:
                self.shapes.clear()
            self.shapes[len(data)] = shape
        return properties


def read_usual(data: bytes, shape: Shape) -> Properties | None:
    """The properties, where they are of this shape, and of its length; None where they are not."""
    name, head, text_start, text_stop, middle, id_start, id_stop, tail = shape
    if not (data.startswith(head) and data.endswith(tail) and data[text_stop:id_start] == middle):
        return None
    text = data[text_start:text_stop]
    if id_start == id_stop:
        return Properties({name: text.decode()}, None) if text.isascii() else None
    message_id = data[id_start:id_stop]
    if not (text.isascii() and message_id.isascii()):
        return None
    return Properties({name: text.decode()}, message_id.decode())


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


def _shape(data: bytes, headers: Mapping[str, object]) -> Shape | None:
    """The shape of properties that were read in full; None where they have not one header, or it is not a text."""
    places = _places(data)
    if places is None or _HEADERS not in places or len(headers) != 1:
        return None
    table, stop = places[_HEADERS]
    ((name, text),) = headers.items()
    named = name.encode()
    if not isinstance(text, str):
        return None
    entry = bytes([len(named)]) + named + b"S" + len(text.encode()).to_bytes(4) + text.encode()
    if data[table:stop] != entry:
        return None
    start = stop - len(text.encode())
    moment = places.get(_PUBLISHED_AT, (len(data), len(data)))
    message_id = places.get(_MESSAGE_ID, (moment[0], moment[0]))
    if _MESSAGE_ID in places and message_id[0] == message_id[1]:
        return None
    return Shape(
        name, data[:start], start, stop, data[stop : message_id[0]], message_id[0], message_id[1], data[moment[1] :]
    )


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
