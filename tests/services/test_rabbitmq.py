"""The tests' own RabbitMQ: fresh virtual hosts and users, faults on demand, and nothing left behind."""

import asyncio
import ssl
from collections.abc import Callable

import aio_pika
import pytest
from aio_pika.abc import AbstractIncomingMessage

from tests.services.certificates import Shown
from tests.services.process import ServiceError
from tests.services.rabbitmq import RabbitMq, fresh_name

pytestmark = pytest.mark.services


async def connect(url: str, context: ssl.SSLContext | None = None) -> None:
    async with await aio_pika.connect(url, ssl_context=context):
        return


async def publish(url: str, queue: str, count: int) -> None:
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        await channel.declare_queue(queue, durable=True)
        for number in range(count):
            body = aio_pika.Message(str(number).encode(), delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
            await channel.default_exchange.publish(body, queue)


def trusting(broker: RabbitMq) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(broker.authority))


def test_a_virtual_host_is_empty_and_a_user_has_rights_in_his_alone(rabbitmq: RabbitMq, vhost: str) -> None:
    other, user = rabbitmq.add_vhost(), fresh_name("user")
    rabbitmq.add_user(user, "first/secret", vhost)
    asyncio.run(publish(rabbitmq.url(user, "first/secret", vhost), "q", 3))
    assert rabbitmq.queue_length(vhost, "q") == 3
    assert rabbitmq.consumers(vhost, "q") == 0
    with pytest.raises(aio_pika.exceptions.AMQPError):
        asyncio.run(connect(rabbitmq.url(user, "first/secret", other)))
    rabbitmq.change_password(user, "second")
    with pytest.raises(aio_pika.exceptions.AMQPError):
        asyncio.run(connect(rabbitmq.url(user, "first/secret", vhost)))
    asyncio.run(connect(rabbitmq.url(user, "second", vhost)))
    rabbitmq.delete_user(user)
    rabbitmq.delete_vhost(other)


def test_consumers_and_what_they_hold_are_counted_and_their_connections_closed(rabbitmq: RabbitMq, vhost: str) -> None:
    async def hold() -> None:
        async with await aio_pika.connect(rabbitmq.url(vhost=vhost)) as connection:
            lost = asyncio.Event()
            connection.close_callbacks.add(lambda *_: lost.set())
            channel = await connection.channel()
            queue = await channel.get_queue("q")
            held = asyncio.Queue[AbstractIncomingMessage]()
            await queue.consume(held.put)
            assert (await held.get()).body == b"0"
            assert rabbitmq.consumers(vhost, "q") == 1
            assert rabbitmq.unacknowledged(vhost, "q") == 1
            assert rabbitmq.held_by_channels(vhost) == 1
            await asyncio.to_thread(rabbitmq.close_connections, vhost, "maintenance")
            await lost.wait()

    asyncio.run(publish(rabbitmq.url(vhost=vhost), "q", 1))
    asyncio.run(hold())
    assert rabbitmq.queue_length(vhost, "q") == 1


def test_a_delivery_held_too_long_closes_the_channel(rabbitmq: RabbitMq, vhost: str) -> None:
    async def hold() -> None:
        async with await aio_pika.connect(rabbitmq.url(vhost=vhost)) as connection:
            channel = await connection.channel()
            over = asyncio.get_running_loop().create_future()
            channel.close_callbacks.add(lambda _, fault: over.set_result(fault))
            queue = await channel.get_queue("q")
            await queue.consume(asyncio.Queue[AbstractIncomingMessage]().put)
            assert "PRECONDITION_FAILED" in str(await over)

    asyncio.run(publish(rabbitmq.url(vhost=vhost), "q", 1))
    with rabbitmq.consumer_timeout(1):
        asyncio.run(hold())


def test_the_tls_port_shows_the_certificate_that_is_asked_for(rabbitmq: RabbitMq, vhost: str) -> None:
    url = rabbitmq.url(vhost=vhost, tls=True)
    asyncio.run(connect(url, trusting(rabbitmq)))
    for kind, words in ((Shown.EXPIRED, "expired"), (Shown.OTHER_HOST, "not valid for")):
        with rabbitmq.showing(kind), pytest.raises(aio_pika.exceptions.AMQPConnectionError, match=words):
            asyncio.run(connect(url, trusting(rabbitmq)))
    asyncio.run(connect(url, trusting(rabbitmq)))


@pytest.mark.parametrize("end", [RabbitMq.stop, RabbitMq.kill])
def test_durable_queues_outlive_the_node(rabbitmq: RabbitMq, vhost: str, end: Callable[[RabbitMq], None]) -> None:
    asyncio.run(publish(rabbitmq.url(vhost=vhost), "q", 2))
    end(rabbitmq)
    with pytest.raises(aio_pika.exceptions.AMQPConnectionError):
        asyncio.run(connect(rabbitmq.url(vhost=vhost)))
    rabbitmq.start()
    assert rabbitmq.queue_length(vhost, "q") == 2


def test_a_named_broker_is_used_and_never_stopped(rabbitmq: RabbitMq, vhost: str) -> None:
    named, queue = RabbitMq.named(rabbitmq.url(vhost=vhost)), fresh_name("q")
    asyncio.run(publish(named.url(), queue, 1))
    assert named.queue_length(named.add_vhost(), queue) == 1
    for forbidden in (named.stop, named.kill, named.pause):
        with pytest.raises(ServiceError, match="CHARGELINE_TEST_AMQP_URL"):
            forbidden()


def test_a_named_broker_that_does_not_answer_is_a_failure_in_words() -> None:
    with pytest.raises(ServiceError, match="CHARGELINE_TEST_AMQP_URL"):
        RabbitMq.named("amqp://guest:guest@127.0.0.1:1/")
