"""What tests of readers share: a queue at a real broker, a source that reads it, and waiting for what it does."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import aio_pika

from pipeline.core.backoff import Backoff
from pipeline.wires.amqp import AmqpSource, Pace
from pipeline.wires.amqp_address import EaseeConnection, address_of_url
from pipeline.wires.amqp_line import OpenLine
from pipeline.wires.source import Piece, SourceState
from tests.services.rabbitmq import RabbitMq
from tests.waiting import until, until_asked

QUEUE = "Operator_1.Q"
QUICK = Pace(again=Backoff(0.05, 0.2), look_s=0.1)
HANGS_S = 60


def reader(url: str, queue: str = QUEUE) -> Callable[[], EaseeConnection]:
    return lambda: EaseeConnection(address_of_url(url), queue, "")


class Reading(NamedTuple):
    """One of the readers, and where it reads."""

    open_line: OpenLine
    url: str

    def source(
        self,
        read_broker: Callable[[], EaseeConnection] | None = None,
        pace: Pace = QUICK,
        prefetch: int = 100,
        is_shared: bool = False,
        ca_file: Path | None = None,
    ) -> AmqpSource:
        return AmqpSource(
            reader(self.url) if read_broker is None else read_broker,
            self.open_line,
            ca_file=ca_file,
            prefetch=prefetch,
            is_shared=is_shared,
            name="test",
            pace=pace,
        )


@asynccontextmanager
async def running(source: AmqpSource) -> AsyncIterator[AmqpSource]:
    """A source whose supervisor runs, stopped at the end; fails where all of it takes for ever."""
    async with asyncio.timeout(HANGS_S), asyncio.TaskGroup() as tasks:
        tasks.create_task(source.run())
        try:
            yield source
        finally:
            source.stop()


async def declare(url: str, queue: str = QUEUE) -> None:
    async with await aio_pika.connect(url) as connection:
        await (await connection.channel()).declare_queue(queue, durable=True)


async def publish(url: str, bodies: Sequence[bytes], queue: str = QUEUE) -> None:
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        await channel.declare_queue(queue, durable=True)
        for body in bodies:
            message = aio_pika.Message(body, headers={"ArrivalTime": "2026-01-01T00:00:00Z"}, message_id="m")
            await channel.default_exchange.publish(message, queue)


async def take(source: AmqpSource, count: int) -> list[Piece]:
    """Pieces until there are `count` deliveries, none acknowledged."""
    pieces: list[Piece] = []
    while sum(len(piece.deliveries) for piece in pieces) < count:
        piece = await source.next_piece(count, 1)
        if piece is not None:
            pieces.append(piece)
    return pieces


async def until_state(source: AmqpSource, state: SourceState) -> None:
    await until(lambda: source.status.state is state)


async def until_consuming_again(source: AmqpSource, connections: int) -> None:
    """Over more than so many connections."""
    await until(lambda: source.status.connections > connections and source.status.state is SourceState.CONSUMING)


async def until_told(source: AmqpSource, words: str) -> None:
    await until(lambda: words in source.status.words)


async def until_waiting(broker: RabbitMq, vhost: str, count: int) -> None:
    async def has_so_many() -> bool:
        return await asyncio.to_thread(broker.queue_length, vhost, QUEUE) == count

    await until_asked(has_so_many)


def bodies(pieces: Sequence[Piece]) -> list[bytes]:
    return [delivery.body for piece in pieces for delivery in piece.deliveries]


def numbered(count: int) -> list[bytes]:
    return [str(number).encode() for number in range(count)]
