"""A look at the broker: who it is, whether it lets us in, and how the queue is, without touching a message.

Owns the connections of such a look. Must not know settings, or what its findings mean to anybody.
Everything is passive: nothing is declared, consumed or published.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import NamedTuple

import aio_pika
from aio_pika.abc import AbstractChannel
from aiormq.exceptions import AMQPChannelError, AMQPError

from pipeline.core.timestamps import NS_PER_S
from pipeline.wires.amqp_address import AmqpAddress, EaseeConnection
from pipeline.wires.amqp_fault import describe_amqp_fault

_ANSWER_S = 10.0
_FAULTS = (AMQPError, OSError, RuntimeError, ValueError)
_OTHERWISE = "see the broker's log"
_EXCHANGE_STEP = "see CHARGELINE_AMQP_EXCHANGE, or exchangeName in Easee's reply, and the vhost"


class BrokerFaultError(Exception):
    """The broker, the queue or the exchange cannot be used: `words` say why, `step` what to do."""

    def __init__(self, words: str, step: str) -> None:
        """Each on one line; no password in either."""
        super().__init__(f"{words}; {step}")
        self.words = words
        self.step = step


class QueueLook(NamedTuple):
    """How a queue is: messages that wait, and its consumers."""

    backlog: int
    consumers: int


async def look_at_certificate(address: AmqpAddress, context: ssl.SSLContext | None) -> int | None:
    """Until when the broker's certificate is valid, nanoseconds since the epoch; None without TLS.

    Raises BrokerFaultError where nobody answers, or the certificate is not to be trusted.
    """
    with _faults_described():
        async with asyncio.timeout(_ANSWER_S):
            _, writer = await asyncio.open_connection(address.host, address.port, ssl=context)
            certificate = writer.get_extra_info("peercert")
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
    end = certificate.get("notAfter") if isinstance(certificate, dict) else None
    return int(ssl.cert_time_to_seconds(end)) * NS_PER_S if isinstance(end, str) else None


async def look_at_login(address: AmqpAddress, context: ssl.SSLContext | None) -> None:
    """Log in, and out again. Raises BrokerFaultError."""
    with _faults_described():
        async with _channel(address, context):
            pass


async def look_at_queue(details: EaseeConnection, context: ssl.SSLContext | None) -> QueueLook:
    """The queue's length and consumers. Raises BrokerFaultError, also where there is no such queue."""
    with _faults_described():
        async with _channel(details.address, context) as channel:
            declared = (await channel.declare_queue(details.queue, passive=True)).declaration_result
    return QueueLook(declared.message_count or 0, declared.consumer_count or 0)


async def look_at_exchange(details: EaseeConnection, context: ssl.SSLContext | None) -> None:
    """Whether the exchange for commands is there. Raises BrokerFaultError."""
    with _faults_described(_EXCHANGE_STEP):
        async with _channel(details.address, context) as channel:
            await channel.get_exchange(details.exchange, ensure=True)


@asynccontextmanager
async def _channel(address: AmqpAddress, context: ssl.SSLContext | None) -> AsyncIterator[AbstractChannel]:
    """A channel of a connection of its own, since a refusal ends the channel; all of it within `_ANSWER_S`."""
    async with asyncio.timeout(_ANSWER_S):
        connection = await aio_pika.connect(address.url(), ssl_context=context, timeout=_ANSWER_S)
        async with connection:
            yield await connection.channel(publisher_confirms=False)


@contextmanager
def _faults_described(step: str = "") -> Iterator[None]:
    """A client's faults become BrokerFaultError; with `step`, where the broker refuses what was asked, that one."""
    try:
        yield
    except _FAULTS as fault:
        words, usual = describe_amqp_fault(fault)
        is_refusal = isinstance(fault, AMQPChannelError)
        raise BrokerFaultError(words, (is_refusal and step) or usual or _OTHERWISE) from None
