"""Publishing a simulated stream to a broker.

Owns how messages are published until the broker has confirmed each: at least once, in order while the connection
holds. Must not know where deliveries come from, when they are due, or what a command means.

Where AMQP cannot carry a delivery as it is, the nearest thing is published: see `amqp_carried`. aiormq gives a message
without an id a random one.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from operator import length_hint
from ssl import SSLContext
from types import MappingProxyType, TracebackType
from typing import Self

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractExchange, AbstractIncomingMessage
from aio_pika.exceptions import (
    CONNECTION_EXCEPTIONS,
    ChannelPreconditionFailed,
    InvalidFrameError,
    PublishError,
)
from aiormq.exceptions import ChannelAccessRefused

from pipeline.wires.amqp_address import AmqpAddress
from pipeline.wires.amqp_carried import carried_headers, carried_text
from pipeline.wires.amqp_fault import explain_amqp_fault
from pipeline.wires.simulated_queue import SimulatedQueue, declare_simulated_queue, refuse_foreign_queue
from schemas.delivery import Delivery

WINDOW = 1_000
"""Most messages that are sent and not confirmed."""

COMMAND_KEYS = "*.C.*"

OnCommand = Callable[[str, bytes], None]
"""Told the routing key and the body of each command, in the event loop's thread."""

_LOG = logging.getLogger(__name__)
_CONTENT_TYPE = "text/plain"
_TIMEOUT_S = 10.0
_FIRST_PAUSE_S = 0.25
_LONGEST_PAUSE_S = 15.0
_TROUBLE = (*CONNECTION_EXCEPTIONS, TimeoutError)
_OUR_STEPS: Mapping[type[BaseException], str] = MappingProxyType(
    {
        asyncio.CancelledError: "the connection ended",
        PublishError: "the queue is no longer there or no longer bound; start again to declare it",
        ChannelAccessRefused: "this user may not declare the queue, publish or read there",
        ChannelPreconditionFailed: "it exists in another form; delete it, or name another queue and exchange",
        InvalidFrameError: "see the vhost, and that this user may use it",
    }
)
"""What to do about a fault where it is not what a reader of somebody else's queue would do."""


class PublishingError(Exception):
    """The broker cannot be reached, or refuses us. The message says who said what, and what to do."""


class Publisher:
    """A connection to the broker of a simulated queue, made anew whenever it is lost.

    Until a message is confirmed, every trouble ends it, since settings are to blame; later, trouble is waited out.
    """

    def __init__(self, where: SimulatedQueue, on_command: OnCommand | None = None) -> None:
        """Nothing is connected before the context is entered. Without `on_command`, commands are left alone."""
        self._where = where
        self._on_command = on_command
        self._connection: AbstractConnection | None = None
        self._inlet: AbstractExchange | None = None
        self._confirmed = 0
        self._reconnects = 0

    @property
    def confirmed(self) -> int:
        """Messages that the broker has confirmed; none counts twice."""
        return self._confirmed

    @property
    def reconnects(self) -> int:
        """How often a lost connection was made anew."""
        return self._reconnects

    async def __aenter__(self) -> Self:
        """Connect and declare. Raises ForeignQueueError and PublishingError."""
        try:
            await self._open()
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection. The queue and the exchanges stay."""
        await self._close()

    async def publish(self, deliveries: Iterable[Delivery]) -> None:
        """Publish all of them; returns when each is confirmed. None at all still makes a lost connection anew.

        Raises ForeignQueueError, and PublishingError before the first confirmation.
        """
        left = iter(deliveries)
        senders = min(WINDOW, length_hint(deliveries, WINDOW))
        pause = _FIRST_PAUSE_S
        while True:
            inlet, confirmed = await self._inlet_now(), self._confirmed
            failed: list[Delivery] = []
            ends = await asyncio.gather(
                *(self._send(inlet, left, failed) for _ in range(senders)), return_exceptions=True
            )
            troubles = [end for end in ends if end is not None]
            if not troubles:
                return
            await self._lose(troubles[0])
            pause = _FIRST_PAUSE_S if self._confirmed > confirmed else min(2 * pause, _LONGEST_PAUSE_S)
            left = chain(failed, left)
            await asyncio.sleep(pause)

    async def _send(self, inlet: AbstractExchange, left: Iterator[Delivery], failed: list[Delivery]) -> None:
        """One sender of many: publish what is left, each when the one before is confirmed."""
        for delivery in left:
            try:
                await self._publish_one(inlet, delivery)
            except BaseException:
                failed.append(delivery)
                raise

    async def _publish_one(self, inlet: AbstractExchange, delivery: Delivery) -> None:
        message = aio_pika.Message(
            delivery.body,
            headers=carried_headers(delivery.headers),
            content_type=_CONTENT_TYPE,
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            message_id=None if delivery.message_id is None else carried_text(delivery.message_id),
        )
        await inlet.publish(message, carried_text(delivery.routing_key), mandatory=True)
        self._confirmed += 1

    async def _inlet_now(self) -> AbstractExchange:
        """The exchange of a connection that is open, as far as anybody knows."""
        pause = _FIRST_PAUSE_S
        while self._inlet is None or self._connection is None or self._connection.is_closed:
            await self._close()
            try:
                await self._open()
                self._reconnects += 1
            except PublishingError as fault:
                _LOG.warning("%s; next attempt in %g s", fault, pause)
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_S)
        return self._inlet

    async def _lose(self, trouble: BaseException) -> None:
        """Give the connection up after `trouble`; raise it where it is not for waiting out."""
        # A future of a connection that ended may be cancelled, which is then no cancellation of ours.
        if not isinstance(trouble, (*_TROUBLE, asyncio.CancelledError)):
            raise trouble
        fault = _in_words(self._where, trouble)
        if not self._confirmed:
            raise fault
        _LOG.warning("%s; connecting again", fault)
        await self._close()

    async def _open(self) -> None:
        where = self._where
        try:
            self._connection = await aio_pika.connect(
                where.address.url(), ssl_context=where.context, timeout=_TIMEOUT_S
            )
            async with asyncio.timeout(_TIMEOUT_S):
                await refuse_foreign_queue(self._connection, where)
                channel = await self._connection.channel(publisher_confirms=True, on_return_raises=True)
                inlet = await declare_simulated_queue(channel, where)
                await self._answer_commands(channel)
                self._inlet = inlet
        except _TROUBLE as trouble:
            raise _in_words(where, trouble) from None

    async def _answer_commands(self, channel: AbstractChannel) -> None:
        if self._where.exchange and self._on_command:
            commands = await channel.declare_queue(exclusive=True, auto_delete=True)
            await commands.bind(self._where.exchange, COMMAND_KEYS)
            await commands.consume(self._take_command, no_ack=True)

    async def _take_command(self, message: AbstractIncomingMessage) -> None:
        if self._on_command:
            self._on_command(message.routing_key or "", message.body)

    async def _close(self) -> None:
        connection, self._connection, self._inlet = self._connection, None, None
        if connection is None:
            return
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                await connection.close()
        except _TROUBLE as trouble:
            _LOG.debug("closing the connection: %r", trouble)


async def publish_stream(
    address: AmqpAddress, queue: str, deliveries: Iterable[Delivery], *, context: SSLContext | None = None
) -> int:
    """Declare a simulated queue and publish all deliveries to it; how many were confirmed, which is all of them.

    Raises ForeignQueueError where the queue exists and no simulator declared it, PublishingError where the broker
    cannot be reached or refuses.
    """
    async with Publisher(SimulatedQueue(address, queue, context=context)) as publisher:
        await publisher.publish(deliveries)
    return publisher.confirmed


def _in_words(where: SimulatedQueue, trouble: BaseException) -> PublishingError:
    steps = [step for kind, step in _OUR_STEPS.items() if isinstance(trouble, kind)]
    said = f"{' '.join(str(trouble).split())}; {steps[0]}" if steps else explain_amqp_fault(trouble)
    return PublishingError(f"{where.address}: {said.removeprefix('; ')}")
