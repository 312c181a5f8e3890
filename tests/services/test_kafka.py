"""The tests' own Kafka: records read back exactly, faults on demand, and nothing left behind."""

import secrets
from collections.abc import Callable

import pytest
from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from tests.services.kafka import Kafka, Stored
from tests.services.process import ServiceError

pytestmark = pytest.mark.services


def make_topic(kafka: Kafka, partitions: int = 2) -> str:
    name = f"topic-{secrets.token_hex(6)}"
    admin = AdminClient({"bootstrap.servers": kafka.brokers, "log_level": 0})
    admin.create_topics([NewTopic(name, partitions, 1)])[name].result(20)
    for _ in range(1_000):
        # The broker hears of it from its controller, a moment later.
        if name in kafka.topics():
            return name
    raise AssertionError(f"{name} is not listed")


def produce(kafka: Kafka, topic: str, partition: int, *values: bytes) -> None:
    producer = Producer({"bootstrap.servers": kafka.brokers, "acks": "all", "log_level": 0})
    for value in values:
        producer.produce(topic, value, b"key", partition)
    assert producer.flush(20) == 0


def test_what_was_produced_is_read_back_by_partition_in_order(kafka: Kafka) -> None:
    topic = make_topic(kafka)
    assert kafka.topics()[topic] == 2
    assert kafka.read(topic) == []
    produce(kafka, topic, 1, b"first", b"second")
    assert kafka.read(topic) == [Stored(1, 0, b"key", b"first"), Stored(1, 1, b"key", b"second")]
    kafka.delete_topics([topic])
    assert topic not in kafka.topics()


@pytest.mark.parametrize("end", [Kafka.stop, Kafka.kill])
def test_records_outlive_the_node(kafka: Kafka, end: Callable[[Kafka], None]) -> None:
    topic = make_topic(kafka)
    produce(kafka, topic, 0, b"kept")
    end(kafka)
    with pytest.raises(KafkaException):
        AdminClient({"bootstrap.servers": kafka.brokers, "log_level": 0}).list_topics(timeout=1)
    kafka.start()
    assert [one.value for one in kafka.read(topic)] == [b"kept"]


@pytest.mark.parametrize("fault", [Kafka.pause, Kafka.kill])
def test_a_node_that_a_test_left_away_is_back_for_the_next(kafka: Kafka, fault: Callable[[Kafka], None]) -> None:
    fault(kafka)
    kafka.settle()
    assert kafka.topics() is not None


@pytest.mark.parametrize(("password", "is_let_in"), [(None, True), ("wrong", False)])
def test_the_second_address_asks_for_a_password(kafka: Kafka, password: str | None, is_let_in: bool) -> None:
    client = AdminClient(
        {
            "bootstrap.servers": kafka.sasl_brokers,
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "PLAIN",
            "sasl.username": kafka.user,
            "sasl.password": kafka.password if password is None else password,
            "log_level": 0,
        }
    )
    try:
        found = bool(client.list_topics(timeout=5).brokers)
    except KafkaException:
        found = False
    assert found == is_let_in


def test_a_missing_kafka_is_a_failure_in_words(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path_factory.mktemp("kafka")
    monkeypatch.setenv("CHARGELINE_TEST_KAFKA_JARS", str(folder / "none"))
    with pytest.raises(ServiceError, match="make services"):
        Kafka(folder)
