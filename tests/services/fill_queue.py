"""Filling queues quickly: many messages, published without waiting for the broker to confirm each.

Owns only that. `pipeline.wires.amqp_publish` is the careful way, which tests of the program's own publishing use.
"""

import asyncio
from collections.abc import Sequence

import aio_pika
from pamqp.commands import Basic

from pipeline.wires.amqp_carried import carried_headers
from schemas.delivery import Delivery
from tests.services.process import ServiceError

_EXCHANGE_SUFFIX = ".filled"
_TIMEOUT_S = 30.0


async def fill_queues(url: str, queues: Sequence[str], deliveries: Sequence[Delivery]) -> None:
    """Declare durable queues, and put every delivery, persistent, into each of them; published once for all.

    The queues must be new or empty, and without consumers: how many messages they hold then is how this knows that
    all have arrived.

    Raises:
        ServiceError: a queue does not hold all of them.
    """
    async with await aio_pika.connect(url, timeout=_TIMEOUT_S) as connection:
        channel = await connection.channel(publisher_confirms=False)
        exchange = await channel.declare_exchange(queues[0] + _EXCHANGE_SUFFIX, aio_pika.ExchangeType.FANOUT)
        for name in queues:
            await (await channel.declare_queue(name, durable=True)).bind(exchange)
        underlay = await channel.get_underlay_channel()
        for delivery in deliveries:
            properties = Basic.Properties(
                content_type="text/plain",
                headers=carried_headers(delivery.headers),
                delivery_mode=aio_pika.DeliveryMode.PERSISTENT.value,
                message_id=delivery.message_id,
            )
            await underlay.basic_publish(
                delivery.body,
                exchange=exchange.name,
                routing_key=delivery.routing_key,
                properties=properties,
                wait=False,
            )
        # On the same channel, so the broker answers after it has routed what was published.
        for name in queues:
            async with asyncio.timeout(_TIMEOUT_S):
                held = (await channel.declare_queue(name, passive=True)).declaration_result.message_count
            if held != len(deliveries):
                raise ServiceError(f"queue {name} holds {held} messages in place of {len(deliveries)}")
        await exchange.delete()
