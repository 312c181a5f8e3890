"""One consuming channel at a real broker: how much may be here, and how consuming stops."""

import asyncio

import aio_pika
import pytest

from tests.pipeline.wires.queue_reading import (
    QUEUE,
    QUICK,
    Reading,
    bodies,
    numbered,
    publish,
    running,
    take,
    until_waiting,
)
from tests.services.rabbitmq import RabbitMq
from tests.waiting import until

pytestmark = pytest.mark.services


async def test_cancelled_it_receives_nothing_more_and_can_still_acknowledge(
    reading: Reading, rabbitmq: RabbitMq, vhost: str
) -> None:
    url = reading.url
    await publish(url, numbered(20))
    async with running(reading.source()) as source:
        token = (await take(source, 5))[-1].token
        await source.cancel()
        assert await source.next_piece(5, 0.05) is None
        await source.acknowledge(token)
    await until_waiting(rabbitmq, vhost, 15)


async def test_no_more_than_the_prefetch_is_here(reading: Reading, rabbitmq: RabbitMq, vhost: str) -> None:
    url = reading.url
    await publish(url, numbered(30))
    async with running(reading.source(prefetch=8)) as source:
        await take(source, 8)
        await until_waiting(rabbitmq, vhost, 22)
        assert source.status.unacknowledged == 8


async def test_large_bodies_make_the_prefetch_small(reading: Reading) -> None:
    url = reading.url
    await publish(url, [b"x" * 1_000_000] * 40)
    async with running(reading.source(prefetch=10_000)) as source:
        for piece in await take(source, 40):
            await source.acknowledge(piece.token)
        await until(lambda: source.status.prefetch < 1_000)
        await publish(url, numbered(3))
        assert bodies(await take(source, 3)) == numbered(3)
        assert source.status.connections == 1


async def test_bodies_too_large_for_the_window_cost_the_channel_and_come_in_smaller_numbers(
    reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.wires.amqp_epoch.MOST_BYTES", 30_000_000)
    url = reading.url
    sent = [number + b"x" * 1_000_000 for number in numbered(60)]
    await publish(url, sent)
    async with running(reading.source(prefetch=10_000)) as source:
        received: set[bytes] = set()
        while len(received) < len(sent):
            for piece in await take(source, 1):
                await source.acknowledge(piece.token)
                received |= {delivery.body for delivery in piece.deliveries}
        assert received == set(sent)


async def test_bodies_that_nobody_takes_make_the_prefetch_small_too(
    reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.wires.amqp_epoch.MOST_BYTES", 12_000_000)
    monkeypatch.setattr("pipeline.wires.amqp_window.TARGET_BYTES", 3_000_000)
    await publish(reading.url, [b"x" * 1_000_000] * 20)
    async with running(reading.source(prefetch=10_000)) as source:
        await until(lambda: 0 < source.status.prefetch <= 10)
        connections = source.status.connections
        await take(source, 1)
        assert source.status.connections == connections


async def test_cancelled_while_the_prefetch_is_fitted_it_consumes_no_more(reading: Reading) -> None:
    await publish(reading.url, [b"x" * 100_000] * 60)
    async with running(reading.source(prefetch=10_000, pace=QUICK._replace(look_s=3_600))) as source:
        await take(source, 60)
        epoch = source._epoch
        assert epoch is not None
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(epoch.fit_prefetch())
            await asyncio.sleep(0)
            await source.cancel()
        assert epoch.prefetch < 10_000
        assert await consumers(reading.url) == 0


async def consumers(url: str) -> int | None:
    async with await aio_pika.connect(url) as connection:
        declared = await (await connection.channel()).declare_queue(QUEUE, passive=True)
        return declared.declaration_result.consumer_count


async def test_an_acknowledgement_that_nobody_sends_ends_the_epoch(
    reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.wires.amqp_epoch.ANSWER_S", 0.1)
    await publish(reading.url, numbered(3))
    async with running(reading.source()) as source:
        token = (await take(source, 3))[-1].token
        epoch = source._epoch
        assert epoch is not None
        assert epoch._channel is not None
        # As if whoever writes to the socket had ended, and the channel not yet.
        unread: asyncio.Queue[None] = asyncio.Queue(1)
        unread.put_nowait(None)
        monkeypatch.setattr(epoch._channel, "write_queue", unread)
        await source.acknowledge(token)
        assert not source.is_current(token)
        assert bodies(await take(source, 3)) == numbered(3)
