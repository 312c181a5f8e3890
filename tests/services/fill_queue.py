"""Filling queues quickly: many messages, published without waiting for the broker to confirm each.

Owns only that. `pipeline.wires.amqp_publish` is the careful way, which tests of the program's own publishing use.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence

import aio_pika
import aio_pika.abc
from pamqp.commands import Basic

from pipeline.wires.amqp_carried import carried_headers
from schemas.delivery import Delivery
from tests.services.process import ServiceError

_EXCHANGE_SUFFIX = ".filled"
_PATIENCE_S = 30.0


async def fill_queues(
    url: str, queues: Sequence[str], deliveries: Iterable[Delivery], patience_s: float = _PATIENCE_S
) -> None:
    """Declare durable queues, and put every delivery, persistent, into each of them; published once for all.

    The queues must be new or empty, and without consumers: how many messages they hold then is how this knows that
    all have arrived.

    Raises:
        ServiceError: a queue does not hold all of them.
    """
    async with await aio_pika.connect(url, timeout=_PATIENCE_S) as connection:
        channel = await connection.channel(publisher_confirms=False)
        inlet = queues[0] + _EXCHANGE_SUFFIX
        exchange = await channel.declare_exchange(inlet, aio_pika.ExchangeType.FANOUT, auto_delete=True)
        for name in queues:
            queue = await channel.declare_queue(name, durable=True)
            if held := queue.declaration_result.message_count:
                raise ServiceError(f"queue {name} is not empty: it holds {held} messages")
            await queue.bind(exchange)
        # The abstract channel does not know `wait`.
        publish: Callable[..., Awaitable[object]] = (await channel.get_underlay_channel()).basic_publish
        published = 0
        for delivery in deliveries:
            properties = Basic.Properties(
                content_type="text/plain",
                headers=carried_headers(delivery.headers),
                delivery_mode=aio_pika.DeliveryMode.PERSISTENT.value,
                message_id=delivery.message_id,
            )
            await publish(
                delivery.body,
                exchange=exchange.name,
                routing_key=delivery.routing_key,
                properties=properties,
                wait=False,
            )
            published += 1
        for name in queues:
            await _hold(channel, name, published, patience_s)
        await exchange.delete()


async def _hold(channel: aio_pika.abc.AbstractChannel, queue: str, count: int, patience_s: float) -> None:
    """Wait until the queue holds so many messages."""
    held: int | None = None
    try:
        async with asyncio.timeout(patience_s):
            while held != count:
                held = (await channel.declare_queue(queue, passive=True)).declaration_result.message_count
    except TimeoutError:
        raise ServiceError(f"queue {queue} holds {held} messages in place of {count}") from None
