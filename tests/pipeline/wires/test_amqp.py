"""The operator's queue at a real broker: whatever ends a connection, reading goes on and nothing is acknowledged twice.

Each test has a virtual host of its own. Time-outs only end a test that hangs; nothing is measured.
"""

import asyncio
from pathlib import Path

import aio_pika
import pytest

from pipeline.wires.amqp_address import EaseeConnection
from pipeline.wires.source import Piece, SourceState
from schemas.delivery import Delivery
from tests.heard_backoff import HeardBackoff
from tests.pipeline.wires.queue_reading import (
    QUEUE,
    QUICK,
    Reading,
    bodies,
    declare,
    numbered,
    publish,
    reader,
    running,
    take,
    until_consuming_again,
    until_state,
    until_told,
    until_waiting,
)
from tests.services.rabbitmq import RabbitMq, fresh_name

pytestmark = pytest.mark.services


async def test_deliveries_come_in_order_with_all_that_was_sent(
    reading: Reading, rabbitmq: RabbitMq, vhost: str
) -> None:
    url = reading.url
    await publish(url, numbered(250))
    async with running(reading.source()) as source:
        pieces: list[Piece] = []
        while len(bodies(pieces)) < 250:
            pieces += await take(source, 1)
            await source.acknowledge(pieces[-1].token)
        assert bodies(pieces) == numbered(250)
        delivery: Delivery = pieces[0].deliveries[0]
        assert delivery.routing_key == QUEUE
        assert delivery.headers == {"ArrivalTime": "2026-01-01T00:00:00Z"}
        assert delivery.message_id == "m"
        assert delivery.received_at
        assert source.status.unacknowledged == 0
    await until_waiting(rabbitmq, vhost, 0)


async def test_what_was_not_acknowledged_comes_again(reading: Reading) -> None:
    url = reading.url
    await publish(url, numbered(30))
    async with running(reading.source()) as source:
        pieces = await take(source, 10)
        await source.acknowledge(pieces[-1].token)
    async with running(reading.source()) as source:
        again = await take(source, 20)
        assert bodies(again) == numbered(30)[10:]
        assert sum(piece.redelivered for piece in again) == 20


async def test_after_a_lost_connection_stale_tokens_acknowledge_nothing(
    reading: Reading, rabbitmq: RabbitMq, vhost: str
) -> None:
    url = reading.url
    await publish(url, numbered(20))
    async with running(reading.source()) as source:
        stale = (await take(source, 20))[-1].token
        await asyncio.to_thread(rabbitmq.close_connections, vhost, "test")
        again = await take(source, 20)
        assert bodies(again) == numbered(20)
        assert not source.is_current(stale)
        await source.acknowledge(stale)
        assert source.status.unacknowledged == 20
        assert source.status.connections == 2
        assert source.status.handed_back == 20
    await until_waiting(rabbitmq, vhost, 20)


async def test_another_one_stands_by_and_takes_over(reading: Reading) -> None:
    url = reading.url
    await publish(url, numbered(5))
    async with running(reading.source()) as first:
        await take(first, 5)
        async with running(reading.source()) as second:
            await until_state(second, SourceState.STANDBY)
            assert second.status.consumers == 1
            first.stop()
            assert bodies(await take(second, 5)) == numbered(5)
            assert second.status.connections == 1


async def test_shared_consumers_share(reading: Reading) -> None:
    url = reading.url
    await declare(url)
    async with (
        running(reading.source(is_shared=True)) as first,
        running(reading.source(is_shared=True)) as second,
    ):
        await until_state(first, SourceState.CONSUMING)
        await until_state(second, SourceState.CONSUMING)
        await publish(url, numbered(10))
        assert sorted(bodies(await take(first, 5)) + bodies(await take(second, 5))) == numbered(10)


async def test_handed_back_until_resumed(reading: Reading, rabbitmq: RabbitMq, vhost: str) -> None:
    url = reading.url
    await publish(url, numbered(10))
    async with running(reading.source()) as source:
        token = (await take(source, 10))[-1].token
        source.hand_back("the store is away")
        await until_state(source, SourceState.HANDED_BACK)
        assert source.status.words == "the store is away"
        assert not source.is_current(token)
        await until_waiting(rabbitmq, vhost, 10)
        source.resume()
        assert bodies(await take(source, 10)) == numbered(10)


async def test_a_consumer_that_the_broker_cancels_begins_anew(reading: Reading) -> None:
    url = reading.url
    await declare(url)
    async with running(reading.source()) as source:
        await until_state(source, SourceState.CONSUMING)
        async with await aio_pika.connect(url) as connection:
            await (await connection.channel()).queue_delete(QUEUE)
        await until_state(source, SourceState.CONNECTING)
        await publish(url, numbered(3))
        assert bodies(await take(source, 3)) == numbered(3)


async def test_a_consumer_that_silently_stopped_is_replaced(reading: Reading) -> None:
    url = reading.url
    await declare(url)
    async with running(reading.source(pace=QUICK._replace(idle_looks=3))) as source:
        await until_state(source, SourceState.CONSUMING)
        # The broker forgets the consumer, and nobody who should know is told.
        epoch = source._epoch
        assert epoch is not None
        assert epoch._channel is not None
        await epoch._channel.basic_cancel(epoch._consumer)
        await publish(url, numbered(3))
        assert bodies(await take(source, 3)) == numbered(3)
        assert source.status.connections == 2


async def test_a_queue_that_is_not_there_yet_is_waited_for_and_named(reading: Reading) -> None:
    url = reading.url
    async with running(reading.source()) as source:
        await until_told(source, "CHARGELINE_AMQP_QUEUE")
        assert "no queue 'Operator_1.Q'" in source.status.words
        await publish(url, numbered(1))
        assert bodies(await take(source, 1)) == numbered(1)


async def test_a_password_that_changes_is_read_again(
    reading: Reading, rabbitmq: RabbitMq, vhost: str, tmp_path: Path
) -> None:
    user, file = fresh_name("user"), tmp_path / "url"
    rabbitmq.add_user(user, "old", vhost)
    await publish(rabbitmq.url(vhost=vhost), numbered(3))
    file.write_text(rabbitmq.url(user, "old", vhost))

    def read() -> EaseeConnection:
        return reader(file.read_text())()

    async with running(reading.source(read)) as source:
        await take(source, 3)
        await asyncio.to_thread(rabbitmq.change_password, user, "new")
        await asyncio.to_thread(rabbitmq.close_connections, vhost, "test")
        await until_told(source, "see user and password")
        assert "old" not in source.status.words
        file.write_text(rabbitmq.url(user, "new", vhost))
        assert bodies(await take(source, 3)) == numbered(3)
    rabbitmq.delete_user(user)


async def test_new_details_are_used_at_once_when_told_to_reload(reading: Reading) -> None:
    url = reading.url
    await publish(url, numbered(2))
    await publish(url, [b"other"], "other")
    queue = [QUEUE]

    def read() -> EaseeConnection:
        return reader(url, queue[0])()

    async with running(reading.source(read, pace=QUICK._replace(look_s=30))) as source:
        await take(source, 2)
        source.reload()
        assert source.status.state is SourceState.CONSUMING
        queue[0] = "other"
        source.reload()
        assert bodies(await take(source, 1)) == [b"other"]


async def test_details_that_cannot_be_read_are_told_and_tried_again(reading: Reading) -> None:
    url = reading.url
    await publish(url, numbered(1))
    is_there = [False]

    def read() -> EaseeConnection:
        if not is_there[0]:
            raise ValueError("reply.json must be Easee's reply as JSON")
        return reader(url)()

    async with running(reading.source(read)) as source:
        await until_told(source, "reply.json")
        is_there[0] = True
        assert bodies(await take(source, 1)) == numbered(1)


@pytest.mark.parametrize(("steady_s", "asked"), [(-1.0, [1, 2, 3, 1, 1]), (3_600.0, [1, 2, 3, 4, 5])])
async def test_after_a_broker_that_answered_for_a_while_the_pause_is_the_first_one(
    reading: Reading, rabbitmq: RabbitMq, vhost: str, steady_s: float, asked: list[int]
) -> None:
    await declare(reading.url)
    unread = ["once", "twice", "thrice"]

    def read() -> EaseeConnection:
        if unread:
            raise ValueError(unread.pop())
        return reader(reading.url)()

    heard = HeardBackoff.begun()
    async with running(reading.source(read, QUICK._replace(again=heard, steady_s=steady_s))) as source:
        await until_consuming_again(source, 0)
        for connections in (1, 2):
            await asyncio.to_thread(rabbitmq.close_connections, vhost, "maintenance")
            await until_consuming_again(source, connections)
    assert heard.asked == asked


async def test_a_broker_that_answers_nothing_any_more_is_left(
    reading: Reading, rabbitmq: RabbitMq, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.wires.amqp.ANSWER_S", 0.5)
    url = reading.url
    await publish(url, numbered(1))
    async with running(reading.source()) as source:
        await take(source, 1)
        await asyncio.to_thread(rabbitmq.pause)
        try:
            await until_state(source, SourceState.CONNECTING)
            assert "no answer in time" in source.status.words
        finally:
            await asyncio.to_thread(rabbitmq.resume)
        assert bodies(await take(source, 1)) == numbered(1)
