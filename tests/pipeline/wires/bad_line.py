"""A way to the broker that goes bad when a test says so; a connection that is made afterwards is good again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit, urlunsplit

_CHUNK = 1 << 16


class BadLine:
    """Passes bytes on both ways, until one of these is set; a new connection forgets them.

    `is_deaf`      what the broker says goes nowhere.
    `is_mute`      what we say goes nowhere.
    `cut_at`       the connection ends behind so many bytes more from the broker.
    `spoil_at`     so many bytes further on, one byte from the broker is another.
    """

    def __init__(self, url: str) -> None:
        self._parts = urlsplit(url)
        self._port = 0
        self.connections = 0
        self._heal()

    @property
    def url(self) -> str:
        """Where to connect instead."""
        user, _, _ = self._parts.netloc.rpartition("@")
        return urlunsplit(self._parts._replace(netloc=f"{user}@127.0.0.1:{self._port}"))

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.connections += 1
        self._heal()
        inner, outer = await asyncio.open_connection(self._parts.hostname, self._parts.port)
        up = asyncio.create_task(self._up(reader, outer))
        await self._down(inner, writer)
        up.cancel()
        for each in (writer, outer):
            each.close()
            with suppress(OSError):
                await each.wait_closed()

    def listens_at(self, port: int) -> None:
        self._port = port

    def _heal(self) -> None:
        self.is_deaf = self.is_mute = False
        self.cut_at: int | None = None
        self.spoil_at: int | None = None

    async def _up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(_CHUNK):
            if not self.is_mute:
                writer.write(data)
        writer.close()

    async def _down(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(_CHUNK):
                if self.is_deaf:
                    continue
                if self.cut_at is not None and len(data) > self.cut_at:
                    writer.write(data[: self.cut_at])
                    await writer.drain()
                    return
                if self.spoil_at is not None and len(data) > self.spoil_at:
                    spoilt, self.spoil_at = self.spoil_at, None
                    data = data[:spoilt] + bytes([data[spoilt] ^ 0xFF]) + data[spoilt + 1 :]
                self.cut_at = None if self.cut_at is None else self.cut_at - len(data)
                writer.write(data)


@asynccontextmanager
async def bad_line(url: str) -> AsyncIterator[BadLine]:
    """A line to the broker at this URL."""
    line = BadLine(url)
    async with await asyncio.start_server(line.accept, "127.0.0.1", 0) as server:
        line.listens_at(server.sockets[0].getsockname()[1])
        yield line
