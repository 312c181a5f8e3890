"""The fast reader: deliveries are taken out of the bytes of a connection before aio-pika sees them.

Owns the place between the socket and the client: a stream reader that feeds the tap and passes on the rest, and how a
connection is made with it. Everything but deliveries stays with aio-pika: login, channels, consuming, acknowledging,
heartbeats. Must not know what the bytes mean (the tap), or what becomes of deliveries.
"""

import asyncio
import ssl
from collections.abc import Iterable
from time import time_ns
from typing import SupportsIndex

import aio_pika
import aio_pika.abc
from aiormq.connection import TransportFactory
from aiormq.exceptions import AMQPConnectionError
from pamqp.heartbeat import Heartbeat
from yarl import URL

from pipeline.wires.amqp_address import AmqpAddress
from pipeline.wires.amqp_line import ANSWER_S, Line, OnBroken, OnRun
from pipeline.wires.amqp_tap import BrokenStreamError, DeliveryTap

_BEAT_S = 5.0


class DeliveryReader(asyncio.StreamReader):
    """The client's end of the stream, without the deliveries of the channel that is watched.

    The client takes a connection for dead when it sees no frame for long. So while there are only deliveries it gets a
    heartbeat now and then.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Passes everything on, until `watch`."""
        super().__init__(loop=loop)
        self._clock = loop.time
        self._passed_at = loop.time()
        self._tap = DeliveryTap()
        self._on_run: OnRun | None = None
        self._on_broken: OnBroken | None = None

    def watch(self, channel: int, frame_max: int, on_run: OnRun, on_broken: OnBroken) -> None:
        """See Watch."""
        self._tap.watch(channel, frame_max)
        self._on_run, self._on_broken = on_run, on_broken

    def feed_data(self, data: Iterable[SupportsIndex]) -> None:
        """The next bytes from the broker. Never raises: what is not AMQP ends the stream for the client, too."""
        try:
            fed = self._tap.feed(bytes(data), time_ns())
        except BrokenStreamError as fault:
            if self.exception() is None:
                if self._on_broken is not None:
                    self._on_broken(f"the broker sent what is not AMQP: {fault}")
                self.set_exception(ConnectionResetError(str(fault)))
            return
        now = self._clock()
        others = fed.others
        if not others and now - self._passed_at > _BEAT_S:
            others = Heartbeat.value
        if others:
            self._passed_at = now
            super().feed_data(others)
        if self._on_run is not None:
            for run in fed.runs:
                self._on_run(run)


class _Transport(TransportFactory):
    """Opens a connection of which the client reads what a DeliveryReader leaves."""

    def __init__(self, address: AmqpAddress, context: ssl.SSLContext | None) -> None:
        self._address = address
        self._context = context
        self.reader: DeliveryReader | None = None

    async def create(self, url: URL, **_: object) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """See TransportFactory: raises AMQPConnectionError where nobody can be reached."""
        loop = asyncio.get_running_loop()
        reader = DeliveryReader(loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
        address = self._address
        try:
            transport, _protocol = await loop.create_connection(
                lambda: protocol, address.host, address.port, ssl=self._context
            )
        except OSError as fault:
            raise AMQPConnectionError(*fault.args) from fault
        self.reader = reader
        return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


def _unchanged(factory: object) -> object:
    return factory


class _Connection(aio_pika.Connection):
    """Hands the transport on to the client beneath, which aio-pika does for parameters that it knows."""

    PARAMETERS = (
        *aio_pika.Connection.PARAMETERS,
        aio_pika.abc.ConnectionParameter("transport_factory", _unchanged, is_kwarg=True),
    )


async def open_fast_line(address: AmqpAddress, context: ssl.SSLContext | None, name: str) -> Line:
    """See OpenLine: deliveries of the channel that is watched never pass through the client."""
    transport = _Transport(address, context)
    connection = _Connection(
        address.url(), ssl_context=context, client_properties={"connection_name": name}, transport_factory=transport
    )
    await connection.connect(timeout=ANSWER_S)
    if transport.reader is None:
        raise AMQPConnectionError("the connection was not made")
    return Line(connection, transport.reader.watch)
