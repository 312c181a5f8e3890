"""The way between a worker and its broker, which can keep a command, keep its confirm, or break.

It runs in a thread of its own, and passes everything on until it is told otherwise.
"""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from threading import Event, Thread
from urllib.parse import urlsplit

from pipeline.wires.amqp_address import address_of_url

PIECE = 1 << 16
PATIENCE_S = 60.0


class Kept(Enum):
    """What goes no further."""

    COMMAND = "command"
    CONFIRM = "confirm"


class HeldLine:
    """See above. `url` is where to connect instead."""

    def __init__(self, url: str) -> None:
        self._outer = address_of_url(url)
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever)
        self._thread.start()
        self._port = 0
        self._server: asyncio.Server | None = None
        self._ways: set[asyncio.Task[None]] = set()
        self._next: tuple[bytes, Kept] | None = None
        self._holds = Event()
        self.mend()
        parts = urlsplit(url)
        user = parts.netloc.rpartition("@")[0]
        self.url = parts._replace(netloc=f"{user}@127.0.0.1:{self._port}").geturl()

    @property
    def holds(self) -> bool:
        """Whether the command that was asked for has come by."""
        return self._holds.is_set()

    def keep(self, routing_key: str, kept: Kept) -> None:
        """Of the connection on which a command with this key comes, pass on nothing more: that way, or the other."""
        self._holds.clear()
        self._next = (routing_key.encode(), kept)

    def cut(self) -> None:
        """The broker cannot be reached, until `mend`."""
        self._do(self._close())

    def mend(self) -> None:
        """The broker can be reached, at the same place as before."""
        self._do(self._open())

    def end(self) -> None:
        """Nothing of it is left."""
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_S)
        self._loop.close()

    def _do(self, work: Coroutine[None, None, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE_S)

    async def _open(self) -> None:
        self._server = await asyncio.start_server(self._connect, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        for way in self._ways:
            way.cancel()
        if self._ways:
            await asyncio.wait(self._ways)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        way = asyncio.create_task(self._lead(reader, writer))
        self._ways.add(way)
        way.add_done_callback(self._ways.discard)

    async def _lead(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner, outer = await asyncio.open_connection(self._outer.host, self._outer.port)
        back = asyncio.create_task(_pass_on(inner, writer))
        try:
            with suppress(OSError):
                await self._pass_commands_on(reader, outer, back)
        finally:
            back.cancel()
            for each in (writer, outer):
                each.close()

    async def _pass_commands_on(
        self, reader: asyncio.StreamReader, outer: asyncio.StreamWriter, back: asyncio.Task[None]
    ) -> None:
        is_open = True
        while data := await reader.read(PIECE):
            if self._next is not None and self._next[0] in data:
                is_open = self._next[1] is Kept.CONFIRM
                self._next = None
                back.cancel()
                await asyncio.wait([back])
                self._holds.set()
            if is_open:
                outer.write(data)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(PIECE):
            writer.write(data)
    writer.close()


@contextmanager
def held_line(url: str) -> Iterator[HeldLine]:
    """A way to the broker at this URL."""
    line = HeldLine(url)
    try:
        yield line
    finally:
        line.end()
