"""Groups at a real Kafka: who is in one, and that one is forgotten."""

import pytest
from confluent_kafka import Consumer, TopicPartition

from pipeline.wires.kafka_fault import KafkaUnavailableError
from pipeline.wires.kafka_groups import KafkaGroups
from schemas.stream import Topic
from tests.pipeline.scale.bridging import make_topics, options
from tests.services.kafka import Kafka

pytestmark = pytest.mark.services
GROUP = "of-a-test"


def test_members_are_counted_and_a_group_is_forgotten_once_nobody_is_in_it(kafka: Kafka) -> None:
    make_topics(kafka)
    groups = KafkaGroups(options(kafka))
    assert groups.members(GROUP) == 0
    groups.forget(GROUP)
    place = TopicPartition(Topic.TRACK.value, 0, 5)
    chosen = {"bootstrap.servers": kafka.brokers, "group.id": GROUP, "log_level": 0, "enable.auto.commit": False}
    consumer = Consumer(chosen)
    consumer.subscribe([Topic.TRACK.value])
    while not consumer.assignment():
        consumer.poll(0.1)
    consumer.commit(offsets=[place], asynchronous=False)
    assert groups.members(GROUP) == 1
    with pytest.raises(KafkaUnavailableError, match=f"group {GROUP}: "):
        groups.forget(GROUP)
    consumer.close()
    assert groups.members(GROUP) == 0
    groups.forget(GROUP)
    asking = Consumer(chosen)
    (found,) = asking.committed([place], 20)
    asking.close()
    assert found.offset < 0
