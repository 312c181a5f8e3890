"""Looks at a real broker: nothing is consumed, and nothing changed. Faults: tests/pipeline/cli/test_check.py."""

import asyncio

import aio_pika
import pytest

from pipeline.wires.amqp_address import EaseeConnection, address_of_url
from pipeline.wires.amqp_look import (
    BrokerFaultError,
    QueueLook,
    look_at_certificate,
    look_at_exchange,
    look_at_login,
    look_at_queue,
)
from tests.services.rabbitmq import RabbitMq

pytestmark = pytest.mark.services


async def test_looking_changes_nothing(rabbitmq: RabbitMq, vhost: str) -> None:
    details = EaseeConnection(address_of_url(rabbitmq.url(vhost=vhost)), "q", "x")
    async with await aio_pika.connect(rabbitmq.url(vhost=vhost)) as connection:
        channel = await connection.channel()
        await channel.declare_queue("q", durable=True)
        await channel.declare_exchange("x", "topic")
        await channel.default_exchange.publish(aio_pika.Message(b"1"), "q")
    assert await look_at_certificate(details.address, None) is None
    await look_at_login(details.address, None)
    for _ in range(2):
        assert await look_at_queue(details, None) == QueueLook(1, 0)
    await look_at_exchange(details, None)
    assert await asyncio.to_thread(rabbitmq.queue_length, vhost, "q") == 1
    for missing in (details._replace(queue="nowhere"), details._replace(exchange="nowhere")):
        with pytest.raises(BrokerFaultError, match="nowhere"):
            await (look_at_queue(missing, None) if missing.queue == "nowhere" else look_at_exchange(missing, None))
