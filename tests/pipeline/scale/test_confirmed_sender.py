"""What is waited for is in Kafka, or it is said that it never will be; an outage is told of, and its end."""

import asyncio

import pytest

from pipeline.core.stream_messages import StreamMessage
from pipeline.scale.confirmed_sender import ConfirmedSender
from pipeline.wires.kafka_fault import KafkaUnavailableError
from pipeline.wires.kafka_options import client_options
from pipeline.wires.kafka_producer import KafkaProducer
from schemas.stream import Topic
from tests.pipeline.scale.bridging import make_topics, options
from tests.services.kafka import Kafka
from tests.waiting import until

HANGS_S = 90
Told = list[KafkaUnavailableError | None]


def nowhere(told: Told, give_up_s: float = 0.0) -> ConfirmedSender:
    """A sender to a Kafka that is not there."""
    return ConfirmedSender(KafkaProducer(client_options([("127.0.0.1", 1)]), "t", 1, give_up_s), 0.3, told.append)


def rows(count: int) -> list[StreamMessage]:
    return [StreamMessage(Topic.DERIVED.value, number % 3, b"key", str(number).encode()) for number in range(count)]


@pytest.mark.services
async def test_what_is_waited_for_is_there(kafka: Kafka) -> None:
    make_topics(kafka)
    told: Told = []
    sender = ConfirmedSender(KafkaProducer(options(kafka), "test", 1), 60.0, told.append)
    async with asyncio.timeout(HANGS_S):
        await sender.send([])
        await sender.send(rows(100))
        assert kafka.count(Topic.DERIVED.value) == 100
        for number in range(50):
            sender.keep(Topic.STATE.value, 2, f"2 {number}".encode(), b"something")
        sender.keep(Topic.STATE.value, 2, b"2 7", None)
        await sender.all_kept()
        found = kafka.read(Topic.STATE.value)
        assert [each.key for each in found] == [*(f"2 {number}".encode() for number in range(50)), b"2 7"]
        assert found[-1].value is None
        await sender.all_kept()
    sender.close()
    assert told == []


@pytest.mark.services
async def test_an_outage_is_told_of_and_waited_for(kafka: Kafka) -> None:
    make_topics(kafka)
    told: Told = []
    sender = ConfirmedSender(KafkaProducer(options(kafka), "test", 1), 0.3, told.append)
    async with asyncio.timeout(HANGS_S):
        kafka.kill()
        sending = asyncio.create_task(sender.send(rows(10)))
        await until(lambda: bool(told))
        assert "see that" in str(told[0])
        kafka.start()
        await sending
    assert told[1:] == [None]
    assert kafka.count(Topic.DERIVED.value) == 10
    sender.close()


@pytest.mark.services
async def test_what_fails_for_good_is_raised_with_words(kafka: Kafka) -> None:
    make_topics(kafka)
    sender = ConfirmedSender(KafkaProducer(options(kafka), "test", 1), 60.0, lambda _: None)
    with pytest.raises(KafkaUnavailableError, match="CHARGELINE_KAFKA_PARTITIONS"):
        await sender.send([StreamMessage(Topic.DERIVED.value, 77, b"key", b"x")])
    sender.keep(Topic.STATE.value, 77, b"77 a", b"x")
    with pytest.raises(KafkaUnavailableError, match="CHARGELINE_KAFKA_PARTITIONS"):
        await sender.all_kept()
    sender.close()


async def test_what_is_not_confirmed_in_time_is_given_up() -> None:
    sender = nowhere([], give_up_s=0.5)
    async with asyncio.timeout(HANGS_S):
        with pytest.raises(KafkaUnavailableError, match="timed out; see that Kafka runs") as caught:
            await sender.send(rows(10))
    assert not caught.value.needs_operator
    sender.close()


async def test_whoever_waits_is_let_go_where_it_ends_and_nothing_more_is_sent() -> None:
    sender = nowhere([])
    why = KafkaUnavailableError("over")
    async with asyncio.timeout(HANGS_S):
        sending = asyncio.create_task(sender.send(rows(10)))
        await asyncio.sleep(0)
        sender.end(why)
        sender.end(KafkaUnavailableError("something else"))
        with pytest.raises(KafkaUnavailableError, match="over"):
            await sending
        with pytest.raises(KafkaUnavailableError, match="over"):
            await sender.send(rows(1))
        with pytest.raises(KafkaUnavailableError, match="over"):
            sender.keep(Topic.STATE.value, 0, b"0 a", b"x")
    sender.close()


async def test_one_that_is_closed_sends_nothing() -> None:
    sender = nowhere([])
    sender.close()
    with pytest.raises(KafkaUnavailableError, match="closed"):
        await sender.send(rows(1))
