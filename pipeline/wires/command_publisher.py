"""Publishing commands: one message to the operator's exchange, and what is known of it afterwards.

Owns a connection of its own, made when the first command comes and kept open, and the five ways in which publishing
ends. Must not know what a command means, or what is remembered of it.

Commands are published as mandatory, with confirms and as persistent, so `confirmed` means that the broker has them in
a queue, on its disk. Any number may be on their way at once. Nothing is ever published twice: whether to try again is
for those to say who know the command.
"""

import asyncio
import logging
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import NamedTuple, Self

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractExchange
from aio_pika.exceptions import CONNECTION_EXCEPTIONS, DeliveryError, PublishError
from aiormq.exceptions import ChannelAccessRefused, ChannelNotFoundEntity

from pipeline.core.encode_command import CommandMessage
from pipeline.wires.amqp_address import EaseeConnection, tls_context
from pipeline.wires.amqp_fault import describe_amqp_fault

_LOG = logging.getLogger(__name__)
_ANSWER_S = 10.0
_CLOSE_S = 2.0
_TROUBLE = (*CONNECTION_EXCEPTIONS, TimeoutError, ValueError)
_OTHERWISE = "see the broker's log"


class PublishEnd(StrEnum):
    """How publishing one command ended."""

    CONFIRMED = "confirmed"
    UNROUTABLE = "unroutable"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    UNREACHABLE = "unreachable"

    @property
    def may_have_arrived(self) -> bool:
        """Whether the command may reach its charger: it was taken, or nobody knows."""
        return self in (PublishEnd.CONFIRMED, PublishEnd.UNKNOWN)


MEANING: Mapping[PublishEnd, str] = MappingProxyType(
    {
        PublishEnd.CONFIRMED: "the broker has taken it",
        PublishEnd.UNROUTABLE: "the broker gave it back, since no queue takes it: see the serial and the exchange "
        "(CHARGELINE_AMQP_EXCHANGE, or exchangeName in Easee's reply)",
        PublishEnd.REFUSED: "the broker did not take it",
        PublishEnd.UNKNOWN: "it was sent, and no word of the broker came back; it may arrive or not",
        PublishEnd.UNREACHABLE: "nothing was sent",
    }
)
"""Each end in words."""


class Published(NamedTuple):
    """What is known of one publishing; `words`, on one line, say why and what to do. No password is in them."""

    end: PublishEnd
    words: str


_REFUSALS: Mapping[type[BaseException], str] = MappingProxyType(
    {
        ChannelNotFoundEntity: "there is no such exchange: see CHARGELINE_AMQP_EXCHANGE, or exchangeName in Easee's "
        "reply, and the vhost",
        ChannelAccessRefused: "this user may not publish there: see user and exchange",
        DeliveryError: "its queue is full or cannot be written to: see the broker",
    }
)


class _Line:
    """A connection with a channel in it, and how many commands are on their way there.

    `at_loss`  how many were when the first of them failed; 0 while none has.
    """

    def __init__(self, connection: AbstractConnection, channel: AbstractChannel, exchange: AbstractExchange) -> None:
        self.connection = connection
        self.channel = channel
        self.exchange = exchange
        self.pending = 0
        self.at_loss = 0

    @property
    def is_open(self) -> bool:
        return not (self.connection.is_closed or self.channel.is_closed or self.at_loss)


class CommandPublisher:
    """See above. An asynchronous context that closes the connection; nothing is connected before it is needed."""

    def __init__(
        self,
        read_broker: Callable[[], EaseeConnection],
        *,
        ca_file: Path | None = None,
        name: str = "chargeline commands",
        answer_s: float = _ANSWER_S,
    ) -> None:
        """`read_broker` is asked before each connecting; it raises ValueError, with words, where it cannot tell.

        `name` is shown in the broker's list of connections. Connecting and publishing may take `answer_s` seconds
        each.
        """
        self._read_broker = read_broker
        self._ca_file = ca_file
        self._name = name
        self._answer_s = answer_s
        self._line: _Line | None = None
        self._opening = asyncio.Lock()
        self._closings: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Nothing is connected yet."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection. What is on its way ends as `unknown`."""
        line, self._line = self._line, None
        if line is not None:
            self._close_later(line.connection)
        if self._closings:
            await asyncio.wait(self._closings)

    async def connect(self) -> Published | None:
        """Open the connection where there is none, so that `publish` takes no longer than it must.

        None where it is open, otherwise why nothing can be published. Raises nothing for trouble of any kind.
        """
        opened = await self._try_to_open()
        return opened if isinstance(opened, Published) else None

    async def publish(self, message: CommandMessage, message_id: str) -> Published:
        """Publish one command under its `message_id`; how that ended. Raises nothing for trouble of any kind."""
        line = await self._try_to_open()
        if isinstance(line, Published):
            return line
        line.pending += 1
        try:
            async with asyncio.timeout(self._answer_s):
                await line.exchange.publish(_message(message, message_id), message.routing_key, mandatory=True)
        except (*_TROUBLE, asyncio.CancelledError) as trouble:
            return self._explain(line, trouble)
        finally:
            line.pending -= 1
            if not line.is_open:
                self._leave(line)
        return _published(PublishEnd.CONFIRMED)

    def _explain(self, line: _Line, trouble: BaseException) -> Published:
        if isinstance(trouble, PublishError):
            return _published(PublishEnd.UNROUTABLE)
        if isinstance(trouble, DeliveryError):
            return _published(PublishEnd.REFUSED, _REFUSALS[DeliveryError])
        if isinstance(trouble, asyncio.CancelledError):
            # A future of a connection that ended may be cancelled, which is then no cancellation of ours.
            _raise_if_ours()
        line.at_loss = line.at_loss or line.pending
        refusals = [words for kind, words in _REFUSALS.items() if isinstance(trouble, kind)]
        # The channel ends for all that were on their way, and only for one alone it is sure that it was the culprit.
        if refusals and line.at_loss == 1:
            return _published(PublishEnd.REFUSED, refusals[0])
        return _published(PublishEnd.UNKNOWN, _in_words(trouble))

    async def _try_to_open(self) -> _Line | Published:
        """The line, or how it ended that there is none."""
        try:
            return await self._open_line()
        except _TROUBLE as trouble:
            return _published(PublishEnd.UNREACHABLE, _in_words(trouble))
        except asyncio.CancelledError:
            _raise_if_ours()
            return _published(PublishEnd.UNREACHABLE, "the broker hung up")

    async def _open_line(self) -> _Line:
        async with self._opening:
            if self._line is not None and self._line.is_open:
                return self._line
            if self._line is not None:
                self._leave(self._line)
            self._line = await self._connect()
            return self._line

    async def _connect(self) -> _Line:
        details = self._read_broker()
        if not details.exchange:
            raise ValueError("set CHARGELINE_AMQP_EXCHANGE, which is exchangeName in Easee's reply")
        context = await asyncio.to_thread(tls_context, details.address, self._ca_file)
        connection = await self._log_in(details, context)
        try:
            async with asyncio.timeout(self._answer_s):
                channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
                return _Line(connection, channel, await channel.get_exchange(details.exchange, ensure=False))
        except BaseException:
            self._close_later(connection)
            raise

    async def _log_in(self, details: EaseeConnection, context: ssl.SSLContext | None) -> AbstractConnection:
        return await aio_pika.connect(
            details.address.url(),
            ssl_context=context,
            timeout=self._answer_s,
            client_properties={"connection_name": self._name},
        )

    def _leave(self, line: _Line) -> None:
        """Take no more commands there; what is on its way may still be confirmed, and the last one closes it."""
        if line is self._line:
            self._line = None
        if not line.pending:
            self._close_later(line.connection)

    def _close_later(self, connection: AbstractConnection) -> None:
        """Without waiting: a broker that does not answer must not keep whoever sends a command."""
        closing = asyncio.create_task(_close(connection))
        self._closings.add(closing)
        closing.add_done_callback(self._closings.discard)


def _message(message: CommandMessage, message_id: str) -> aio_pika.Message:
    return aio_pika.Message(
        message.body,
        headers=dict(message.headers),
        content_type=message.content_type,
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        message_id=message_id,
    )


def _published(end: PublishEnd, why: str = "") -> Published:
    return Published(end, f"{MEANING[end]}: {why}" if why else MEANING[end])


def _in_words(trouble: BaseException) -> str:
    if isinstance(trouble, asyncio.CancelledError):
        return "the connection ended"
    if isinstance(trouble, ValueError):
        return str(trouble)
    words, step = describe_amqp_fault(trouble)
    return f"{words}; {step or _OTHERWISE}"


def _raise_if_ours() -> None:
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def _close(connection: AbstractConnection) -> None:
    with suppress(*_TROUBLE):
        async with asyncio.timeout(_CLOSE_S):
            await connection.close()
