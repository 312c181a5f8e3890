"""A queue that a simulator declares: what is declared, and how it is told from a queue of somebody else.

Owns that Easee's own broker is never written to, by mistake or otherwise: nothing is declared beside a queue or an
exchange that no simulator made. Must not know what is published.
"""

from ssl import SSLContext
from typing import NamedTuple

from aio_pika import ExchangeType
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractExchange
from aio_pika.exceptions import ChannelNotFoundEntity

from pipeline.wires.amqp_address import AmqpAddress

_EVERY_KEY = "#"


class SimulatedQueue(NamedTuple):
    """Where a simulator publishes, and where its commands come from.

    `exchange`  commands are read from it; empty for none.
    `context`   how to speak TLS; None for plain AMQP.
    """

    address: AmqpAddress
    queue: str
    exchange: str = ""
    context: SSLContext | None = None

    @property
    def inlet(self) -> str:
        """The exchange that every message is published to. That it exists shows that a simulator made the queue."""
        return f"{self.queue}.simulated"


class ForeignQueueError(Exception):
    """What the names say exists already, and no simulator declared it. The message says what to do."""


async def refuse_foreign_queue(connection: AbstractConnection, where: SimulatedQueue) -> None:
    """Ask whether what `where` names is free to declare; asking changes nothing.

    Raises ForeignQueueError for a queue or an exchange that exists where no simulator has been before, and what
    aio-pika raises.
    """
    if await _exists(connection, where.inlet):
        return
    channel = await connection.channel()
    try:
        await channel.declare_queue(where.queue, passive=True)
    except ChannelNotFoundEntity:
        pass
    else:
        raise ForeignQueueError(_foreign(where, f"the queue {where.queue}"))
    finally:
        await channel.close()
    if where.exchange and await _exists(connection, where.exchange):
        raise ForeignQueueError(_foreign(where, f"the exchange {where.exchange}"))


async def declare_simulated_queue(channel: AbstractChannel, where: SimulatedQueue) -> AbstractExchange:
    """Declare the inlet, the queue that everything goes to from there, and the exchange of commands; the inlet.

    All of them are durable, and are left as they are where they exist. Raises what aio-pika raises.
    """
    # First of all, since it is what shows the next run that the queue is a simulator's.
    inlet = await channel.declare_exchange(where.inlet, ExchangeType.TOPIC, durable=True)
    queue = await channel.declare_queue(where.queue, durable=True)
    await queue.bind(inlet, _EVERY_KEY)
    if where.exchange:
        await channel.declare_exchange(where.exchange, ExchangeType.TOPIC, durable=True)
    return inlet


async def _exists(connection: AbstractConnection, exchange: str) -> bool:
    """Asked passively, which changes nothing, on a channel that is thrown away, since a no closes it."""
    channel = await connection.channel()
    try:
        await channel.declare_exchange(exchange, passive=True)
    except ChannelNotFoundEntity:
        return False
    finally:
        await channel.close()
    return True


def _foreign(where: SimulatedQueue, what: str) -> str:
    return (
        f"{where.address} has {what}, and no simulator declared it: it may be Easee's, and is left alone. "
        f"Name a broker of your own in CHARGELINE_AMQP_URL, or another queue and exchange"
    )
