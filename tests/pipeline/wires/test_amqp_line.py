"""What each reader makes of a connection, at a real broker: the same deliveries, and the same end when it goes bad.

Time-outs only end a test that hangs; nothing is measured.
"""

import asyncio
import ssl
from datetime import UTC, datetime

import aio_pika
import aiormq
import pytest
from pamqp.commands import Basic
from pamqp.common import FieldTable

from pipeline.wires.amqp import AmqpSource
from pipeline.wires.amqp_address import AmqpAddress
from pipeline.wires.amqp_line import Line, answer
from pipeline.wires.source import SourceState
from schemas.delivery import Delivery
from tests.pipeline.wires.bad_line import bad_line
from tests.pipeline.wires.queue_reading import (
    QUEUE,
    QUICK,
    Reading,
    bodies,
    numbered,
    publish,
    reader,
    running,
    take,
    until_state,
    until_told,
    until_waiting,
)
from tests.services.rabbitmq import RabbitMq
from tests.waiting import until

pytestmark = pytest.mark.services

ROUTING_KEYS = ("EH000281.O.48", "EH000281.CR.63", "é.O.1", "k" * 255)
HEADERS: FieldTable = {
    "ArrivalTime": "2026-01-01T00:00:00.1234567Z",
    "text": "é" * 300,
    "bytes": bytearray(b"\xff\x00"),
    "flag": True,
    "int": -(2**40),
    "float": 0.5,
    "moment": datetime(2026, 1, 1, tzinfo=UTC),
    "nothing": None,
    "table": {"list": [1, "two", {"three": 3}]},
    "n" * 128: "a long name",
}
"""Every type that a header can have."""


async def test_bodies_of_every_size_arrive_whole(reading: Reading) -> None:
    sizes = [0, 1, 7, 131_064, 131_065, 300_000, 0, 5]
    sent = [bytes([65 + place]) * size for place, size in enumerate(sizes)]
    await publish(reading.url, sent)
    async with running(reading.source()) as source:
        assert bodies(await take(source, len(sent))) == sent


async def test_properties_of_every_kind_arrive(reading: Reading) -> None:
    await publish(reading.url, [])
    async with await aio_pika.connect(reading.url) as connection:
        channel = await connection.channel()
        exchange = await channel.declare_exchange("x" * 127, aio_pika.ExchangeType.FANOUT)
        await (await channel.get_queue(QUEUE)).bind(exchange)
        for key in ROUTING_KEYS:
            full = aio_pika.Message(
                b"{}", headers=HEADERS, message_id="é" * 100, app_id="a", priority=3, expiration=900
            )
            for message in (full, aio_pika.Message(b"{}")):
                await exchange.publish(message, key)
    async with running(reading.source()) as source:
        deliveries = [each for piece in await take(source, 2 * len(ROUTING_KEYS)) for each in piece.deliveries]
    seen = [(each.routing_key, each.headers, each.message_id) for each in deliveries]
    assert seen[::2] == [(key, HEADERS, "é" * 100) for key in ROUTING_KEYS]
    assert [(key, headers) for key, headers, _ in seen[1::2]] == [(key, {}) for key in ROUTING_KEYS]


async def test_over_tls(reading: Reading, rabbitmq: RabbitMq, vhost: str) -> None:
    await publish(reading.url, numbered(2_000))
    source = reading.source(reader(rabbitmq.url(vhost=vhost, tls=True)), ca_file=rabbitmq.authority, prefetch=5_000)
    async with running(source):
        assert bodies(await take(source, 2_000)) == numbered(2_000)


@pytest.mark.parametrize("cut_at", [0, 1, 6, 7, 30, 100, 1_000, 30_000])
async def test_cut_in_the_middle_of_anything_reading_goes_on(
    reading: Reading, rabbitmq: RabbitMq, vhost: str, cut_at: int
) -> None:
    await publish(reading.url, [b"first"])
    async with bad_line(reading.url) as line, running(reading.source(reader(line.url))) as source:
        first = (await take(source, 1))[-1].token
        await source.acknowledge(first)
        await until_waiting(rabbitmq, vhost, 0)
        line.cut_at = cut_at
        sent = [number + b"x" * 400 for number in numbered(80)]
        await publish(reading.url, sent)
        await until(lambda: line.connections == 2)
        again = await all_of(source, len(sent))
        assert [delivery.body for delivery in again] == sent
        assert not source.is_current(first)


async def all_of(source: AmqpSource, count: int) -> list[Delivery]:
    """The deliveries of one epoch, as soon as so many are here."""
    deliveries: list[Delivery] = []
    epoch = 0
    while len(deliveries) < count:
        piece = await source.next_piece(count, 1)
        if piece is not None:
            if piece.token.epoch != epoch:
                epoch, deliveries = piece.token.epoch, []
            deliveries += piece.deliveries
    return deliveries


@pytest.mark.parametrize("spoil_at", [0, 3, 8])
async def test_bytes_that_are_not_amqp_cost_the_connection_and_no_message(
    reading: Reading, monkeypatch: pytest.MonkeyPatch, spoil_at: int
) -> None:
    monkeypatch.setattr("pipeline.wires.amqp.ANSWER_S", 0.5)
    await publish(reading.url, [b"first"])
    async with bad_line(reading.url) as line, running(reading.source(reader(line.url))) as source:
        await source.acknowledge((await take(source, 1))[-1].token)
        line.spoil_at = spoil_at
        await publish(reading.url, numbered(9))
        assert [delivery.body for delivery in await all_of(source, 9)] == numbered(9)
        assert line.connections == 2


async def test_a_channel_that_the_broker_closes_begins_anew(reading: Reading) -> None:
    await publish(reading.url, numbered(3))
    async with running(reading.source()) as source:
        stale = (await take(source, 3))[-1].token
        epoch = source._epoch
        assert epoch is not None
        assert epoch._channel is not None
        await epoch._channel.basic_ack(99, wait=False)
        await until_told(source, "unknown delivery tag 99")
        assert bodies(await take(source, 3)) == numbered(3)
        assert not source.is_current(stale)


async def test_a_broker_that_is_not_heard_any_more_is_left(reading: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.wires.amqp.ANSWER_S", 0.5)
    await publish(reading.url, numbered(3))
    async with bad_line(reading.url) as line, running(reading.source(reader(line.url))) as source:
        await take(source, 3)
        line.is_deaf = True
        await until_told(source, "no answer in time")
        assert bodies(await take(source, 3)) == numbered(3)


@pytest.mark.parametrize("way", ["is_deaf", "is_mute"])
async def test_without_heartbeats_the_connection_ends(
    reading: Reading, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setattr("pipeline.wires.amqp_address._HEARTBEAT_S", 1)
    await publish(reading.url, numbered(3))
    never = QUICK._replace(look_s=3_600)
    async with bad_line(reading.url) as line, running(reading.source(reader(line.url), pace=never)) as source:
        await take(source, 3)
        setattr(line, way, True)
        await until_state(source, SourceState.CONNECTING)
        assert bodies(await take(source, 3)) == numbered(3)


async def test_a_prefetch_that_is_fitted_keeps_the_epoch(reading: Reading) -> None:
    await publish(reading.url, [b"x" * 100_000] * 60)
    async with running(reading.source(prefetch=10_000)) as source:
        token = (await take(source, 60))[-1].token
        await until(lambda: source.status.prefetch < 5_000)
        await publish(reading.url, numbered(5))
        assert bodies(await take(source, 5)) == numbered(5)
        assert source.is_current(token)


async def test_a_flood_beside_looks_at_the_queue(reading: Reading) -> None:
    sent = numbered(3_000)
    task = asyncio.create_task(publish(reading.url, sent))
    received: list[bytes] = []
    async with running(reading.source(pace=QUICK._replace(look_s=0.01))) as source:
        while len(received) < len(sent):
            for piece in await take(source, 1):
                received += bodies([piece])
                await source.acknowledge(piece.token)
        assert received == sent
    await task


async def test_a_broker_that_falls_silent_before_it_opens_a_channel_is_left(
    reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.wires.amqp_line.ANSWER_S", 0.5)
    await publish(reading.url, numbered(3))
    async with bad_line(reading.url) as line:

        async def open_deaf(address: AmqpAddress, context: ssl.SSLContext | None, name: str) -> Line:
            opened = await reading.open_line(address, context, name)
            line.is_deaf = line.connections == 1
            return opened

        async with running(reading._replace(open_line=open_deaf).source(reader(line.url))) as source:
            assert bodies(await take(source, 3)) == numbered(3)
            assert line.connections == 2


async def test_who_cancels_while_the_connection_is_given_up_goes_on(reading: Reading) -> None:
    await publish(reading.url, numbered(3))
    never = QUICK._replace(look_s=3_600)
    async with bad_line(reading.url) as line, running(reading.source(reader(line.url), pace=never)) as source:
        await take(source, 3)
        line.is_deaf = True
        cancelling = asyncio.create_task(source.cancel())
        await asyncio.sleep(0)
        source.hand_back("the store is away")
        await asyncio.wait([cancelling])
        assert not cancelling.cancelled()
        assert cancelling.exception() is None


async def test_only_who_is_meant_is_cancelled() -> None:
    async def given_up() -> None:
        raise asyncio.CancelledError

    with pytest.raises(ConnectionResetError):
        await answer(given_up(), 1)
    with pytest.raises(TimeoutError):
        await answer(asyncio.Event().wait(), 0)
    meant = asyncio.create_task(answer(asyncio.Event().wait(), 60))
    await asyncio.sleep(0)
    meant.cancel()
    await asyncio.wait([meant])
    assert meant.cancelled()


async def test_a_header_that_the_broker_made_larger_than_a_frame_keeps_nobody_waiting(reading: Reading) -> None:
    headers: FieldTable = {f"header{number}": "x" * 1_000 for number in range(127)}
    headers["rest"] = "x" * (131_000 - len(Basic.Properties(headers=headers, message_id="m").marshal()))
    async with await aiormq.connect(reading.url) as connection:
        channel = await connection.channel()
        await channel.queue_declare(QUEUE, durable=True)
        dead: FieldTable = {"x-message-ttl": 0, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": QUEUE}
        await channel.queue_declare("dead", arguments=dead)
        properties = Basic.Properties(headers=headers, message_id="m")
        await channel.basic_publish(b"large", routing_key="dead", properties=properties)
        await channel.basic_publish(b"after", routing_key=QUEUE)
    async with running(reading.source()) as source:
        assert sorted(bodies(await take(source, 2))) == [b"after", b"large"]
