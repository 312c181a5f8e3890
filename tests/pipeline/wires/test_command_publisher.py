"""Publishing commands to a real broker: what arrives, and every way in which it can end."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

import aio_pika
import pytest
from aio_pika.abc import AbstractIncomingMessage
from pamqp.common import FieldTable

from pipeline.core.encode_command import CommandMessage, check_command, encode_command
from pipeline.wires.amqp_address import EaseeConnection, address_of_url
from pipeline.wires.command_publisher import MEANING, CommandPublisher, Published, PublishEnd
from schemas.catalogue import shipped_catalogue
from tests.pipeline.wires.cut_line import cut_at_command
from tests.services.rabbitmq import RabbitMq, fresh_name
from tests.waiting import until_asked

PATIENCE_S = 60.0
REF = "0123456789abcdef" * 2
KEYS = "EH123456.C.*"
T = TypeVar("T")

services = pytest.mark.services


def message(amperes: int = 13) -> CommandMessage:
    command = check_command(shipped_catalogue(), "EH123456", "48", [str(amperes), "5"], now=0)
    return encode_command(command, "ExampleOperator")


@pytest.fixture
def details(rabbitmq: RabbitMq, vhost: str) -> EaseeConnection:
    """An operator's exchange that routes the commands of one charger to a queue, as Easee's would."""
    found = EaseeConnection(address_of_url(rabbitmq.url(vhost=vhost)), fresh_name("cloud"), fresh_name("X"))
    asyncio.run(declare(found))
    return found


async def declare(details: EaseeConnection, arguments: FieldTable | None = None) -> None:
    async with await aio_pika.connect(details.address.url()) as connection:
        channel = await connection.channel()
        exchange = await channel.declare_exchange(details.exchange, aio_pika.ExchangeType.TOPIC, durable=True)
        queue = await channel.declare_queue(details.queue, durable=True, arguments=arguments)
        await queue.bind(exchange, KEYS)


async def take_all(details: EaseeConnection) -> list[AbstractIncomingMessage]:
    async with await aio_pika.connect(details.address.url()) as connection:
        queue = await (await connection.channel()).declare_queue(details.queue, passive=True)
        count = queue.declaration_result.message_count or 0
        return [await queue.get(no_ack=True) for _ in range(count)]


def connections(rabbitmq: RabbitMq, vhost: str) -> int:
    """How many the broker has under the publisher's name."""
    listed = rabbitmq.ctl("list_connections", "--vhost", vhost, "--no-table-headers", "client_properties")
    return listed.count("chargeline commands")


def run(details: EaseeConnection, steps: Callable[[CommandPublisher], Awaitable[T]], answer_s: float = PATIENCE_S) -> T:
    async def within() -> T:
        async with CommandPublisher(lambda: details, answer_s=answer_s) as publisher:
            return await steps(publisher)

    return asyncio.run(asyncio.wait_for(within(), PATIENCE_S))


def publish_once(details: EaseeConnection, answer_s: float = PATIENCE_S) -> Published:
    return run(details, lambda publisher: publisher.publish(message(), REF), answer_s)


@services
def test_what_the_cloud_gets(details: EaseeConnection) -> None:
    assert publish_once(details) == Published(PublishEnd.CONFIRMED, "the broker has taken it")

    (arrived,) = asyncio.run(take_all(details))
    assert arrived.exchange == details.exchange
    assert arrived.routing_key == "EH123456.C.48"
    assert arrived.body == message().body
    assert arrived.headers == {"OriginApplication": "ExampleOperator.Easee"}
    assert arrived.content_type == "text/plain"
    assert arrived.message_id == REF
    assert arrived.delivery_mode is aio_pika.DeliveryMode.PERSISTENT


@services
def test_many_at_once_share_one_connection(rabbitmq: RabbitMq, vhost: str, details: EaseeConnection) -> None:
    async def steps(publisher: CommandPublisher) -> tuple[list[Published], int]:
        ends = await asyncio.gather(*(publisher.publish(message(number), f"{number}") for number in range(50)))
        return list(ends), await asyncio.to_thread(connections, rabbitmq, vhost)

    ends, used = run(details, steps)

    assert {end.end for end in ends} == {PublishEnd.CONFIRMED}
    assert len(asyncio.run(take_all(details))) == 50
    assert used == 1


@services
def test_connected_before_it_publishes_over_that_connection(
    rabbitmq: RabbitMq, vhost: str, details: EaseeConnection
) -> None:
    async def steps(publisher: CommandPublisher) -> tuple[list[Published | None], int, PublishEnd]:
        ready = [await publisher.connect(), await publisher.connect()]
        return (
            ready,
            await asyncio.to_thread(connections, rabbitmq, vhost),
            (await publisher.publish(message(), REF)).end,
        )

    assert run(details, steps) == ([None, None], 1, PublishEnd.CONFIRMED)


@services
def test_nobody_takes_it(details: EaseeConnection) -> None:
    stranger = message()._replace(routing_key="EH999999.C.48")

    async def steps(publisher: CommandPublisher) -> list[PublishEnd]:
        return [(await publisher.publish(each, REF)).end for each in (stranger, message(), stranger)]

    assert run(details, steps) == [PublishEnd.UNROUTABLE, PublishEnd.CONFIRMED, PublishEnd.UNROUTABLE]


@services
def test_a_queue_that_is_full_refuses(details: EaseeConnection) -> None:
    full = details._replace(queue=fresh_name("full"), exchange=fresh_name("X"))
    asyncio.run(declare(full, {"x-max-length": 0, "x-overflow": "reject-publish"}))

    assert publish_once(full) == Published(
        PublishEnd.REFUSED, f"{MEANING[PublishEnd.REFUSED]}: its queue is full or cannot be written to: see the broker"
    )


@services
def test_an_exchange_that_is_not_there_refuses_and_the_next_has_a_channel_again(details: EaseeConnection) -> None:
    async def steps(publisher: CommandPublisher) -> list[Published]:
        first = await publisher.publish(message(), REF)
        await declare(missing)
        return [first, await publisher.publish(message(), REF)]

    missing = details._replace(queue=fresh_name("late"), exchange=fresh_name("late"))
    first, second = run(missing, steps)

    assert first.end is PublishEnd.REFUSED
    assert "there is no such exchange: see CHARGELINE_AMQP_EXCHANGE" in first.words
    assert second.end is PublishEnd.CONFIRMED


@services
def test_of_several_nobody_knows_which_one_the_broker_meant(details: EaseeConnection) -> None:
    async def steps(publisher: CommandPublisher) -> list[PublishEnd]:
        ends = await asyncio.gather(*(publisher.publish(message(), f"{number}") for number in range(3)))
        return [end.end for end in ends]

    assert run(details._replace(exchange="nowhere"), steps) == [PublishEnd.UNKNOWN] * 3


@services
def test_a_user_without_the_right_is_refused(rabbitmq: RabbitMq, vhost: str, details: EaseeConnection) -> None:
    user = fresh_name("reader")
    rabbitmq.change_password(user, "password")
    rabbitmq.ctl("set_permissions", "--vhost", vhost, user, "", "", ".*")
    published = publish_once(details._replace(address=address_of_url(rabbitmq.url(user, "password", vhost))))
    rabbitmq.delete_user(user)

    assert published.end is PublishEnd.REFUSED
    assert "this user may not publish there" in published.words


@services
def test_a_connection_that_was_closed_is_made_anew(rabbitmq: RabbitMq, vhost: str, details: EaseeConnection) -> None:
    async def has_none() -> bool:
        return await asyncio.to_thread(connections, rabbitmq, vhost) == 0

    async def steps(publisher: CommandPublisher) -> list[PublishEnd]:
        first = await publisher.publish(message(), REF)
        await asyncio.to_thread(rabbitmq.close_connections, vhost, "the test says so")
        # Once the broker has forgotten the connection, the client has answered that it knows.
        await until_asked(has_none)
        return [first.end, (await publisher.publish(message(), REF)).end]

    assert run(details, steps) == [PublishEnd.CONFIRMED, PublishEnd.CONFIRMED]
    assert len(asyncio.run(take_all(details))) == 2


@services
def test_a_broker_that_holds_still_leaves_it_unknown(rabbitmq: RabbitMq, vhost: str, details: EaseeConnection) -> None:
    async def has_one() -> bool:
        return await asyncio.to_thread(connections, rabbitmq, vhost) == 1

    async def steps(publisher: CommandPublisher) -> list[Published]:
        ends = [await publisher.publish(message(), REF)]
        await asyncio.to_thread(rabbitmq.pause)
        try:
            ends += await asyncio.gather(*(publisher.publish(message(), f"{number}") for number in range(2)))
            ends.append(await publisher.publish(message(), REF))
        finally:
            rabbitmq.resume()
        ends.append(await publisher.publish(message(), REF))
        # Those that were given up are closed.
        await until_asked(has_one)
        return ends

    first, *unknown, unreachable, last = run(details, steps, answer_s=2)

    assert first.end is PublishEnd.CONFIRMED
    assert unknown == 2 * [
        Published(
            PublishEnd.UNKNOWN,
            f"{MEANING[PublishEnd.UNKNOWN]}: no answer in time; see host and port, and what stands between",
        )
    ]
    assert unreachable.end is PublishEnd.UNREACHABLE
    assert last.end is PublishEnd.CONFIRMED


@services
@pytest.mark.parametrize("arrives", [True, False])
def test_a_connection_lost_before_the_confirm_leaves_it_unknown(details: EaseeConnection, *, arrives: bool) -> None:
    async def within() -> PublishEnd:
        async with (
            cut_at_command(details, b"EH123456.C.48", hands_on=arrives) as broken,
            CommandPublisher(lambda: broken, answer_s=PATIENCE_S) as publisher,
        ):
            return (await publisher.publish(message(), REF)).end

    assert asyncio.run(asyncio.wait_for(within(), PATIENCE_S)) is PublishEnd.UNKNOWN
    assert len(asyncio.run(take_all(details))) == int(arrives)


@services
def test_a_cancelled_sender_is_cancelled(rabbitmq: RabbitMq, details: EaseeConnection) -> None:
    async def steps(publisher: CommandPublisher) -> PublishEnd:
        await publisher.publish(message(), REF)
        await asyncio.to_thread(rabbitmq.pause)
        try:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(publisher.publish(message(), REF), 0.05)
        finally:
            rabbitmq.resume()
        return (await publisher.publish(message(), REF)).end

    assert run(details, steps) is PublishEnd.CONFIRMED


@services
def test_wrong_credentials_are_said_in_words_and_new_ones_are_read(details: EaseeConnection) -> None:
    known = [details._replace(address=replace(details.address, password="wrong")), details]

    async def within() -> list[Published]:
        async with CommandPublisher(lambda: known.pop(0)) as publisher:
            return [await publisher.publish(message(), REF), await publisher.publish(message(), REF)]

    first, second = asyncio.run(within())

    assert first.end is PublishEnd.UNREACHABLE
    assert "see user and password" in first.words
    assert "wrong" not in first.words
    assert second.end is PublishEnd.CONFIRMED


NOBODY = EaseeConnection(address_of_url("amqp://guest:guest@127.0.0.1:1"), "q", "x")


def test_without_a_broker_nothing_is_sent() -> None:
    assert publish_once(NOBODY) == Published(
        PublishEnd.UNREACHABLE,
        "nothing was sent: connection refused: nobody listens there; see that the broker runs, and host and port",
    )


def test_without_a_broker_there_is_no_connection() -> None:
    assert run(NOBODY, lambda publisher: publisher.connect()) == publish_once(NOBODY)


def test_without_an_exchange_nothing_is_sent() -> None:
    assert publish_once(NOBODY._replace(exchange="")) == Published(
        PublishEnd.UNREACHABLE,
        "nothing was sent: set CHARGELINE_AMQP_EXCHANGE, which is exchangeName in Easee's reply",
    )


def test_details_that_cannot_be_read_are_said_in_words() -> None:
    def read() -> EaseeConnection:
        raise ValueError("the file has gone; put it back")

    async def within() -> Published:
        async with CommandPublisher(read) as publisher:
            return await publisher.publish(message(), REF)

    assert asyncio.run(within()) == (PublishEnd.UNREACHABLE, "nothing was sent: the file has gone; put it back")


def test_every_end_says_whether_the_command_may_arrive() -> None:
    assert MEANING.keys() == set(PublishEnd)
    assert {end for end in PublishEnd if end.may_have_arrived} == {PublishEnd.CONFIRMED, PublishEnd.UNKNOWN}
