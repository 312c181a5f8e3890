"""A look at the broker: who it is, whether it lets us in, and how the queue is, without touching a message.

Owns the connections of such a look. Must not know settings, or what its findings mean to anybody.
Everything is passive: nothing is declared, consumed or published.
"""

import asyncio
import ssl
from contextlib import suppress
from typing import NamedTuple

import aio_pika
from aiormq.exceptions import AMQPError

from pipeline.core.timestamps import NS_PER_S
from pipeline.wires.amqp_address import AmqpAddress, EaseeConnection
from pipeline.wires.amqp_fault import explain_amqp_fault

_ANSWER_S = 10.0
_FAULTS = (AMQPError, OSError, RuntimeError, ValueError)


class BrokerFaultError(Exception):
    """The broker, the queue or the exchange cannot be used. Says why, and what to do."""


class QueueLook(NamedTuple):
    """How a queue is: messages that wait, and its consumers."""

    backlog: int
    consumers: int


async def look_at_certificate(address: AmqpAddress, context: ssl.SSLContext | None) -> int | None:
    """Until when the broker's certificate is valid, nanoseconds since the epoch; None without TLS.

    Raises BrokerFaultError where nobody answers, or the certificate is not to be trusted.
    """
    try:
        async with asyncio.timeout(_ANSWER_S):
            _, writer = await asyncio.open_connection(address.host, address.port, ssl=context)
    except _FAULTS as fault:
        raise BrokerFaultError(explain_amqp_fault(fault)) from None
    try:
        certificate = writer.get_extra_info("peercert")
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
    end = certificate.get("notAfter") if isinstance(certificate, dict) else None
    return int(ssl.cert_time_to_seconds(end)) * NS_PER_S if isinstance(end, str) else None


async def look_at_login(address: AmqpAddress, context: ssl.SSLContext | None) -> None:
    """Log in, and out again. Raises BrokerFaultError."""
    try:
        connection = await aio_pika.connect(address.url(), ssl_context=context, timeout=_ANSWER_S)
        await connection.close()
    except _FAULTS as fault:
        raise BrokerFaultError(explain_amqp_fault(fault)) from None


async def look_at_queue(details: EaseeConnection, context: ssl.SSLContext | None) -> QueueLook:
    """The queue's length and consumers. Raises BrokerFaultError, also where there is no such queue."""
    try:
        async with asyncio.timeout(_ANSWER_S):
            connection = await aio_pika.connect(details.address.url(), ssl_context=context, timeout=_ANSWER_S)
            async with connection:
                channel = await connection.channel(publisher_confirms=False)
                declared = (await channel.declare_queue(details.queue, passive=True)).declaration_result
    except _FAULTS as fault:
        raise BrokerFaultError(explain_amqp_fault(fault)) from None
    return QueueLook(declared.message_count or 0, declared.consumer_count or 0)


async def look_at_exchange(details: EaseeConnection, context: ssl.SSLContext | None) -> None:
    """Whether the exchange for commands is there. Raises BrokerFaultError."""
    try:
        async with asyncio.timeout(_ANSWER_S):
            connection = await aio_pika.connect(details.address.url(), ssl_context=context, timeout=_ANSWER_S)
            async with connection:
                channel = await connection.channel(publisher_confirms=False)
                await channel.get_exchange(details.exchange, ensure=True)
    except _FAULTS as fault:
        words = explain_amqp_fault(fault).partition(";")[0]
        raise BrokerFaultError(f"{words}; see CHARGELINE_AMQP_EXCHANGE and the vhost") from None
