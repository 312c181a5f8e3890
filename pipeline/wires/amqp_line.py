"""A connection to the broker, as a reader of deliveries needs it, and how it is made: here, through aio-pika alone.

Owns the contract, so that the supervisor is the same for every reader. Must not know queues, or what is consumed.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from typing import NamedTuple, TypeVar

import aio_pika
import aio_pika.abc

from pipeline.wires.amqp_address import AmqpAddress
from pipeline.wires.amqp_window import Run

ANSWER_S = 20.0
"""How long the broker may take for an answer before the connection counts as dead, seconds."""

_Answer = TypeVar("_Answer")

OnRun = Callable[[Run], None]
OnBroken = Callable[[str], None]
Watch = Callable[[int, int, OnRun, OnBroken], None]
"""Take the deliveries of a channel from now on, before it consumes: its number, the `frame_max` of the connection, who
gets the deliveries, and who is told, with words, that nothing can be read any more."""


class Line(NamedTuple):
    """A connection. `watch` where deliveries are taken from beneath the client; None where it has to hand them over."""

    connection: aio_pika.abc.AbstractConnection
    watch: Watch | None

    async def channel(self) -> aio_pika.abc.AbstractChannel:
        """A channel to consume on, or to ask on. Raises as `answer`."""
        return await answer(self.connection.channel(publisher_confirms=False), ANSWER_S)


OpenLine = Callable[[AmqpAddress, ssl.SSLContext | None, str], Awaitable[Line]]
"""Make a connection; the text is what the broker's operator sees of us. Raises what aio-pika raises."""


async def answer(call: Awaitable[_Answer], within_s: float) -> _Answer:
    """What a call to the broker gives. Raises TimeoutError where that takes longer, and what the client raises.

    A client that gives up a connection may cancel whoever waits for an answer, which nobody meant to end: for them it
    is ConnectionResetError.
    """
    try:
        async with asyncio.timeout(within_s):
            answered = await call
    except asyncio.CancelledError:
        waiting = asyncio.current_task()
        if waiting is None or waiting.cancelling():
            raise
        raise ConnectionResetError("the connection was given up") from None
    return answered


async def open_line(address: AmqpAddress, context: ssl.SSLContext | None, name: str) -> Line:
    """See OpenLine: every delivery passes through the client."""
    connection = await aio_pika.connect(
        address.url(), ssl_context=context, timeout=ANSWER_S, client_properties={"connection_name": name}
    )
    return Line(connection, None)
