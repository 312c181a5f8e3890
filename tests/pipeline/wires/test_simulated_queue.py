"""A simulator's queue at a real broker: declared as promised, and never beside a queue of somebody else."""

import asyncio
from collections.abc import Awaitable, Callable

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel, AbstractConnection
from aio_pika.exceptions import ChannelNotFoundEntity

from pipeline.wires.amqp_address import address_of_url
from pipeline.wires.simulated_queue import (
    ForeignQueueError,
    SimulatedQueue,
    declare_simulated_queue,
    refuse_foreign_queue,
)
from tests.services.rabbitmq import RabbitMq, fresh_name

pytestmark = pytest.mark.services


@pytest.fixture
def where(rabbitmq: RabbitMq, vhost: str) -> SimulatedQueue:
    name = fresh_name("Operator")
    return SimulatedQueue(address_of_url(rabbitmq.url(vhost=vhost)), f"{name}.Q", f"{name}.C.X")


def at_broker(where: SimulatedQueue, act: Callable[[AbstractConnection], Awaitable[None]]) -> None:
    async def run() -> None:
        async with await aio_pika.connect(where.address.url()) as connection:
            await act(connection)

    asyncio.run(run())


async def exists(connection: AbstractConnection, ask: Callable[[AbstractChannel], Awaitable[object]]) -> bool:
    channel = await connection.channel()
    try:
        await ask(channel)
    except ChannelNotFoundEntity:
        return False
    return True


async def names_found(connection: AbstractConnection, where: SimulatedQueue) -> tuple[bool, bool, bool]:
    """Whether the inlet, the queue and the exchange of commands exist."""
    return (
        await exists(connection, lambda channel: channel.get_exchange(where.inlet)),
        await exists(connection, lambda channel: channel.get_queue(where.queue)),
        await exists(connection, lambda channel: channel.get_exchange(where.exchange)),
    )


def test_what_is_declared_is_durable_and_takes_every_key_and_can_be_declared_again(where: SimulatedQueue) -> None:
    async def act(connection: AbstractConnection) -> None:
        for _ in range(2):
            await refuse_foreign_queue(connection, where)
            await declare_simulated_queue(await connection.channel(), where)
        channel = await connection.channel(on_return_raises=True)
        # Declaring in another form than there is would be refused.
        inlet = await channel.declare_exchange(where.inlet, aio_pika.ExchangeType.TOPIC, durable=True)
        queue = await channel.declare_queue(where.queue, durable=True)
        await channel.declare_exchange(where.exchange, aio_pika.ExchangeType.TOPIC, durable=True)
        for key in ("EH1.O.48", "", "a.b.c.d.e", "x" * 255):
            await inlet.publish(aio_pika.Message(b""), key)
            assert (await queue.get(no_ack=True)).routing_key == key

    at_broker(where, act)


def test_a_queue_of_somebody_else_is_left_alone(where: SimulatedQueue) -> None:
    async def act(connection: AbstractConnection) -> None:
        await (await connection.channel()).declare_queue(where.queue, durable=True)
        with pytest.raises(ForeignQueueError) as refusal:
            await refuse_foreign_queue(connection, where)
        assert f"the queue {where.queue}" in str(refusal.value)
        assert "Easee" in str(refusal.value)
        assert where.address.password not in str(refusal.value)
        assert await names_found(connection, where) == (False, True, False)

    at_broker(where, act)


def test_an_exchange_of_somebody_else_is_left_alone(where: SimulatedQueue) -> None:
    async def act(connection: AbstractConnection) -> None:
        await (await connection.channel()).declare_exchange(where.exchange, aio_pika.ExchangeType.DIRECT)
        with pytest.raises(ForeignQueueError, match=f"the exchange {where.exchange}"):
            await refuse_foreign_queue(connection, where)
        assert await names_found(connection, where) == (False, False, True)

    at_broker(where, act)


def test_what_a_simulator_left_half_declared_is_its_own(where: SimulatedQueue) -> None:
    async def act(connection: AbstractConnection) -> None:
        channel = await connection.channel()
        await channel.declare_exchange(where.inlet, aio_pika.ExchangeType.TOPIC, durable=True)
        await channel.declare_queue(where.queue, durable=True)
        await refuse_foreign_queue(connection, where)
        await declare_simulated_queue(channel, where)
        assert await names_found(connection, where) == (True, True, True)

    at_broker(where, act)


def test_without_an_exchange_none_is_asked_for_or_declared(where: SimulatedQueue) -> None:
    async def act(connection: AbstractConnection) -> None:
        await refuse_foreign_queue(connection, where._replace(exchange=""))
        await declare_simulated_queue(await connection.channel(), where._replace(exchange=""))
        assert await names_found(connection, where) == (True, True, False)

    at_broker(where, act)
