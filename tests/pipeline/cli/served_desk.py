"""A desk in memory behind a real server, for programs that ask a worker."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from urllib.parse import urlsplit

from tests.pipeline.wires.memory_desk import TOKEN, MemoryDesk, serving

PATIENCE_S = 60.0


@contextmanager
def served(desk: MemoryDesk, token: str | None = TOKEN) -> Iterator[dict[str, str]]:
    """The settings of a program that asks this desk; the server runs on a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever)
    thread.start()
    server = serving(desk, token)
    try:
        base = asyncio.run_coroutine_threadsafe(server.__aenter__(), loop).result(PATIENCE_S)
        yield {"CHARGELINE_HTTP": urlsplit(base).netloc, "CHARGELINE_HTTP_TOKEN": TOKEN}
        asyncio.run_coroutine_threadsafe(server.__aexit__(None, None, None), loop).result(PATIENCE_S)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(PATIENCE_S)
        loop.close()
