"""The tap: the same deliveries as pamqp's own reading, in whatever pieces they come; and none that was not sent."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pamqp import commands
from pamqp.body import ContentBody
from pamqp.header import ContentHeader
from pamqp.heartbeat import Heartbeat

from pipeline.wires.amqp_tap import MOST_BODY_BYTES, MOST_HEADER_BYTES, BrokenStreamError, DeliveryTap
from tests.pipeline.wires.amqp_streams import (
    CHANNEL,
    FRAME_MAX,
    SAFE_BYTES,
    Message,
    check_spoiled,
    chunked,
    frames_of,
    marshal,
    seen_by_pamqp,
    seen_by_tap,
    stream_of,
    streams,
    usual,
)

CAMPAIGN = 20_000


@given(st.data())
def test_any_chunks_of_a_legal_stream_give_what_pamqp_reads(data: st.DataObject) -> None:
    stream = data.draw(streams())
    seen = seen_by_tap(data.draw(chunked(stream)))
    assert seen == seen_by_pamqp(stream)


@given(st.data())
def test_a_stream_with_wrong_bytes_gives_what_pamqp_reads_or_an_error(data: st.DataObject) -> None:
    check_spoiled(spoiled(data.draw(streams()), data.draw(st.randoms(use_true_random=False))))


@pytest.mark.prove
@settings(max_examples=CAMPAIGN)
@given(st.data())
def test_many_streams_in_many_chunks(data: st.DataObject) -> None:
    stream = data.draw(streams())
    assert seen_by_tap(data.draw(chunked(stream))) == seen_by_pamqp(stream)


@pytest.mark.prove
@settings(max_examples=CAMPAIGN)
@given(st.data())
def test_many_streams_with_wrong_bytes(data: st.DataObject) -> None:
    check_spoiled(spoiled(data.draw(streams()), data.draw(st.randoms(use_true_random=False))))


def test_streams_of_usual_messages_with_a_byte_wrong_at_every_place() -> None:
    stream = stream_of([usual(number) for number in range(4)])
    for place in range(len(stream)):
        for change in (0x01, 0x80, 0xFF):
            check_spoiled(stream[:place] + bytes([stream[place] ^ change]) + stream[place + 1 :])


def spoiled(stream: bytes, chance: random.Random) -> bytes:
    """A stream with a byte changed, left out, put in, or a part of it moved, once or twice."""
    content = bytearray(stream)
    for _ in range(chance.randint(1, 2)):
        place, other = (chance.randrange(len(content) + 1) for _ in range(2))
        match chance.randrange(4):
            case 0 if place < len(content):
                content[place] = chance.randrange(256)
            case 1:
                del content[place : place + chance.randint(1, 9)]
            case 2:
                content[place:place] = chance.randbytes(chance.randint(1, 9))
            case _:
                content[place:place] = content[other : other + chance.randint(1, 99)]
    return bytes(content)


def test_the_usual_way_and_the_slow_way_give_the_same() -> None:
    messages = [usual(number, b"x" * (number % 50)) for number in range(200)]
    stream = stream_of(messages)
    whole = seen_by_tap([stream])
    assert whole == seen_by_tap([stream[at : at + 1] for at in range(len(stream))])
    assert [delivery.body for delivery, _ in whole.deliveries] == [message.body for message in messages]


def test_the_usual_way_is_taken() -> None:
    tap = DeliveryTap()
    tap.watch(CHANNEL, FRAME_MAX)
    tap.feed(stream_of([usual(0)]), 1)
    later = b"".join(frame for tag in range(2, 500) for frame in frames_of(usual(tag), tag))
    assert tap._take_usual(later, 0, 1) == len(later)


def test_runs_end_where_redelivery_does() -> None:
    tap = DeliveryTap()
    tap.watch(CHANNEL, FRAME_MAX)
    flags = [True, True, False, True]
    stream = stream_of([usual(number)._replace(is_redelivered=flag) for number, flag in enumerate(flags)])
    runs, _ = tap.feed(stream, 1)
    assert [(run.last_tag, len(run.deliveries), run.is_redelivered) for run in runs] == [
        (2, 2, True),
        (3, 1, False),
        (4, 1, True),
    ]


def test_before_a_channel_is_watched_everything_passes() -> None:
    tap = DeliveryTap()
    stream = stream_of([usual(1)])
    assert tap.feed(stream[:50], 1).others + tap.feed(stream[50:], 1).others == stream


def test_a_broker_that_answers_with_its_own_version_is_left_to_the_client() -> None:
    assert DeliveryTap().feed(b"AMQP\x00\x00\x09\x01", 1) == ([], b"AMQP\x00\x00\x09\x01")


def test_tags_begin_again_with_another_channel() -> None:
    tap = DeliveryTap()
    for _ in range(2):
        tap.watch(CHANNEL, FRAME_MAX)
        (run,) = tap.feed(stream_of([usual(1), usual(2)]), 1).runs
        assert run.last_tag == 2


def test_a_key_that_is_not_utf_8_and_properties_that_cannot_be_read_cost_nobody_else_anything() -> None:
    odd = [frames_of(usual(1)._replace(key="EH1.O.4\x7f"), 1), frames_of(usual(2), 2), frames_of(usual(3), 3)]
    odd[0][0] = odd[0][0].replace(b"\x7f", b"\xff")
    odd[1][1] = odd[1][1].replace(b"ArrivalTimeS", b"ArrivalTime?")
    seen = seen_by_tap([b"".join(frame for frames in odd for frame in frames)])
    first, second, third = (delivery for delivery, _ in seen.deliveries)
    assert first.routing_key == "EH1.O.4\\xff"
    assert second.headers == {}
    assert third.headers == usual(3).properties.headers


BEFORE = stream_of([usual(1)])
DELIVER, HEADER, BODY = frames_of(usual(2), 2)


@pytest.mark.parametrize(
    ("frames", "words"),
    [
        ([DELIVER[:-1] + b"\x00"], "does not end"),
        ([marshal(ContentBody(bytes(SAFE_BYTES + 1)), 1)], "of which 4088 are allowed"),
        ([HEADER], "not expected"),
        ([BODY], "not expected"),
        ([DELIVER, BODY], "not expected"),
        ([DELIVER, HEADER, HEADER], "not expected"),
        ([DELIVER, DELIVER], "in the middle"),
        ([DELIVER, marshal(commands.Basic.CancelOk("ctag1.0a"))], "in the middle"),
        ([DELIVER, HEADER, BODY, BODY], "not expected"),
        ([DELIVER, HEADER, marshal(ContentBody(BODY))], "of which 9 are missing"),
        ([DELIVER, HEADER, marshal(ContentBody(b""))], "0 bytes of a body"),
        (frames_of(usual(2), 3), "delivery 3, where 2 comes next"),
        (frames_of(usual(2), 1), "delivery 1, where 2 comes next"),
        ([DELIVER, b"\x02\x00\x02\x00\x00\x00\x04\x00\x3c\x00\x00\xce"], "too short"),
        ([DELIVER, HEADER.replace(b"\x00\x3c\x00\x00", b"\x00\x3d\x00\x00")], "another class"),
        ([DELIVER, marshal(ContentHeader(0, MOST_BODY_BYTES + 1))], "a body of"),
        ([marshal(commands.Basic.Deliver("c", 2, False, "", "key")).replace(b"\x03key", b"\x02key")], "does not end"),
        ([DELIVER[:3] + b"\x00\x00\x00\x06" + DELIVER[7:13] + b"\xce"], "too short"),
    ],
)
def test_what_is_not_amqp_is_an_error_for_ever(frames: list[bytes], words: str) -> None:
    tap = DeliveryTap()
    tap.watch(CHANNEL, FRAME_MAX)
    assert len(tap.feed(BEFORE, 1).runs) == 1
    with pytest.raises(BrokenStreamError, match=words):
        tap.feed(b"".join(frames), 1)
    with pytest.raises(BrokenStreamError):
        tap.feed(Heartbeat.value, 1)


def test_a_header_that_the_broker_made_larger_than_was_agreed_on_passes() -> None:
    large = commands.Basic.Properties(headers={"x-death": "x" * FRAME_MAX})
    messages = [usual(1), usual(2)._replace(properties=large), usual(3)]
    assert seen_by_tap([stream_of(messages)]) == seen_by_pamqp(stream_of(messages))
    assert len(seen_by_tap([stream_of(messages)]).deliveries) == 3
    endless = commands.Basic.Properties(headers={"x-death": "x" * MOST_HEADER_BYTES})
    assert seen_by_tap([stream_of([usual(1)._replace(properties=endless)])]).is_broken


def test_frames_as_large_as_was_agreed_on_pass() -> None:
    message = Message("key", commands.Basic.Properties(), bytes(SAFE_BYTES))
    assert len(frames_of(message, 1)) == 3
    assert seen_by_tap([stream_of([message])]).deliveries[0][0].body == message.body
    large = Message("key", commands.Basic.Properties(), bytes(200_000))
    unlimited = [*frames_of(large, 1)[:2], marshal(ContentBody(large.body))]
    assert seen_by_tap(unlimited, frame_max=0).deliveries[0][0].body == large.body
