"""One consuming channel at a real broker: how much may be here, and how consuming stops."""

import pytest

from tests.pipeline.wires.queue_reading import (
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
