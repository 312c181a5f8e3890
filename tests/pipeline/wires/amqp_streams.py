"""What a broker may send on a connection, made up at random, and what pamqp makes of it: the tap is held against that.

Owns its own reading of AMQP: frame by frame, through pamqp, with nothing remembered between messages.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

import pamqp.frame
from hypothesis import strategies as st
from pamqp import commands
from pamqp.base import Frame
from pamqp.body import ContentBody
from pamqp.common import FieldTable
from pamqp.constants import FRAME_HEADER
from pamqp.header import ContentHeader
from pamqp.heartbeat import Heartbeat

from pipeline.wires.amqp_tap import MOST_BODY_BYTES, MOST_HEADER_BYTES, BrokenStreamError, DeliveryTap
from schemas.delivery import Delivery

CHANNEL = 2
FRAME_MAX = 4_096
RECEIVED_AT = 7
SAFE_BYTES = FRAME_MAX - 8


class Message(NamedTuple):
    """One delivery as the broker knows it."""

    key: str
    properties: commands.Basic.Properties
    body: bytes
    is_redelivered: bool = False
    consumer: str = "ctag1.0a"
    exchange: str = ""


class Seen(NamedTuple):
    """What came out of a stream: deliveries with whether they were redelivered, and the bytes of everybody else."""

    deliveries: Sequence[tuple[Delivery, bool]]
    others: bytes
    is_broken: bool = False


def usual(number: int, body: bytes = b'{"Id":48}') -> Message:
    """A message as Easee sends it."""
    headers: FieldTable = {"ArrivalTime": f"2026-01-01T00:00:00.{number % 10_000_000:07}+00:00"}
    return Message(f"EH{number:06}.O.48", commands.Basic.Properties(headers=headers), body)


def frames_of(message: Message, tag: int, split: Sequence[int] = ()) -> list[bytes]:
    """Its frames; `split` are places where the body goes on in another frame, besides those where it must."""
    deliver = commands.Basic.Deliver(message.consumer, tag, message.is_redelivered, message.exchange, message.key)
    header = ContentHeader(0, len(message.body), message.properties)
    places = sorted({0, len(message.body), *split, *range(0, len(message.body), SAFE_BYTES)})
    places = [place for place in places if place <= len(message.body)]
    bodies = [message.body[start:stop] for start, stop in pairwise(places)]
    return [
        marshal(deliver),
        marshal(header),
        *(marshal(ContentBody(body)) for body in bodies),
    ]


def marshal(frame: Frame | ContentHeader | ContentBody | Heartbeat, channel: int = CHANNEL) -> bytes:
    return pamqp.frame.marshal(frame, channel)


def stream_of(messages: Sequence[Message]) -> bytes:
    return b"".join(frame for tag, message in enumerate(messages, 1) for frame in frames_of(message, tag))


def seen_by_tap(chunks: Sequence[bytes], frame_max: int = FRAME_MAX) -> Seen:
    """What the tap makes of a stream that comes in these chunks."""
    tap = DeliveryTap()
    tap.watch(CHANNEL, frame_max)
    deliveries: list[tuple[Delivery, bool]] = []
    others: list[bytes] = []
    tag = 0
    for chunk in chunks:
        try:
            runs, passed = tap.feed(chunk, RECEIVED_AT)
        except BrokenStreamError:
            return Seen(deliveries, b"".join(others), is_broken=True)
        for run in runs:
            tag += len(run.deliveries)
            assert run.last_tag == tag
            assert run.size == sum(len(delivery.body) for delivery in run.deliveries)
            deliveries += [(delivery, run.is_redelivered) for delivery in run.deliveries]
        others.append(passed)
    return Seen(deliveries, b"".join(others))


def seen_by_pamqp(stream: bytes) -> Seen:
    """What a stream holds, frame by frame; up to where it breaks, or something is missing."""
    reading = _Reading()
    while len(stream) >= 7:
        kind, channel, size = pamqp.frame.frame_parts(stream)
        if size is None or size > (MOST_HEADER_BYTES if kind == FRAME_HEADER else SAFE_BYTES):
            return reading.seen(is_broken=True)
        frame, stream = stream[: size + 8], stream[size + 8 :]
        if len(frame) < size + 8:
            break
        if frame[-1] != 0xCE or not reading.take(frame, channel):
            return reading.seen(is_broken=True)
    return reading.seen(is_broken=False)


def check_spoiled(stream: bytes) -> None:
    """What the tap takes is what pamqp takes, until one of them gives up.

    pamqp gives up where a text is not UTF-8 or a table is none; the tap, where a length is not what it says.
    """
    if stream.startswith(b"A"):
        return
    whole = seen_by_tap([stream])
    pieces = seen_by_tap([stream[at : at + 7] for at in range(0, len(stream), 7)])
    expected = seen_by_pamqp(stream)
    both = min(len(pieces.deliveries), len(expected.deliveries))
    assert pieces.deliveries[:both] == expected.deliveries[:both]
    assert whole.is_broken == pieces.is_broken
    if not pieces.is_broken:
        assert whole == pieces
    if not pieces.is_broken and not expected.is_broken:
        assert pieces == expected


class _Reading:
    def __init__(self) -> None:
        self.deliveries: list[tuple[Delivery, bool]] = []
        self.others: list[bytes] = []
        self.deliver: commands.Basic.Deliver | None = None
        self.header: ContentHeader | None = None
        self.body = b""

    def seen(self, *, is_broken: bool) -> Seen:
        return Seen(self.deliveries, b"".join(self.others), is_broken)

    def take(self, frame: bytes, channel: int) -> bool:
        """A whole frame; False where it cannot stand here."""
        is_deliver = frame[7:11] == b"\x00\x3c\x00\x3c"
        if channel != CHANNEL or frame[0] not in (1, 2, 3) or (frame[0] == 1 and not self.deliver and not is_deliver):
            self.others.append(frame)
            return True
        try:
            read = pamqp.frame.unmarshal(frame)[2]
        except Exception:
            return False
        return self._take(read)

    def _take(self, read: object) -> bool:
        header = self.header
        match read:
            case commands.Basic.Deliver() if self.deliver is None and read.delivery_tag == len(self.deliveries) + 1:
                self.deliver = read
            case ContentHeader() if self.deliver is not None and header is None and self._is_basic(read):
                self.header, self.body = read, b""
            case ContentBody() if header is not None and 0 < len(read.value) <= header.body_size - len(self.body):
                self.body += read.value
            case _:
                return False
        self._complete()
        return True

    @staticmethod
    def _is_basic(header: ContentHeader) -> bool:
        return str((header.class_id, header.weight)) == "(60, 0)" and header.body_size <= MOST_BODY_BYTES

    def _complete(self) -> None:
        deliver, header = self.deliver, self.header
        if deliver is None or header is None or len(self.body) < header.body_size:
            return
        properties = header.properties
        headers: Mapping[str, object] = dict(properties.headers or {})
        delivery = Delivery(deliver.routing_key or "", headers, self.body, RECEIVED_AT, properties.message_id)
        self.deliveries.append((delivery, bool(deliver.redelivered)))
        self.deliver = self.header = None


_TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
_NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
_MOMENTS = st.integers(0, 4_000_000_000).map(lambda second: datetime.fromtimestamp(second, UTC))
_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, width=32)
    | st.decimals(0, 1000, places=2).map(lambda number: Decimal(str(number)))
    | _TEXTS
    | st.binary(max_size=20).map(bytearray)
    | _MOMENTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=3),
    max_leaves=5,
)
_ARRIVAL: st.SearchStrategy[FieldTable] = st.fixed_dictionaries(
    {"ArrivalTime": st.from_regex(r"2026-[0-9:.T+-]{5,30}", fullmatch=True) | _TEXTS}
)
_HEADERS: st.SearchStrategy[FieldTable | None] = st.none() | _ARRIVAL | st.dictionaries(_NAMES, _VALUES, max_size=4)


@st.composite
def properties(draw: st.DrawFn) -> commands.Basic.Properties:
    """Mostly what Easee sets, now and then anything that a publisher can."""
    if draw(st.integers(0, 3)):
        return commands.Basic.Properties(content_type="application/json", headers=draw(_ARRIVAL))
    return commands.Basic.Properties(
        content_type=draw(st.none() | _TEXTS),
        headers=draw(_HEADERS),
        delivery_mode=draw(st.none() | st.sampled_from([1, 2])),
        priority=draw(st.none() | st.integers(0, 9)),
        message_id=draw(st.none() | _TEXTS.filter(bool)),
        timestamp=draw(st.none() | _MOMENTS),
        app_id=draw(st.none() | _TEXTS),
    )


def messages() -> st.SearchStrategy[Message]:
    keys = st.from_regex(r"E[HA][0-9]{1,8}\.(O|CR)\.[0-9]{1,3}", fullmatch=True) | _TEXTS
    bodies = st.binary(max_size=60) | st.integers(SAFE_BYTES - 2, 3 * SAFE_BYTES).map(bytes)
    return st.builds(
        Message,
        keys,
        properties(),
        bodies,
        st.booleans(),
        st.sampled_from(["ctag1.0a", "ctag1.0b", "", "c" * 255]),
        st.sampled_from(["", "Operator_1.O.X", "x" * 127]),
    )


def foreign_frames() -> st.SearchStrategy[bytes]:
    """What may stand between any two frames of a delivery: of other channels, and heartbeats."""
    return st.sampled_from(
        [
            Heartbeat.value,
            marshal(commands.Queue.DeclareOk("Operator_1.Q", 5, 1), 1),
            marshal(commands.Basic.Deliver("other", 1, False, "", "key"), 1),
            marshal(ContentHeader(0, 3), 1),
            marshal(ContentBody(b"\xce\x01\x00"), 1),
            marshal(commands.Connection.Blocked("low on memory"), 0),
        ]
    )


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """A legal stream: deliveries of CHANNEL, their bodies cut anywhere, other frames between."""
    parts: list[bytes] = []
    for tag, message in enumerate(draw(st.lists(messages(), max_size=8)), 1):
        cuts = draw(st.lists(st.integers(1, max(len(message.body) - 1, 1)), max_size=2))
        for frame in frames_of(message, tag, cuts):
            parts += draw(st.lists(foreign_frames(), max_size=1))
            parts.append(frame)
        if draw(st.booleans()):
            parts.append(marshal(commands.Basic.ConsumeOk(message.consumer)))
    return b"".join(parts)


@st.composite
def chunked(draw: st.DrawFn, stream: bytes) -> list[bytes]:
    """A stream in chunks of any size."""
    if not draw(st.integers(0, 9)):
        return [stream[at : at + 1] for at in range(len(stream))]
    places = sorted(draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    return [stream[start:stop] for start, stop in zip([0, *places], [*places, len(stream)], strict=True)]
