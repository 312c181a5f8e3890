"""A way to InfluxDB that notes when a row was stored: when the answer to the request that carried it passed.

Owns reading requests and answers as they pass. Must not know who writes, or what rows mean: `pattern` finds numbers in
the lines of a request, each of which is noted once.
"""

import asyncio
import re
import time
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_GZIP = re.compile(rb"\r\ncontent-encoding: *gzip", re.IGNORECASE)
_STORED = b"HTTP/1.1 204"
_GZIP_BITS = 31


class StoreLine:
    """`stored` is when each number was, `time.monotonic`."""

    def __init__(self, url: str, pattern: re.Pattern[bytes]) -> None:
        self._parts = urlsplit(url)
        self._pattern = pattern
        self.stored: dict[int, float] = {}
        self.url = ""

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection: a request, its answer, and so on."""
        inner, outer = await asyncio.open_connection(self._parts.hostname, self._parts.port)
        with suppress(asyncio.IncompleteReadError, OSError):
            while True:
                head, body = await self._pass(reader, outer)
                answer, _ = await self._pass(inner, writer)
                if answer.startswith(_STORED):
                    self._note(zlib.decompress(body, _GZIP_BITS) if _GZIP.search(head) else body)
        for each in (writer, outer):
            each.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[bytes, bytes]:
        """Hand one message on; its head and its body."""
        head = await reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(head)
        body = await reader.readexactly(int(length[1])) if length else b""
        writer.write(head + body)
        await writer.drain()
        return head, body

    def _note(self, lines: bytes) -> None:
        now = time.monotonic()
        for number in self._pattern.findall(lines):
            self.stored.setdefault(int(number), now)


@asynccontextmanager
async def store_line(url: str, pattern: re.Pattern[bytes]) -> AsyncIterator[StoreLine]:
    """A line to the InfluxDB at this URL; whoever writes uses the line's."""
    line = StoreLine(url, pattern)
    async with await asyncio.start_server(line.accept, "127.0.0.1", 0, limit=1 << 24) as server:
        line.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield line
