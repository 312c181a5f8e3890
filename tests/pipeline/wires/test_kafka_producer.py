"""The producer at a real Kafka: confirmed is what is there, an outage is waited for, a refusal fails its parcel."""

import gc
import os
import time
import weakref
from collections.abc import Callable

import pytest

from pipeline.core.stream_messages import StreamMessage
from pipeline.wires.kafka_fault import KafkaUnavailableError
from pipeline.wires.kafka_options import MOST_MESSAGE_BYTES, client_options
from pipeline.wires.kafka_producer import KafkaProducer, Parcel
from schemas.stream import Topic
from tests.pipeline.scale.bridging import make_topics, options
from tests.services.kafka import Kafka
from tests.services.process import LOOPBACK

PATIENCE_S = 60.0
TOPIC = Topic.OBSERVATIONS.value


def message(number: int, topic: str = TOPIC, partition: int = 1) -> StreamMessage:
    return StreamMessage(topic, partition, b"key", str(number).encode())


def until(producer: KafkaProducer, holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        producer.poll(0.05)
        assert time.monotonic() < deadline, "in vain"


@pytest.mark.services
def test_a_parcel_is_confirmed_when_kafka_has_all_of_it_where_it_was_sent_to(kafka: Kafka) -> None:
    make_topics(kafka)
    producer = KafkaProducer(options(kafka), "test")
    parcel = Parcel()
    producer.send([message(number, partition=number % 2) for number in range(100)], parcel)
    assert not parcel.is_confirmed
    until(producer, lambda: parcel.is_confirmed)
    assert producer.in_flight == 0
    found = kafka.read(TOPIC)
    assert [each.value for each in found if each.partition == 0] == [
        str(number).encode() for number in range(0, 100, 2)
    ]
    assert {each.partition for each in found} == {0, 1}
    assert {each.key for each in found} == {b"key"}
    assert producer.probe() is None
    producer.close()


@pytest.mark.services
def test_an_outage_is_waited_for_and_told_of(kafka: Kafka) -> None:
    make_topics(kafka)
    producer = KafkaProducer(options(kafka), "test")
    before = Parcel()
    producer.send([message(0)], before)
    until(producer, lambda: before.is_confirmed)
    kafka.kill()
    meanwhile = Parcel()
    producer.send([message(number) for number in range(1, 50)], meanwhile)
    until(producer, lambda: "see that Kafka runs" in str(producer.trouble))
    assert [trouble.needs_operator for trouble in (producer.trouble,) if trouble] == [False]
    assert meanwhile.failure is None
    assert not meanwhile.is_confirmed
    assert producer.fatal is None
    kafka.start()
    until(producer, lambda: meanwhile.is_confirmed)
    assert [each.value for each in kafka.read(TOPIC)] == [str(number).encode() for number in range(50)]
    producer.all_is_well()
    assert str(producer.trouble) == "None"
    producer.close()


@pytest.mark.services
def test_a_partition_that_is_not_there_fails_the_parcel_with_words(kafka: Kafka) -> None:
    make_topics(kafka)
    producer = KafkaProducer(options(kafka), "test")
    parcel = Parcel()
    producer.send([message(0), message(1, partition=77)], parcel)
    until(producer, lambda: not parcel.pending)
    assert not parcel.is_confirmed
    assert "CHARGELINE_KAFKA_PARTITIONS" in str(parcel.failure)
    assert parcel.failure is not None
    assert parcel.failure.needs_operator
    producer.close()


def test_what_is_dropped_fails_its_parcel_and_is_not_confirmed() -> None:
    producer = KafkaProducer(client_options([("127.0.0.1", 1)]), "test")
    parcel = Parcel()
    producer.send([message(number) for number in range(10)], parcel)
    assert producer.in_flight >= 10
    assert isinstance(producer.probe(), KafkaUnavailableError)
    producer.close()
    assert not parcel.is_confirmed
    assert not parcel.pending
    assert parcel.failure is not None


def test_options_that_the_library_does_not_take_are_told_without_their_values() -> None:
    with pytest.raises(KafkaUnavailableError, match=r"security\.protocol") as caught:
        KafkaProducer({**client_options([("127.0.0.1", 1)]), "security.protocol": "hunter2"}, "t")
    assert "hunter2" not in str(caught.value)
    assert caught.value.needs_operator


@pytest.mark.services
def test_an_entry_is_kept_and_one_that_is_dropped_is_an_empty_message(kafka: Kafka) -> None:
    make_topics(kafka)
    producer = KafkaProducer(options(kafka), "test", linger_ms=1)
    parcel = Parcel()
    for key, content in ((b"a", b"1"), (b"b", b"2"), (b"a", None), (b"c", b"")):
        producer.keep(Topic.STATE.value, 2, key, content, parcel)
    until(producer, lambda: parcel.is_confirmed)
    found = [(each.partition, each.key, each.value) for each in kafka.read(Topic.STATE.value)]
    assert found == [(2, b"a", b"1"), (2, b"b", b"2"), (2, b"a", None), (2, b"c", b"")]
    producer.close()


@pytest.mark.services
def test_what_is_given_up_is_not_sent_any_more_when_kafka_comes_back(kafka: Kafka) -> None:
    make_topics(kafka)
    producer = KafkaProducer(options(kafka), "test", give_up_s=1.0)
    kafka.kill()
    parcel = Parcel()
    producer.keep(Topic.STATE.value, 0, b"a", b"1", parcel)
    until(producer, lambda: parcel.failure is not None)
    assert "timed out; see that Kafka runs" in str(parcel.failure)
    kafka.start()
    later = Parcel()
    producer.keep(Topic.STATE.value, 0, b"b", b"2", later)
    until(producer, lambda: not later.pending)
    assert b"a" not in {each.key for each in kafka.read(Topic.STATE.value)}
    producer.close()


@pytest.mark.services
def test_an_entry_larger_than_kafkas_own_limit_is_kept(kafka: Kafka) -> None:
    make_topics(kafka)
    producer, parcel = KafkaProducer(options(kafka), "test"), Parcel()
    producer.keep(Topic.STATE.value, 1, b"large", os.urandom(3 << 20), parcel)
    until(producer, lambda: parcel.is_confirmed)
    producer.close()
    assert kafka.count(Topic.STATE.value) == 1


def test_a_message_that_no_topic_takes_is_told_and_nobody_waits_for_it() -> None:
    producer = KafkaProducer(client_options([(LOOPBACK, 1)]), "test")
    parcel = Parcel()
    with pytest.raises(KafkaUnavailableError, match="Message size too large") as caught:
        producer.keep(Topic.STATE.value, 1, b"1 fact EH7 history", bytes(MOST_MESSAGE_BYTES + 1), parcel)
    assert caught.value.needs_operator
    assert parcel.pending == 0
    producer.close()


def test_a_producer_that_nobody_wants_is_freed_at_once() -> None:
    producer = KafkaProducer(client_options([("127.0.0.1", 1)]), "test")
    freed = weakref.ref(producer)
    producer.close()
    gc.disable()
    try:
        del producer
        assert freed() is None
    finally:
        gc.enable()
