"""The generator: chargers that talk, the cloud that answers commands, the operator who sends them.

    python -m tests.torture.generator FOLDER --seed 7 --rate 400

Says what it says until the folder holds the file `calm`, and 1,500 messages more; then `said-all`. Imports nothing of
the program under test.
"""

import argparse
import asyncio
import logging
import os
import traceback
from heapq import heappop, heappush
from itertools import count
from pathlib import Path
from random import Random
from time import monotonic, time_ns
from typing import Any

import aio_pika
from aio_pika.abc import AbstractConnection, AbstractIncomingMessage

from tests.torture.cloud import FATES, Due, fate_of, read_command
from tests.torture.folder import (
    CALM,
    COMMANDS,
    INLET,
    SAID_ALL,
    SITE,
    TAKEN,
    TIMEOUT_S,
    append,
    read,
    wait_for,
    write,
)
from tests.torture.messages import Chargers
from tests.torture.operator import Operator
from tests.torture.outlet import Outlet

TICK_S = 0.05
AFTER_CALM = 1_500
BURST_TIMES = 5
BURSTS = 0.1
PATIENCE_S = 300.0


class Generator:
    """Everything outside of the site, in one loop."""

    def __init__(self, folder: Path, seed: int, rate: float, commands: float, chargers: int) -> None:
        site = read(folder / SITE)
        self._folder = folder
        self._rate, self._commands = rate, commands
        self._random = Random(seed + 1)
        self._chargers = Chargers(seed, chargers)
        self._url: str = site["amqp_url"]
        self._outlet = Outlet(self._url, INLET, folder)
        self._has_desk = site["http_url"] is not None
        self._operator = Operator(
            folder, site["http_url"] or "", site["http_token"], self._chargers.serials, seed, self._take
        )
        self._due: list[tuple[int, int, Due]] = []
        self._order = count()
        self._sending: set[asyncio.Task[None]] = set()
        self._is_over = False

    async def run(self) -> None:
        """Until the site is calm and everything is said."""
        publishing, cloud = asyncio.create_task(self._outlet.run()), asyncio.create_task(self._listen())
        for task in (publishing, cloud):
            task.add_done_callback(_end_at_a_fault)
        await self._talk()
        # What was sent last is answered late, if at all.
        while self._sending or self._due:
            await asyncio.sleep(TICK_S)
            self._say_due()
        await asyncio.sleep(TIMEOUT_S + 5)
        self._say_due()
        self._outlet.end()
        await publishing
        self._is_over = True
        cloud.cancel()
        confirmed, again = self._outlet.counts
        write(self._folder / SAID_ALL, {"confirmed": confirmed, "published_again": again})

    async def _talk(self) -> None:
        last, owed, left = monotonic(), 0.0, float(AFTER_CALM)
        burst_until = 0.0
        while left > 0:
            await asyncio.sleep(TICK_S)
            now = monotonic()
            if self._random.random() < BURSTS * TICK_S:
                burst_until = now + 2.0
            owed += min(now - last, 1.0) * self._rate * (BURST_TIMES if now < burst_until else 1)
            if self._random.random() < self._commands * min(now - last, 1.0):
                self._command()
            last = now
            self._say_due()
            if owed < 1 or self._outlet.is_full:
                owed = 0.0
                continue
            said = self._chargers.say(time_ns(), int(owed))
            self._outlet.say(said, time_ns())
            owed -= int(owed)
            if (self._folder / CALM).exists():
                left -= len(said)

    def _command(self) -> None:
        asked = self._operator.draw()
        is_ours = self._random.random() < 0.6 and self._has_desk
        work = self._operator.send(asked) if is_ours else self._operator.send_as_others(asked, self._url)
        task = asyncio.create_task(work)
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    def _say_due(self) -> None:
        now = time_ns()
        while self._due and self._due[0][0] <= now:
            self._outlet.say([heappop(self._due)[2].said], now)

    def _take(self, name: str, routing_key: str, body: bytes) -> None:
        """A command reached the cloud."""
        command = read_command(routing_key, body, time_ns() // 1_000 * 1_000)
        for due in FATES[fate_of(name)][1](command):
            heappush(self._due, (command.created_at + due.after_ns, next(self._order), due))

    async def _listen(self) -> None:
        """Take commands from the exchange, whatever happens to the broker."""
        known: set[str] = set()

        async def take(message: AbstractIncomingMessage) -> None:
            name = message.message_id or ""
            entry: dict[str, Any] = {"is": "taken", "at": time_ns(), "key": name, "again": bool(message.redelivered)}
            append(self._folder / COMMANDS, {**entry, "to": message.routing_key, "b": message.body.decode()})
            if name not in known:
                known.add(name)
                self._take(name, message.routing_key or "", message.body)
            await message.ack()

        while not self._is_over:
            try:
                async with await aio_pika.connect(self._url) as connection:
                    closed = _closing(connection)
                    channel = await connection.channel()
                    await channel.set_qos(prefetch_count=100)
                    await (await channel.get_queue(TAKEN)).consume(take)
                    await closed.wait()
            except (aio_pika.exceptions.AMQPError, OSError, RuntimeError, TimeoutError):
                await asyncio.sleep(0.5)


def _end_at_a_fault(task: asyncio.Task[None]) -> None:
    """A generator that is broken says nothing about the worker."""
    if not task.cancelled() and (fault := task.exception()) is not None:
        traceback.print_exception(fault)
        os._exit(1)


def _closing(connection: AbstractConnection) -> asyncio.Event:
    """Comes when the connection is gone."""
    closed = asyncio.Event()
    connection.close_callbacks.add(lambda *_: closed.set())
    return closed


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.torture.generator", description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path, help="shared with the two other programs")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=400.0, help="messages a second, bursts aside")
    parser.add_argument("--commands", type=float, default=1.0, help="commands a second")
    parser.add_argument("--chargers", type=int, default=200)
    given = parser.parse_args()
    if not wait_for(lambda: bool((given.folder / SITE).exists()), PATIENCE_S):
        raise SystemExit(f"{given.folder / SITE} does not come: start python -m tests.torture.faults first")
    # The broker is stopped on purpose: its clients need not say each time that it is.
    logging.disable()
    asyncio.run(Generator(given.folder, given.seed, given.rate, given.commands, given.chargers).run())


if __name__ == "__main__":
    main()
