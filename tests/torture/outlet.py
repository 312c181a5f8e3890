"""The outlet of the generator: messages into the queue, in order, each confirmed by the broker, however long it takes.

Owns the journal of what was said. Written down before it is published, confirmed behind: what the journal calls
confirmed must be found again, and what is found must be in the journal. Imports nothing of the program under test.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from time import time_ns
from typing import NamedTuple

import aio_pika
from aio_pika.abc import AbstractExchange, HeadersType

from tests.torture.folder import CONFIRMED, MESSAGES, Message, confirmations, to_line
from tests.torture.messages import Said

AT_ONCE = 500
MOST_WAITING = 30_000
ANSWER_S = 20.0
AGAIN_S = 0.5


class Counts(NamedTuple):
    """How many were confirmed, how many were published more than once."""

    confirmed: int
    again: int


class Outlet:
    """See above. `say` from the loop that `run` is in."""

    def __init__(self, url: str, exchange: str, folder: Path) -> None:
        self._url = url
        self._exchange = exchange
        self._journal = (folder / MESSAGES).open("ab")
        self._confirmed = (folder / CONFIRMED).open("ab", buffering=0)
        self._waiting: deque[Message] = deque()
        self._numbers = 0
        self._count = self._again = 0
        self._is_over = False

    def say(self, said: Sequence[Said], now: int) -> None:
        """These messages reached the cloud now; they come into the queue as soon as the broker takes them."""
        for key, arrival, body in said:
            self._numbers += 1
            self._waiting.append(Message(self._numbers, now, key, arrival, body))

    @property
    def is_full(self) -> bool:
        """Whether the broker has not taken anything for long."""
        return len(self._waiting) > MOST_WAITING

    @property
    def counts(self) -> Counts:
        return Counts(self._count, self._again)

    def end(self) -> None:
        """`run` returns when everything is confirmed."""
        self._is_over = True

    async def run(self) -> None:
        """Publish what waits, piece after piece: the next when the broker has taken all of this one."""
        while not (self._is_over and not self._waiting):
            try:
                async with AsyncExitStack() as stack:
                    connection = await asyncio.wait_for(aio_pika.connect(self._url), ANSWER_S)
                    stack.push_async_callback(_close, connection)
                    channel = await connection.channel(on_return_raises=True)
                    exchange = await channel.get_exchange(self._exchange, ensure=False)
                    await self._drain(exchange)
            except (aio_pika.exceptions.AMQPError, OSError, RuntimeError, TimeoutError):
                await asyncio.sleep(AGAIN_S)

    async def _drain(self, exchange: AbstractExchange) -> None:
        while not (self._is_over and not self._waiting):
            if not self._waiting:
                await asyncio.sleep(0.02)
                continue
            piece = [self._waiting[place] for place in range(min(AT_ONCE, len(self._waiting)))]
            await self._publish(exchange, piece)

    async def _publish(self, exchange: AbstractExchange, piece: Sequence[Message]) -> None:
        """Those that are confirmed wait no longer; raises for the others."""
        self._journal.writelines(to_line(message) for message in piece)
        self._journal.flush()
        publishing = [asyncio.ensure_future(_send(exchange, message)) for message in piece]
        done, open_ = await asyncio.wait(publishing, timeout=ANSWER_S)
        for each in open_:
            each.cancel()
        faults = [fault for each in done if (fault := each.exception()) is not None]
        taken = [m.number for m, each in zip(piece, publishing, strict=True) if each in done and not each.exception()]
        self._confirmed.write(confirmations(taken, time_ns()))
        self._count += len(taken)
        kept = set(taken)
        left = [message for message in piece if message.number not in kept]
        for _ in piece:
            self._waiting.popleft()
        self._waiting.extendleft(reversed(left))
        if left:
            self._again += len(left)
            raise faults[0] if faults else TimeoutError


async def _send(exchange: AbstractExchange, message: Message) -> None:
    headers: HeadersType = {**message.headers}
    mode = aio_pika.DeliveryMode.PERSISTENT
    await exchange.publish(aio_pika.Message(message.body, headers=headers, delivery_mode=mode), message.routing_key)


async def _close(connection: aio_pika.abc.AbstractConnection) -> None:
    try:
        await asyncio.wait_for(connection.close(), AGAIN_S)
    except (aio_pika.exceptions.AMQPError, OSError, RuntimeError, TimeoutError):
        return
