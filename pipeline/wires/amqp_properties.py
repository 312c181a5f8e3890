"""The properties of a message, as AMQP writes them into its content header: headers and message id, read from bytes.

Owns a shortcut for the bulk of a stream. Messages of one publisher have the same bytes there, up to the text of one
header. Once such bytes were read in full, their like need no reading but of that text. What is learnt is tried before
it is used, and whatever is not exactly alike is read in full, through pamqp. Must not know frames or channels.
Source of the form: AMQP 0-9-1, sections 4.2.5.5 (tables) and 4.2.6.1 (content header).
"""

import struct
from typing import NamedTuple

from pamqp.header import ContentHeader

Headers = dict[str, object]

CLASS_BASIC = b"\x00\x3c\x00\x00"
"""The class of a content header, and its weight, which is always 0."""

_NO_SIZE = bytes(8)
_MOST_SHAPES = 64


class Properties(NamedTuple):
    """What a message has beside its body; `message_id` None where the publisher set none."""

    headers: Headers
    message_id: str | None


UNREADABLE = Properties({}, None)


class Shape(NamedTuple):
    """Usual properties without the text that changes: it stands between `head` and `tail`, as header `name`."""

    head: bytes
    name: str
    start: int
    stop: int
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
        if shape is not None and data.startswith(shape.head) and data.endswith(shape.tail):
            text = data[shape.start : shape.stop]
            if text.isascii():
                return Properties({shape.name: text.decode()}, None)
        properties = _read(data)
        if properties is None:
            return UNREADABLE
        self._learn(data, properties)
        return properties

    def _learn(self, data: bytes, properties: Properties) -> None:
        """Remember the shape of properties that have one header, of ASCII text, and no message id."""
        if properties.message_id is not None or len(properties.headers) != 1:
            return
        ((name, text),) = properties.headers.items()
        if not isinstance(text, str) or not text.isascii() or not text:
            return
        mark = name.encode() + b"S" + len(text).to_bytes(4) + text.encode()
        at = data.find(mark)
        if at < 0:
            return
        stop = at + len(mark)
        start = stop - len(text)
        shape = Shape(data[:start], name, start, stop, data[stop:])
        # Another property may happen to hold the same bytes: only if this place is the header's, other text is found.
        other = "".join("1" if character == "0" else "0" for character in text)
        if _read(shape.head + other.encode() + shape.tail) == Properties({name: other}, None):
            if len(self.shapes) >= _MOST_SHAPES:
                self.shapes.clear()
            self.shapes[len(data)] = shape


def _read(data: bytes) -> Properties | None:
    """The properties, through pamqp; None where they are not as AMQP has them."""
    header = ContentHeader()
    try:
        header.unmarshal(CLASS_BASIC + _NO_SIZE + data)
    except (ArithmeticError, LookupError, OSError, RecursionError, TypeError, ValueError, struct.error):
        return None
    read = header.properties
    return Properties(dict(read.headers or {}), read.message_id)
