"""The tap: takes the deliveries of one channel out of a broker's byte stream, and leaves everything else in it.

Owns the form of frames, and in which order they make up a delivery. Pure: bytes in, runs of deliveries and other bytes
out. What does not follow the form is an error, never a guess: the connection must then be given up, and the broker
delivers again. Must not know sockets, clocks, or what becomes of the rest (the client library behind it).
Source of the form: AMQP 0-9-1, sections 2.3.5 (frames) and 4.2.6 (content framing).

Most messages of one consumer differ in little: tag, routing key, sizes, one header, and the body. Those that are whole
are taken in one go; all others frame by frame. Both ways give the same, and the tests hold it so.
"""

import struct
from itertools import pairwise
from typing import NamedTuple

from pipeline.wires.amqp_properties import CLASS_BASIC, PropertiesReader, read_usual
from pipeline.wires.amqp_window import Run
from schemas.delivery import Delivery

MOST_BODY_BYTES = 512 * 1024 * 1024
"""No broker takes a larger message."""
MOST_HEADER_BYTES = 1024 * 1024
"""A content header may exceed what was agreed on, since brokers add headers of their own to it and cannot split it."""

_METHOD, _HEADER, _BODY = 1, 2, 3
_CONTENT = frozenset({_METHOD, _HEADER, _BODY})
_END = 0xCE
_FRAME = struct.Struct(">BHI")
_AROUND = _FRAME.size + 1
_DELIVER = b"\x00\x3c\x00\x3c"
_TAG_AND_FLAG = struct.Struct(">QB")
_HEADER_FRAME = struct.Struct(f">3sI{len(CLASS_BASIC)}sQ")
_BODY_FRAME = struct.Struct(">3sI")
_SIZE = struct.Struct(">Q")
_BEFORE_PROPERTIES = len(CLASS_BASIC) + _SIZE.size
_MOST_BEFORE_TUNE = 16 * 1024 * 1024
_NOT_FRAMES = b"A"
_new = tuple.__new__


class BrokenStreamError(ValueError):
    """Bytes that are not AMQP, or not in an order that makes up deliveries; with words."""


class Fed(NamedTuple):
    """What some bytes held: `runs` of deliveries that are complete now, and the frames of everybody else."""

    runs: list[Run]
    others: bytes


class _Content:
    """A delivery of which not all has come."""

    __slots__ = ("body", "headers", "is_redelivered", "key", "message_id", "missing")

    def __init__(self, key: str, is_redelivered: int) -> None:
        """Its method is here. `missing` bytes of the body are not; -1 as long as the content header is not."""
        self.key = key
        self.is_redelivered = is_redelivered
        self.headers: dict[str, object] = {}
        self.message_id: str | None = None
        self.missing = -1
        self.body: list[bytes] = []


class DeliveryTap:
    """See above. One for each connection, from its first byte on."""

    def __init__(self) -> None:
        """Leaves everything in the stream, until `watch`."""
        self._properties = PropertiesReader()
        self._most = _MOST_BEFORE_TUNE
        self._channel = -1
        self._starts = (b"", b"", b"")
        self._is_raw: bool | None = None
        self._parts: list[bytes] = []
        self._held = 0
        self._needed = 0
        self._tag = 0
        self._content: _Content | None = None
        self._method = struct.Struct("")
        self._consumer = b""
        self._runs: list[Run] = []
        self._run: list[Delivery] = []
        self._run_bytes = 0
        self._is_redelivered = 0
        self._is_broken = False

    def watch(self, channel: int, frame_max: int) -> None:
        """Take the deliveries of this channel from now on: to be called before it consumes.

        `frame_max` is what was agreed on for the connection, bytes of a whole frame; 0 for no limit.
        """
        self._channel = channel
        method, header, body = (_FRAME.pack(kind, channel, 0)[:3] for kind in (_METHOD, _HEADER, _BODY))
        self._starts = (method, header, body)
        self._most = frame_max - _AROUND if frame_max else 1 << 32
        self._tag = 0
        self._content = None

    def feed(self, data: bytes, received_at: int) -> Fed:
        """The next bytes of the stream, and when they came, nanoseconds. Raises BrokenStreamError, then for ever."""
        if self._is_raw is None:
            # A broker that speaks another version answers with its name, which is not a frame.
            self._is_raw = data.startswith(_NOT_FRAMES)
        if self._is_raw:
            return Fed([], data)
        if self._is_broken:
            raise BrokenStreamError("nothing can be read behind a broken frame")
        self._held += len(data)
        if self._held < self._needed:
            self._parts.append(data)
            return Fed([], b"")
        if self._parts:
            data = b"".join([*self._parts, data])
            self._parts = []
        self._is_broken = True
        at, others = self._take_frames(data, received_at)
        self._is_broken = False
        if at < len(data):
            self._parts = [data[at:]]
        self._held = len(data) - at
        self._end_run()
        runs, self._runs = self._runs, []
        return Fed(runs, others)

    def _take_frames(self, data: bytes, received_at: int) -> tuple[int, bytes]:
        """Take all whole frames; up to where, and those that are not ours, one after the other."""
        at, end = 0, len(data)
        ours = [0]
        while True:
            if self._content is None and self._consumer:
                began, at = at, self._take_usual(data, at, received_at)
                if at > began:
                    ours += began, at
            if end - at < _FRAME.size:
                self._needed = _FRAME.size
                break
            kind, channel, size = _FRAME.unpack_from(data, at)
            if size > self._most and not (kind == _HEADER and size <= MOST_HEADER_BYTES):
                raise BrokenStreamError(f"a frame of {size} bytes, of which {self._most} are allowed")
            after = at + _AROUND + size
            if after > end:
                self._needed = after - at
                break
            if data[after - 1] != _END:
                raise BrokenStreamError("a frame that does not end where it says")
            is_content = channel == self._channel and kind in _CONTENT
            if is_content and self._take_frame(kind, data[at + _FRAME.size : after - 1], received_at):
                ours += at, after
            at = after
        ours.append(at)
        others = [data[start:stop] for start, stop in list(pairwise(ours))[::2] if start < stop]
        return at, b"".join(others)

    def _take_usual(self, data: bytes, at: int, received_at: int) -> int:
        """Take whole messages of the usual form; where the first one begins that is not."""
        method, expected = self._method, (*self._starts, _DELIVER + self._consumer, CLASS_BASIC)
        before_key = method.size
        shapes = self._properties.shapes
        tag, flag, size = self._tag, self._is_redelivered, 0
        deliveries = self._run
        end = len(data)
        try:
            while True:
                start, method_bytes, what, found_tag, found_flag, skip = method.unpack_from(data, at)
                header = at + _AROUND + method_bytes
                header_start, header_bytes, basic, body_bytes = _HEADER_FRAME.unpack_from(data, header)
                body = header + _AROUND + header_bytes
                body_start, body_frame_bytes = _BODY_FRAME.unpack_from(data, body)
                after = body + _AROUND + body_bytes
                key = at + before_key + skip
                shape = shapes.get(header_bytes - _BEFORE_PROPERTIES)
                if (
                    after > end
                    or shape is None
                    or body_frame_bytes != body_bytes
                    or (start, header_start, body_start, what, basic) != expected
                    or found_tag != tag + 1
                    or found_flag != flag
                    or key + data[key] + 2 != header
                    or not data[header - 1] == data[body - 1] == data[after - 1] == _END
                ):
                    break
                if not 0 < body_bytes <= self._most >= max(method_bytes, header_bytes):
                    break
                properties = read_usual(data[header + _HEADER_FRAME.size : body - 1], shape)
                if properties is None:
                    break
                headers, message_id = properties
                routing_key = str(data[key + 1 : header - 1], "utf-8", "backslashreplace")
                content = data[body + _BODY_FRAME.size : after - 1]
                deliveries.append(_new(Delivery, (routing_key, headers, content, received_at, message_id)))
                size += body_bytes
                tag += 1
                at = after
        except (struct.error, IndexError):
            # Something of the message is not here yet, or its lengths lie: frame by frame it will show.
            pass
        self._tag = tag
        self._run_bytes += size
        return at

    def _take_frame(self, kind: int, payload: bytes, received_at: int) -> bool:
        """Take a frame of our channel; False where it is no part of a delivery."""
        if kind == _METHOD:
            return self._take_method(payload)
        content = self._content
        if content is None or (kind == _HEADER) != (content.missing < 0):
            raise BrokenStreamError("a part of a message that is not expected here")
        if kind == _HEADER:
            self._take_header(content, payload)
        elif 0 < len(payload) <= content.missing:
            content.body.append(payload)
            content.missing -= len(payload)
        else:
            raise BrokenStreamError(f"{len(payload)} bytes of a body, of which {content.missing} are missing")
        if not content.missing:
            self._complete(content, received_at)
        return True

    def _take_method(self, payload: bytes) -> bool:
        if self._content is not None:
            raise BrokenStreamError("a method in the middle of a message")
        if not payload.startswith(_DELIVER):
            return False
        try:
            consumer_end = len(_DELIVER) + 1 + payload[len(_DELIVER)]
            tag, flag = _TAG_AND_FLAG.unpack_from(payload, consumer_end)
            exchange = consumer_end + _TAG_AND_FLAG.size
            key = exchange + 1 + payload[exchange]
            if key + 1 + payload[key] != len(payload):
                raise BrokenStreamError("a delivery whose routing key does not end where it says")
        except (struct.error, IndexError):
            raise BrokenStreamError("a delivery that is too short") from None
        if tag != self._tag + 1:
            raise BrokenStreamError(f"delivery {tag}, where {self._tag + 1} comes next")
        self._learn(payload[len(_DELIVER) : consumer_end])
        self._content = _Content(str(payload[key + 1 :], "utf-8", "backslashreplace"), flag & 1)
        return True

    def _take_header(self, content: _Content, payload: bytes) -> None:
        if not payload.startswith(CLASS_BASIC) or len(payload) < _BEFORE_PROPERTIES:
            raise BrokenStreamError("a content header of another class, or too short")
        (content.missing,) = _SIZE.unpack_from(payload, len(CLASS_BASIC))
        if content.missing > MOST_BODY_BYTES:
            raise BrokenStreamError(f"a body of {content.missing} bytes")
        content.headers, content.message_id = self._properties.read(payload[_BEFORE_PROPERTIES:])

    def _learn(self, consumer: bytes) -> None:
        """Messages to this consumer are usual from now on; `consumer` is its tag, length first."""
        if consumer != self._consumer:
            self._consumer = consumer
            self._method = struct.Struct(f">3sI{len(_DELIVER) + len(consumer)}sQBB")

    def _complete(self, content: _Content, received_at: int) -> None:
        if content.is_redelivered != self._is_redelivered:
            self._end_run()
            self._is_redelivered = content.is_redelivered
        body = content.body[0] if len(content.body) == 1 else b"".join(content.body)
        self._run.append(Delivery(content.key, content.headers, body, received_at, content.message_id))
        self._run_bytes += len(body)
        self._tag += 1
        self._content = None

    def _end_run(self) -> None:
        if self._run:
            self._runs.append(Run(self._tag, self._run, self._run_bytes, bool(self._is_redelivered)))
            self._run, self._run_bytes = [], 0
