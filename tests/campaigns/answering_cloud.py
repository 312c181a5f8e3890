"""A stand-in for Easee's cloud with chargers behind it: takes commands from an exchange, and answers into a queue.

It runs in a thread of its own, at a real broker. What comes of a command is said by whoever starts it; the stamps are
exact, so that latencies can be told in advance.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from threading import Thread
from time import time_ns
from typing import NamedTuple

import aio_pika
import orjson
from aio_pika.abc import AbstractExchange, AbstractIncomingMessage

from pipeline.core.timestamps import format_time

S = 10**9
MS = 10**6
DELIVERED_NS = 119_107_000
"""DeliveredAt and ArrivalTime behind the creation of a command, as in Easee's documented example."""
ARRIVED_NS = 366_107_000
PATIENCE_S = 60.0
READBACK = 48
COMMANDS = "cloud.commands"
INLET = "cloud.inlet"
COPIES = "copies.Q"
"""A queue, and an exchange that leads there, for copies of what others send."""


class Taken(NamedTuple):
    """A command as it came."""

    routing_key: str
    message_id: str
    headers: dict[str, object]
    content_type: str
    body: bytes
    created_at: int

    @property
    def serial(self) -> str:
        return self.routing_key.split(".")[0]

    @property
    def argument(self) -> float:
        """The first argument, as a number."""
        return float(orjson.loads(self.body)["Arguments"][0]["Value"])


class Said(NamedTuple):
    """A message for the operator's queue, so long after the command came."""

    after_s: float
    routing_key: str
    arrived_at: int
    body: Mapping[str, object]


Answer = Callable[[Taken], Sequence[Said]]


def stamp(time: int) -> str:
    """As it stands on the wire, seven digits."""
    return f"{format_time(time)[:-3]}Z"


def response(taken: Taken, *, accepted: bool = True, after_s: float = 0.05, arrived_ns: int = ARRIVED_NS) -> Said:
    """The charger's answer."""
    created, command_id = taken.created_at, int(taken.routing_key.split(".")[2])
    body = {
        "Comment": None if accepted else "busy",
        "DeliveredAt": stamp(created + DELIVERED_NS),
        "Id": command_id,
        "ResultCode": None if accepted else 7,
        "SerialNumber": taken.serial,
        "Ticks": 621_355_968_000_000_000 + created // 100,
        "Timestamp": stamp(created),
        "WasAccepted": accepted,
    }
    return Said(after_s, f"{taken.serial}.CR.{command_id}", created + arrived_ns, body)


def readback(taken: Taken, *, after_s: float = 0.1, arrived_ns: int = ARRIVED_NS + 500 * MS) -> Said:
    """The observation that shows the new value."""
    seen = taken.created_at // S * S
    body = {
        "Description": "Max current [Double]",
        "Id": READBACK,
        "Name": "DynamicChargerCurrent",
        "Timestamp": stamp(seen),
        "Value": taken.argument,
    }
    return Said(after_s, f"{taken.serial}.O.{READBACK}", taken.created_at + arrived_ns, body)


def does_all(taken: Taken) -> Sequence[Said]:
    """Accepts, and shows it."""
    return response(taken), readback(taken)


class AnsweringCloud:
    """See above; `taken` are the commands so far, in order."""

    def __init__(self, url: str, queue: str, exchange: str, answer: Answer) -> None:
        self.answer = answer
        self.taken: list[Taken] = []
        self._url, self._queue, self._exchange = url, queue, exchange
        self.loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._inlet: AbstractExchange | None = None
        self.over = asyncio.Event()

    def say(self, said: Said) -> None:
        """Something more, from any thread."""
        assert self._inlet is not None, "the cloud is not at work"
        asyncio.run_coroutine_threadsafe(_say(self._inlet, said), self.loop).result(PATIENCE_S)

    async def run(self, is_ready: Future[None]) -> None:
        async with await aio_pika.connect(self._url) as connection:
            channel = await connection.channel()
            queue = await channel.declare_queue(self._queue, durable=True)
            copies = await channel.declare_queue(COPIES, durable=True)
            await copies.bind(await channel.declare_exchange(COPIES, aio_pika.ExchangeType.TOPIC, durable=True), "#")
            inlet = await channel.declare_exchange(INLET, aio_pika.ExchangeType.TOPIC, durable=True)
            await queue.bind(inlet, "#")
            self._inlet = inlet
            exchange = await channel.declare_exchange(self._exchange, aio_pika.ExchangeType.TOPIC, durable=True)
            commands = await channel.declare_queue(COMMANDS, durable=True)
            await commands.bind(exchange, "#")

            async def take(message: AbstractIncomingMessage) -> None:
                taken = Taken(
                    message.routing_key or "",
                    message.message_id or "",
                    dict(message.headers),
                    message.content_type or "",
                    message.body,
                    # The operator's clock and the cloud's are one here; the command is some moments old.
                    time_ns() // 1_000 * 1_000,
                )
                self.taken.append(taken)
                for said in self.answer(taken):
                    task = asyncio.create_task(_say(inlet, said))
                    self._tasks.add(task)
                    task.add_done_callback(self._tasks.discard)

            await commands.consume(take, no_ack=True)
            is_ready.set_result(None)
            await self.over.wait()
            await asyncio.gather(*self._tasks)


async def send_as_others(
    url: str, exchange: str, serial: str, amperes: int, message_id: str, ahead_ns: int = 0
) -> None:
    """What an operator's own backend does: publish a command, and a copy of it. Its clock is so far ahead."""
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        body = orjson.dumps({"Id": 48, "Arguments": [{"Id": 1, "Value": f"{amperes}"}, {"Id": 2, "Value": "5"}]})
        now = stamp(time_ns() + ahead_ns)
        copy = aio_pika.Message(body, headers={"PublishedAt": now}, message_id=message_id)
        command = aio_pika.Message(body, headers={"OriginApplication": "Other.Easee"}, content_type="text/plain")
        for message, name in ((copy, COPIES), (command, exchange)):
            await (await channel.get_exchange(name)).publish(message, f"{serial}.C.48")


async def nobody_takes(url: str, exchange: str) -> None:
    """Commands lead nowhere from here."""
    async with await aio_pika.connect(url) as connection:
        await (await (await connection.channel()).get_queue(COMMANDS)).unbind(exchange, "#")


async def delete_exchange(url: str, exchange: str) -> None:
    """Commands cannot even be published."""
    async with await aio_pika.connect(url) as connection:
        await (await connection.channel()).exchange_delete(exchange)


async def _say(inlet: AbstractExchange, said: Said) -> None:
    await asyncio.sleep(said.after_s)
    message = aio_pika.Message(
        orjson.dumps(said.body),
        headers={"ArrivalTime": stamp(said.arrived_at)},
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
    )
    await inlet.publish(message, said.routing_key)


@contextmanager
def answering(url: str, queue: str, exchange: str, answer: Answer = does_all) -> Iterator[AnsweringCloud]:
    """The cloud, at work."""
    cloud = AnsweringCloud(url, queue, exchange, answer)
    is_ready: Future[None] = Future()
    thread = Thread(target=lambda: cloud.loop.run_until_complete(cloud.run(is_ready)))
    thread.start()
    try:
        is_ready.result(PATIENCE_S)
        yield cloud
    finally:
        cloud.loop.call_soon_threadsafe(cloud.over.set)
        thread.join(PATIENCE_S)
        cloud.loop.close()
