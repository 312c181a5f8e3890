"""Publishing a simulated stream to a broker, into a queue that was declared here.

Owns what is declared, that nothing is ever declared beside a queue of somebody else, and how messages are published
until the broker has confirmed each: at least once, in order while the connection holds. Must not know where
deliveries come from, when they are due, or what a command means.

Where AMQP cannot carry a delivery as it is, the nearest thing is published: see `amqp_carried`. aiormq gives a message
without an id a random one.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from ssl import SSLContext, SSLError
from types import TracebackType
from typing import NamedTuple, Self

import aio_pika
from aio_pika.abc import AbstractConnection, AbstractExchange, AbstractIncomingMessage
from aio_pika.exceptions import (
    CONNECTION_EXCEPTIONS,
    AuthenticationError,
    ChannelNotFoundEntity,
    ProbableAuthenticationError,
    PublishError,
)

from pipeline.wires.amqp_address import AmqpAddress
from pipeline.wires.amqp_carried import carried_headers, carried_text
from schemas.delivery import Delivery

WINDOW = 1_000
"""Most messages that are sent and not confirmed."""

COMMAND_KEYS = "*.C.*"

OnCommand = Callable[[str, bytes], None]
"""Told the routing key and the body of each command, in the event loop's thread."""

_LOG = logging.getLogger(__name__)
_EVERY_KEY = "#"
_CONTENT_TYPE = "text/plain"
_TIMEOUT_S = 10.0
_FIRST_PAUSE_S = 0.25
_LONGEST_PAUSE_S = 15.0
_TROUBLE = (*CONNECTION_EXCEPTIONS, TimeoutError)


class SimulatedQueue(NamedTuple):
    """A queue that a simulator declares, and where its commands come from.

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
        source = iter(deliveries)
        while window := list(islice(source, WINDOW)):
            await self._publish_window(window)
        await self._inlet_now()

    async def _publish_window(self, window: Sequence[Delivery]) -> None:
        pause = _FIRST_PAUSE_S
        while window:
            inlet = await self._inlet_now()
            answers = await asyncio.gather(
                *(self._publish_one(inlet, delivery) for delivery in window), return_exceptions=True
            )
            troubles = [answer for answer in answers if answer is not None]
            if not troubles:
                return
            await self._lose(troubles[0])
            pause = _FIRST_PAUSE_S if len(troubles) < len(window) else min(2 * pause, _LONGEST_PAUSE_S)
            window = [delivery for delivery, answer in zip(window, answers, strict=True) if answer is not None]
            await asyncio.sleep(pause)

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
                await _refuse_what_is_not_ours(self._connection, where)
                self._inlet = await self._declare(self._connection)
        except _TROUBLE as trouble:
            raise _in_words(where, trouble) from None

    async def _declare(self, connection: AbstractConnection) -> AbstractExchange:
        where = self._where
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        # First of all, since it is what shows the next run that the queue is a simulator's.
        inlet = await channel.declare_exchange(where.inlet, aio_pika.ExchangeType.TOPIC, durable=True)
        queue = await channel.declare_queue(where.queue, durable=True)
        await queue.bind(inlet, _EVERY_KEY)
        if where.exchange:
            await channel.declare_exchange(where.exchange, aio_pika.ExchangeType.TOPIC, durable=True)
        if where.exchange and self._on_command:
            commands = await channel.declare_queue(exclusive=True, auto_delete=True)
            await commands.bind(where.exchange, COMMAND_KEYS)
            await commands.consume(self._take_command, no_ack=True)
        return inlet

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


async def _refuse_what_is_not_ours(connection: AbstractConnection, where: SimulatedQueue) -> None:
    """Raise ForeignQueueError for a queue or an exchange that exists, where no simulator has been before."""
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


def _in_words(where: SimulatedQueue, trouble: BaseException) -> PublishingError:
    if isinstance(trouble, AuthenticationError | ProbableAuthenticationError):
        return PublishingError(f"{where.address} refuses the user or the password; mend CHARGELINE_AMQP_URL")
    if isinstance(trouble, SSLError):
        return PublishingError(
            f"{where.address} cannot be trusted: {trouble}; CHARGELINE_AMQP_CA_FILE names who vouches for it"
        )
    if isinstance(trouble, TimeoutError | asyncio.CancelledError):
        return PublishingError(f"{where.address} does not answer; is it a broker, and is it running?")
    if isinstance(trouble, PublishError):
        return PublishingError(f"{where.address} has no queue {where.queue} behind {where.inlet} any more")
    said = str(trouble) or repr(trouble)
    return PublishingError(f"{where.address}: {said}; is the broker running, and may its user declare and publish?")
