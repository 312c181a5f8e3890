"""Kafka as a role finds it: what keeps it from beginning is said with the next step."""

import pytest

from pipeline.scale.kafka_ready import ready_options
from pipeline.settings import Settings, load_settings
from pipeline.wires.kafka_fault import KafkaUnavailableError
from pipeline.wires.kafka_topics import TOPICS
from tests.pipeline.scale.bridging import PARTITIONS, make_topics
from tests.services.kafka import Kafka
from tests.services.process import LOOPBACK, free_ports


def settings(brokers: str, partitions: int = PARTITIONS) -> Settings:
    return load_settings({"CHARGELINE_KAFKA_BROKERS": brokers, "CHARGELINE_KAFKA_PARTITIONS": str(partitions)})


@pytest.mark.services
def test_topics_as_they_must_be_give_the_options_of_every_client(kafka: Kafka) -> None:
    make_topics(kafka)
    assert ready_options(settings(kafka.brokers))["bootstrap.servers"] == kafka.brokers


@pytest.mark.services
def test_topics_that_are_missing_or_of_another_number_of_partitions_need_the_operator(kafka: Kafka) -> None:
    with pytest.raises(KafkaUnavailableError, match="make the topics: chargeline topics create") as caught:
        ready_options(settings(kafka.brokers))
    assert caught.value.needs_operator
    make_topics(kafka)
    with pytest.raises(KafkaUnavailableError, match="has 3 partitions, and CHARGELINE_KAFKA_PARTITIONS is 4") as caught:
        ready_options(settings(kafka.brokers, 4))
    assert caught.value.needs_operator
    kafka.delete_topics([TOPICS[0]])
    with pytest.raises(KafkaUnavailableError, match=f"no topic {TOPICS[0]};"):
        ready_options(settings(kafka.brokers))


def test_a_kafka_that_is_away_is_named_with_what_to_see_to() -> None:
    (port,) = free_ports(1)
    with pytest.raises(KafkaUnavailableError, match="see that Kafka runs, and CHARGELINE_KAFKA_BROKERS") as caught:
        ready_options(settings(f"{LOOPBACK}:{port}"))
    assert not caught.value.needs_operator
