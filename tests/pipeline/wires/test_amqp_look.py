"""Looks at a real broker: nothing is consumed, and nothing changed. Faults: tests/pipeline/cli/test_check.py."""

import asyncio
from dataclasses import replace

import aio_pika
import pytest

from pipeline.wires.amqp_address import EaseeConnection, address_of_url, tls_context
from pipeline.wires.amqp_look import (
    BrokerFaultError,
    QueueLook,
    look_at_certificate,
    look_at_exchange,
    look_at_login,
    look_at_queue,
)
from tests.services.rabbitmq import RabbitMq

pytestmark = pytest.mark.services


async def test_looking_changes_nothing(rabbitmq: RabbitMq, vhost: str) -> None:
    details = EaseeConnection(address_of_url(rabbitmq.url(vhost=vhost)), "q", "x")
    async with await aio_pika.connect(rabbitmq.url(vhost=vhost)) as connection:
        channel = await connection.channel()
        await channel.declare_queue("q", durable=True)
        await channel.declare_exchange("x", "topic")
        await channel.default_exchange.publish(aio_pika.Message(b"1"), "q")
    assert await look_at_certificate(details.address, None) is None
    await look_at_login(details.address, None)
    for _ in range(2):
        assert await look_at_queue(details, None) == QueueLook(1, 0)
    await look_at_exchange(details, None)
    assert await asyncio.to_thread(rabbitmq.queue_length, vhost, "q") == 1


async def test_what_is_not_there_is_named_with_its_setting(rabbitmq: RabbitMq, vhost: str) -> None:
    details = EaseeConnection(address_of_url(rabbitmq.url(vhost=vhost)), "no queue", "no exchange")
    with pytest.raises(BrokerFaultError, match=r"no queue 'no queue'.*; see CHARGELINE_AMQP_QUEUE"):
        await look_at_queue(details, None)
    with pytest.raises(BrokerFaultError, match=r"no exchange 'no exchange'.*; see CHARGELINE_AMQP_EXCHANGE"):
        await look_at_exchange(details, None)


async def test_a_vhost_that_is_not_there(rabbitmq: RabbitMq) -> None:
    with pytest.raises(BrokerFaultError, match="does not open the vhost; see the vhost"):
        await look_at_login(address_of_url(rabbitmq.url(vhost="nowhere")), None)


async def test_tls_where_the_port_speaks_none(rabbitmq: RabbitMq) -> None:
    address = replace(address_of_url(rabbitmq.url()), is_tls=True)
    with pytest.raises(BrokerFaultError, match="see that the port speaks TLS"):
        await look_at_certificate(address, tls_context(address, rabbitmq.authority))


async def test_no_tls_where_the_port_speaks_it(rabbitmq: RabbitMq) -> None:
    address = replace(address_of_url(rabbitmq.url(tls=True)), is_tls=False)
    with pytest.raises(BrokerFaultError, match="amqps:// if the port speaks TLS"):
        await look_at_login(address, None)


async def test_a_host_that_is_nowhere() -> None:
    with pytest.raises(BrokerFaultError, match="; see the host's name"):
        await look_at_certificate(address_of_url("amqp://u:p@nowhere.invalid/"), None)


async def test_a_broker_that_is_not_there_is_no_fault_of_the_exchange() -> None:
    details = EaseeConnection(address_of_url("amqp://u:p@127.0.0.1:1/"), "q", "x")
    with pytest.raises(BrokerFaultError, match="; see that the broker runs"):
        await look_at_exchange(details, None)


async def test_whoever_hangs_up_is_no_broker() -> None:
    async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        port: int = server.sockets[0].getsockname()[1]
        address = address_of_url(f"amqp://u:hidden@127.0.0.1:{port}/")
        with pytest.raises(BrokerFaultError) as fault:
            await look_at_login(address, None)
    assert fault.value.words
    assert fault.value.step
    assert "hidden" not in str(fault.value)
