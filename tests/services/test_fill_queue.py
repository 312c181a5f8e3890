"""Filling queues quickly, in a real broker."""

import aio_pika
import pytest

from schemas.delivery import Delivery
from tests.services.fill_queue import fill_queues
from tests.services.process import ServiceError
from tests.services.rabbitmq import RabbitMq, fresh_name

pytestmark = pytest.mark.services

DELIVERIES = [
    Delivery(f"EH000001.O.{number}", {"ArrivalTime": f"{number}"}, f"{number}".encode(), None, f"m{number}")
    for number in range(500)
]


async def test_every_queue_gets_every_delivery_in_order(rabbitmq: RabbitMq) -> None:
    queues = (fresh_name("filled"), fresh_name("filled"))
    await fill_queues(rabbitmq.url(), queues, DELIVERIES)
    assert [await taken(rabbitmq.url(), name) for name in queues] == [DELIVERIES, DELIVERIES]


async def test_a_queue_that_was_not_empty_is_told(rabbitmq: RabbitMq) -> None:
    queue = fresh_name("filled")
    await fill_queues(rabbitmq.url(), [queue], DELIVERIES[:1])
    with pytest.raises(ServiceError, match="is not empty: it holds 1 messages"):
        await fill_queues(rabbitmq.url(), [queue], DELIVERIES[:2])
    await taken(rabbitmq.url(), queue)


async def taken(url: str, name: str) -> list[Delivery]:
    """What a queue holds; the queue is deleted."""
    async with await aio_pika.connect(url) as connection:
        queue = await (await connection.channel()).declare_queue(name, passive=True)
        deliveries = []
        while (message := await queue.get(no_ack=True, fail=False)) is not None:
            key = message.routing_key or ""
            deliveries.append(Delivery(key, dict(message.headers), message.body, None, message.message_id))
        await queue.delete()
        return deliveries
