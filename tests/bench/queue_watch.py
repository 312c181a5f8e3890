"""Watching a queue from outside: when its first message left, and when its last one had.

It asks the broker for the length every 20 ms, over one connection: a passive declare costs next to nothing.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

import aio_pika

PERIOD_S = 0.02


class QueueWatch:
    """The queue `queue` at `url`, of which every question is one declare."""

    def __init__(self, url: str, queue: str, patience_s: float) -> None:
        self._url = url
        self._queue = queue
        self._patience_s = patience_s

    async def __aenter__(self) -> Self:
        self._connection = await aio_pika.connect(self._url)
        self._channel = await self._connection.channel(publisher_confirms=False)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._connection.close()

    async def length(self) -> int:
        """Messages that wait."""
        return (await self._channel.declare_queue(self._queue, passive=True)).declaration_result.message_count or 0

    async def consumers(self) -> int:
        return (await self._channel.declare_queue(self._queue, passive=True)).declaration_result.consumer_count or 0

    async def until(self, holds: Callable[[], Awaitable[bool]], check: Callable[[], None]) -> float:
        """Wait until it holds; the moment, `time.monotonic`. `check` raises where there is no point in waiting.

        Raises TimeoutError when the patience is at its end.
        """
        deadline = time.monotonic() + self._patience_s
        while not await holds():
            check()
            if time.monotonic() > deadline:
                raise TimeoutError
            await asyncio.sleep(PERIOD_S)
        return time.monotonic()
