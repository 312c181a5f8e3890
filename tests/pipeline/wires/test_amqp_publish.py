"""Publishing to a real broker: everything arrives as it was sent, and goes on after every loss."""

import asyncio
import ssl
from collections.abc import Iterator, Sequence

import aio_pika
import pytest

from pipeline.simulator.fleet import Fleet, FleetPlan
from pipeline.simulator.quirks import Quirks
from pipeline.wires.amqp_address import AmqpAddress, address_of_url, tls_context
from pipeline.wires.amqp_carried import as_carried
from pipeline.wires.amqp_publish import Publisher, PublishingError, publish_stream
from pipeline.wires.simulated_queue import ForeignQueueError, SimulatedQueue
from schemas.delivery import Delivery
from tests.services.certificates import Shown
from tests.services.rabbitmq import RabbitMq, fresh_name

pytestmark = pytest.mark.services

PATIENCE_S = 60.0


@pytest.fixture
def address(rabbitmq: RabbitMq, vhost: str) -> AmqpAddress:
    return address_of_url(rabbitmq.url(vhost=vhost))


@pytest.fixture
def queue() -> str:
    return fresh_name("Operator")


def stream(number: int, quirks: Quirks) -> list[Delivery]:
    """The first deliveries of a fleet."""
    fleet = Fleet(FleetPlan(chargers=100), quirks)
    deliveries: list[Delivery] = []
    moment = fleet.plan.start
    while len(deliveries) < number:
        moment += 60_000_000_000
        deliveries += fleet.advance(moment)
    return deliveries[:number]


def plain(number: int) -> list[Delivery]:
    return [Delivery("EH1.O.48", {}, str(place).encode(), None) for place in range(number)]


async def take_all(address: AmqpAddress, queue: str) -> Sequence[aio_pika.abc.AbstractIncomingMessage]:
    """Everything that is in the queue, and then no longer is."""
    async with await aio_pika.connect(address.url()) as connection:
        found = await (await connection.channel()).declare_queue(queue, passive=True)
        count = found.declaration_result.message_count or 0
        return [await found.get(no_ack=True) for _ in range(count)]


def arrived(address: AmqpAddress, queue: str) -> list[Delivery]:
    """The same as deliveries; the ids that aiormq makes up are left out."""
    return [
        Delivery(message.routing_key or "", message.headers, message.body, None)
        for message in asyncio.run(take_all(address, queue))
    ]


def test_a_stream_of_every_quirk_arrives_in_its_order(address: AmqpAddress, queue: str) -> None:
    sent = stream(3_000, Quirks.all())
    assert asyncio.run(publish_stream(address, queue, iter(sent))) == len(sent)
    assert arrived(address, queue) == [as_carried(delivery) for delivery in sent]


def test_messages_are_as_easees(address: AmqpAddress, queue: str) -> None:
    odd = Delivery("k" * 300, {"n" * 200: 2**70, "f": 1.5, "b": b"\xff"}, b"\x00", None, "the id")
    assert asyncio.run(publish_stream(address, queue, [odd])) == 1
    (message,) = asyncio.run(take_all(address, queue))
    assert message.delivery_mode is aio_pika.DeliveryMode.PERSISTENT
    assert message.content_type == "text/plain"
    assert message.message_id == "the id"
    assert Delivery(message.routing_key or "", message.headers, message.body, None, "the id") == as_carried(odd)


def test_nothing_to_publish_still_declares(rabbitmq: RabbitMq, vhost: str, address: AmqpAddress, queue: str) -> None:
    assert asyncio.run(publish_stream(address, queue, ())) == 0
    assert rabbitmq.queue_length(vhost, queue) == 0


def test_a_second_stream_goes_behind_the_first(address: AmqpAddress, queue: str) -> None:
    for _ in range(2):
        asyncio.run(publish_stream(address, queue, plain(10)))
    assert arrived(address, queue) == plain(10) * 2


def test_a_lost_connection_is_made_anew_and_nothing_is_missing(
    rabbitmq: RabbitMq, vhost: str, address: AmqpAddress, queue: str
) -> None:
    sent = plain(5_000)

    def cut_twice() -> Iterator[Delivery]:
        for place, delivery in enumerate(sent):
            if place in (2_000, 3_500):
                rabbitmq.close_connections(vhost, "the test says so")
            yield delivery

    async def publish() -> tuple[int, int]:
        async with Publisher(SimulatedQueue(address, queue)) as publisher:
            await publisher.publish(cut_twice())
        return publisher.confirmed, publisher.reconnects

    assert asyncio.run(publish()) == (len(sent), 2)
    found = arrived(address, queue)
    assert {delivery.body for delivery in found} == {delivery.body for delivery in sent}
    assert len(found) < len(sent) + 2_000


def test_a_queue_that_goes_away_is_declared_again(address: AmqpAddress, queue: str) -> None:
    async def publish() -> int:
        async with (
            Publisher(SimulatedQueue(address, queue)) as publisher,
            await aio_pika.connect(address.url()) as other,
        ):
            await publisher.publish(plain(1))
            await (await other.channel()).queue_delete(queue)
            await publisher.publish(plain(10))
        return publisher.reconnects

    assert asyncio.run(publish()) == 1
    assert arrived(address, queue) == plain(10)


def test_a_queue_that_somebody_else_makes_meanwhile_ends_it(address: AmqpAddress, queue: str) -> None:
    async def publish() -> None:
        where = SimulatedQueue(address, queue)
        async with Publisher(where) as publisher, await aio_pika.connect(address.url()) as other:
            await publisher.publish(plain(1))
            await (await other.channel()).exchange_delete(where.inlet)
            await publisher.publish(plain(1))

    with pytest.raises(ForeignQueueError):
        asyncio.run(publish())


def test_commands_are_handed_on_also_after_a_loss(
    rabbitmq: RabbitMq, vhost: str, address: AmqpAddress, queue: str
) -> None:
    where = SimulatedQueue(address, queue, f"{queue}.X")
    taken: list[tuple[str, bytes]] = []

    async def command(number: int) -> None:
        """Publish one as an operator does, and wait until it has been handed on."""
        came.clear()
        async with await aio_pika.connect(address.url()) as operator:
            channel = await operator.channel(on_return_raises=True)
            exchange = await channel.get_exchange(where.exchange)
            await exchange.publish(aio_pika.Message(b"body %d" % number), f"EH1.C.{number}")
            await asyncio.wait_for(came.wait(), PATIENCE_S)

    def take(routing_key: str, body: bytes) -> None:
        taken.append((routing_key, body))
        came.set()

    async def run() -> int:
        async with Publisher(where, take) as publisher:
            await publisher.publish(plain(1))
            await command(48)
            await asyncio.to_thread(rabbitmq.close_connections, vhost, "the test says so")
            await publisher.publish(plain(1))
            await command(49)
            return publisher.reconnects

    came = asyncio.Event()
    assert asyncio.run(run()) == 1
    assert taken == [("EH1.C.48", b"body 48"), ("EH1.C.49", b"body 49")]


@pytest.mark.parametrize(
    ("user", "password", "vhost_name", "words"),
    [
        (None, "wrong", None, "see user and password"),
        (None, None, "nowhere", "see the vhost"),
    ],
)
def test_wrong_settings_are_said_in_words(
    rabbitmq: RabbitMq, user: str | None, password: str | None, vhost_name: str | None, words: str
) -> None:
    wrong = address_of_url(rabbitmq.url(user, password, vhost_name))
    with pytest.raises(PublishingError) as refusal:
        asyncio.run(publish_stream(wrong, "q", ()))
    assert words in str(refusal.value)
    assert str(refusal.value).startswith(str(wrong))


def test_a_broker_that_is_not_there_is_said_in_words() -> None:
    with pytest.raises(PublishingError, match="see that the broker runs"):
        asyncio.run(publish_stream(address_of_url("amqp://guest:guest@127.0.0.1:1"), "q", ()))


def test_a_queue_of_another_form_is_said_in_words(address: AmqpAddress, queue: str) -> None:
    async def declare() -> None:
        async with await aio_pika.connect(address.url()) as connection:
            channel = await connection.channel()
            await channel.declare_exchange(f"{queue}.simulated", aio_pika.ExchangeType.TOPIC, durable=True)
            await channel.declare_queue(queue, durable=True, arguments={"x-max-length": 7})

    asyncio.run(declare())
    with pytest.raises(PublishingError, match="another form"):
        asyncio.run(publish_stream(address, queue, ()))


def test_tls_is_spoken_and_verified(rabbitmq: RabbitMq, vhost: str, queue: str) -> None:
    address = address_of_url(rabbitmq.url(vhost=vhost, tls=True))
    context = tls_context(address, rabbitmq.authority)
    assert asyncio.run(publish_stream(address, queue, plain(2), context=context)) == 2
    with pytest.raises(PublishingError, match="CHARGELINE_AMQP_CA_FILE"):
        asyncio.run(publish_stream(address, queue, plain(2), context=ssl.create_default_context()))
    with rabbitmq.showing(Shown.OTHER_HOST), pytest.raises(PublishingError, match="CHARGELINE_AMQP_CA_FILE"):
        asyncio.run(publish_stream(address, queue, plain(2), context=context))
