"""Topics on a real Kafka: made once, kept right, never given another number of partitions."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource
from confluent_kafka.admin._resource import ResourceType

from pipeline.wires.kafka_fault import KafkaUnavailableError
from pipeline.wires.kafka_options import client_options
from pipeline.wires.kafka_topics import (
    Did,
    TopicKeeper,
    TopicLook,
    TopicPlan,
    TopicsRefusedError,
    refuse_other_partitions,
)
from schemas.stream import Topic
from tests.services.kafka import Kafka

DAY = 86_400 * 10**9
PLAN = TopicPlan(partitions=3, replication=1, retention_ns=DAY)


def options(kafka: Kafka) -> Mapping[str, str]:
    host, _, port = kafka.brokers.rpartition(":")
    return client_options([(host, int(port))])


def settings_of(kafka: Kafka, topic: str) -> Mapping[str, str | None]:
    admin = AdminClient({"bootstrap.servers": kafka.brokers, "log_level": 0})
    (answer,) = admin.describe_configs([ConfigResource(ResourceType.TOPIC, topic)]).values()
    return {name: entry.value for name, entry in answer.result(20).items()}


@contextmanager
def default_of(kafka: Kafka, name: str, value: str) -> Iterator[None]:
    """For as long as this lasts, every topic of the cluster without this setting has this value."""
    set_default(kafka, ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET))
    try:
        yield
    finally:
        set_default(kafka, ConfigEntry(name, None, incremental_operation=AlterConfigOpType.DELETE))


def set_default(kafka: Kafka, entry: ConfigEntry) -> None:
    admin = AdminClient({"bootstrap.servers": kafka.brokers, "log_level": 0})
    (broker,) = admin.list_topics(timeout=20).brokers
    resource = ConfigResource(ResourceType.BROKER, str(broker), incremental_configs=[entry])
    (answer,) = admin.incremental_alter_configs([resource]).values()
    answer.result(20)


@pytest.mark.services
def test_topics_are_made_once_and_then_left_alone(kafka: Kafka) -> None:
    keeper = TopicKeeper(options(kafka))
    assert keeper.partitions() == {}
    made = keeper.create(PLAN)
    assert [(report.topic, report.did) for report in made] == [(topic, Did.CREATED) for topic in Topic]
    assert kafka.topics() == keeper.partitions() == dict.fromkeys(Topic, 3)
    again = keeper.create(PLAN)
    assert {(report.did, report.words) for report in again} == {(Did.KEPT, "as it should be")}


@pytest.mark.services
def test_settings_are_those_of_the_plan_and_follow_it(kafka: Kafka) -> None:
    keeper = TopicKeeper(options(kafka))
    keeper.create(PLAN)
    found = settings_of(kafka, Topic.TRACK.value)
    wanted = {"retention.ms": "86400000", "min.insync.replicas": "1", "unclean.leader.election.enable": "false"}
    assert {name: found[name] for name in wanted} == wanted
    assert found["cleanup.policy"] == "delete"
    assert settings_of(kafka, Topic.STATE.value)["cleanup.policy"] == "compact"
    assert {settings_of(kafka, topic.value)["message.timestamp.type"] for topic in Topic} == {"LogAppendTime"}
    changed = keeper.create(PLAN._replace(retention_ns=2 * DAY))
    assert [report.topic for report in changed if report.did is not Did.CHANGED] == [Topic.STATE]
    assert changed[0].words == "retention.ms 86400000 -> 172800000"
    # The broker hears of it from its controller, a moment later.
    assert any(settings_of(kafka, Topic.DERIVED.value)["retention.ms"] == "172800000" for _ in range(1_000))


@pytest.mark.services
def test_a_limit_that_is_the_clusters_default_is_none_of_ours(kafka: Kafka) -> None:
    keeper = TopicKeeper(options(kafka))
    keeper.create(PLAN, [Topic.STATE.value])
    with default_of(kafka, "log.retention.bytes", "1048576"):
        # What is compacted has no such limit, and shows the default; which is in force a moment later.
        assert any(settings_of(kafka, Topic.STATE.value)["retention.bytes"] == "1048576" for _ in range(1_000))
        keeper.create(PLAN)
        assert {settings_of(kafka, topic.value)["retention.bytes"] for topic in set(Topic) - {Topic.STATE}} == {"-1"}
        assert not any(look.differing for look in keeper.look(PLAN).values())


@pytest.mark.services
def test_another_number_of_partitions_is_refused_and_nothing_is_done(kafka: Kafka) -> None:
    keeper = TopicKeeper(options(kafka))
    keeper.create(PLAN, [Topic.TRACK.value])
    with pytest.raises(TopicsRefusedError, match=r"chargeline\.track has 3 partitions, .* set it to 3"):
        keeper.create(PLAN._replace(partitions=4))
    assert kafka.topics() == {Topic.TRACK: 3}


@pytest.mark.services
def test_more_copies_than_brokers_are_refused_before_anything_is_made(kafka: Kafka) -> None:
    with pytest.raises(
        TopicsRefusedError, match=r"1 broker, too few for 3 copies .* CHARGELINE_KAFKA_REPLICATION to 1"
    ):
        TopicKeeper(options(kafka)).create(PLAN._replace(replication=3))
    assert kafka.topics() == {}


@pytest.mark.services
def test_other_copies_of_a_topic_that_is_there_are_told_of_and_left(kafka: Kafka) -> None:
    keeper = TopicKeeper(options(kafka))
    keeper.create(PLAN)
    reports = keeper.create(PLAN._replace(replication=2))
    assert all("it has 1 copies, and CHARGELINE_KAFKA_REPLICATION is 2" in report.words for report in reports)
    assert all("min.insync.replicas 1 -> 2" in report.words for report in reports)
    assert all("until then nothing can be written, for 2 must have a record" in report.words for report in reports)
    kept = keeper.create(PLAN._replace(replication=2, min_in_sync=1))
    assert not any("nothing can be written" in report.words for report in kept)


@pytest.mark.services
def test_a_login_is_made_and_a_wrong_password_told(kafka: Kafka) -> None:
    login = {
        **options(kafka),
        "bootstrap.servers": kafka.sasl_brokers,
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "PLAIN",
        "sasl.username": kafka.user,
    }
    assert TopicKeeper({**login, "sasl.password": kafka.password}).create(PLAN, ["one"])[0].did is Did.CREATED
    with pytest.raises(KafkaUnavailableError, match="see user, password and mechanism") as caught:
        TopicKeeper({**login, "sasl.password": "wrong"}, answer_s=3).create(PLAN, ["one"])
    assert caught.value.needs_operator


def test_options_that_the_library_does_not_take_are_told_without_their_values() -> None:
    with pytest.raises(KafkaUnavailableError) as caught:
        TopicKeeper({**client_options([("127.0.0.1", 1)]), "security.protocol": "hunter2"})
    assert caught.value.needs_operator
    assert "security.protocol" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_all_but_one_copy_must_have_a_record_and_two_at_least() -> None:
    assert [TopicPlan(1, copies, 1).in_sync for copies in (1, 2, 3, 5)] == [1, 2, 2, 4]
    assert TopicPlan(1, 3, 1, 1).in_sync == 1


def test_every_topic_with_another_number_is_named() -> None:
    with pytest.raises(TopicsRefusedError) as caught:
        refuse_other_partitions({"a": 3, "b": 12, "c": 6}, 12)
    assert len(caught.value.faults) == 2


@pytest.mark.services
def test_topics_are_looked_at_beside_a_plan_and_left_as_they_are(kafka: Kafka) -> None:
    keeper = TopicKeeper(options(kafka))
    assert keeper.brokers() == 1
    assert keeper.look(PLAN) == {}
    keeper.create(PLAN)
    assert list(keeper.look(PLAN).values()) == [TopicLook(3, 1, {})] * len(Topic)
    other = keeper.look(PLAN._replace(retention_ns=2 * DAY, replication=3))
    assert other[Topic.TRACK].differing == {
        "retention.ms": ("86400000", "172800000"),
        "min.insync.replicas": ("1", "2"),
    }
    assert other[Topic.STATE].differing == {"min.insync.replicas": ("1", "2")}
    assert not any(look.differing for look in keeper.look(PLAN).values())
