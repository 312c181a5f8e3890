"""Ticks at a real Kafka: one at a time, in every partition, the last one once there was a first."""

import time

import pytest

from pipeline.core.stream_records import StreamReader
from pipeline.scale.bridge_progress import BridgeProgress
from pipeline.scale.bridge_ticks import BridgeTicks
from pipeline.wires.kafka_producer import KafkaProducer
from pipeline.wires.source import Token
from schemas.stream import Tick, Topic
from tests.pipeline.scale.bridging import PARTITIONS, make_topics, maker, options
from tests.pipeline.scale.slow_producers import Refusing
from tests.services.kafka import Kafka

pytestmark = pytest.mark.services
PATIENCE_S = 30.0


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def sent_at(ticks: BridgeTicks) -> float | None:
    """As it is now."""
    return ticks.sent_at


def confirm(ticks: BridgeTicks, producer: KafkaProducer) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while ticks.take_confirmed() is None:
        producer.poll(0.05)
        assert time.monotonic() < deadline, "in vain"


def test_one_is_sent_when_it_is_time_and_the_one_before_is_confirmed(kafka: Kafka) -> None:
    make_topics(kafka)
    producer, clock = KafkaProducer(options(kafka), "test"), Clock()
    progress = BridgeProgress("b")
    ticks = BridgeTicks(progress, maker(), 1.0, clock)
    ticks.send_last(producer)
    ticks.send_when_due(producer)
    assert sent_at(ticks) is None
    progress.confirmed(Token(1, 1), 5, None)
    ticks.send_when_due(producer)
    assert sent_at(ticks) == 100.0
    clock.now += 5
    ticks.send_when_due(producer)
    assert sent_at(ticks) == 100.0
    confirm(ticks, producer)
    assert sent_at(ticks) is None
    assert ticks.take_confirmed() is None
    ticks.send_when_due(producer)
    confirm(ticks, producer)
    ticks.send_when_due(producer)
    assert sent_at(ticks) is None
    ticks.send_last(producer)
    confirm(ticks, producer)
    found = [StreamReader().read(each.value or b"", "place").records[0] for each in kafka.read(Topic.TRACK.value)]
    told = [(each.number, each.is_last) for each in found if isinstance(each, Tick)]
    assert told == [(1, False), (2, False), (3, True)] * PARTITIONS
    producer.close()


def test_one_that_went_with_its_producer_is_forgotten(kafka: Kafka) -> None:
    make_topics(kafka)
    producer = KafkaProducer(options(kafka), "test")
    progress = BridgeProgress("b")
    progress.confirmed(Token(1, 1), 5, None)
    ticks = BridgeTicks(progress, maker(), 1.0, Clock())
    ticks.send_when_due(producer)
    producer.close()
    assert "Purged" in str(ticks.failure)
    ticks.forget()
    assert str(ticks.failure) == "None"
    assert sent_at(ticks) is None


def test_one_that_cannot_be_sent_has_failed(kafka: Kafka) -> None:
    make_topics(kafka)
    producer = Refusing(options(kafka), "test")
    producer.refuses = True
    progress = BridgeProgress("b")
    progress.confirmed(Token(1, 1), 5, None)
    ticks = BridgeTicks(progress, maker(), 1.0, Clock())
    ticks.send_when_due(producer)
    assert str(ticks.failure) == "refused"
    assert ticks.take_confirmed() is None
    producer.close()
