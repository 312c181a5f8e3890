"""A way to the broker that breaks at the worst moment: while a command passes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

from pipeline.wires.amqp_address import EaseeConnection


@asynccontextmanager
async def cut_at_command(details: EaseeConnection, key: bytes, *, hands_on: bool) -> AsyncIterator[EaseeConnection]:
    """Where to connect instead; the way breaks when this routing key passes: after it has, or before."""
    is_over = asyncio.Event()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner, outer = await asyncio.open_connection(details.address.host, details.address.port)
        back = asyncio.create_task(copy(inner, writer))
        while key not in (data := await reader.read(1 << 16)):
            outer.write(data)
        back.cancel()
        await asyncio.wait([back])
        if hands_on:
            outer.write(data)
            # Its answer, the confirm, shows that the broker has taken it.
            await inner.read(1)
        for each in (outer, writer):
            each.close()
            with suppress(OSError):
                await each.wait_closed()
        is_over.set()

    async with await asyncio.start_server(accept, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        yield details._replace(address=replace(details.address, host="127.0.0.1", port=port))
        await is_over.wait()


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1 << 16):
        writer.write(data)
