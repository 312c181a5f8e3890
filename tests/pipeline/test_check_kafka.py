"""The check of Kafka, at a real one: what is wrong is named with the next step, and nothing hangs."""

from collections.abc import Callable, Mapping
from pathlib import Path
from socket import create_server

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource
from confluent_kafka.admin._resource import ResourceType

from pipeline.check_kafka import judge_settings, look_at_following, look_at_kafka, look_at_topics
from pipeline.check_step import Ground, Look, Result
from pipeline.wires.kafka_topics import TopicLook, TopicPlan
from schemas.stream import Topic
from tests.pipeline.scale.bridging import PARTITIONS, make_topics
from tests.pipeline.settings_for_tests import settings_in
from tests.services.kafka import Kafka
from tests.services.process import LOOPBACK, free_ports

PLAN = {"KAFKA_PARTITIONS": str(PARTITIONS), "KAFKA_REPLICATION": "1", "KAFKA_RETENTION": "1d"}


def look(step: Callable[[Ground], Look], folder: Path, /, **given: str) -> Look:
    return step(Ground(settings_in(folder, **given), lambda: 0))


def change(kafka: Kafka, topic: Topic, name: str, value: str) -> None:
    """Somebody changes a setting of a topic."""
    entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topic.value, incremental_configs=[entry])
    admin = AdminClient({"bootstrap.servers": kafka.brokers, "log_level": 0})
    for answer in admin.incremental_alter_configs([resource]).values():
        answer.result(20)


def look_at_changed(kafka: Kafka, folder: Path, plan: Mapping[str, str], shows: Callable[[str], bool]) -> Look:
    """What is found of the topics: the broker hears of a change from its controller, a moment later."""
    for _ in range(1_000):
        found = look(look_at_topics, folder, KAFKA_BROKERS=kafka.brokers, **plan)
        if shows(found.found):
            break
    return found


def login(kafka: Kafka, folder: Path, password: str) -> dict[str, str]:
    """Settings of a client that logs in."""
    file = folder / "kafka.conf"
    file.write_text(
        f"security.protocol=sasl_plaintext\nsasl.mechanism=PLAIN\nsasl.username={kafka.user}\n"
        f"sasl.password={password}\n"
    )
    file.chmod(0o600)
    return {"KAFKA_BROKERS": kafka.sasl_brokers, "KAFKA_CONFIG_FILE": str(file)}


def test_without_brokers_nothing_is_asked(tmp_path: Path) -> None:
    found = look(look_at_kafka, tmp_path)
    assert found.result is Result.FAILED
    assert "CHARGELINE_KAFKA_BROKERS must be set" in found.found
    assert found.todo


def test_an_option_that_is_not_allowed_is_named(tmp_path: Path) -> None:
    (tmp_path / "conf").write_text("acks=0\n")
    found = look(look_at_kafka, tmp_path, KAFKA_BROKERS="127.0.0.1:1", KAFKA_CONFIG_FILE=str(tmp_path / "conf"))
    assert found.result is Result.FAILED
    assert "acks" in found.found
    assert "leave it out" in found.todo


def test_a_kafka_that_is_away_is_named_with_what_to_see_to(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    found = look(look_at_kafka, tmp_path, KAFKA_BROKERS=f"{LOOPBACK}:{port}")
    assert found.result is Result.FAILED
    assert found.tried == f"Kafka {LOOPBACK}:{port}"
    assert "Connection refused" in found.found
    assert found.todo == "see that Kafka runs, and CHARGELINE_KAFKA_BROKERS"


def test_one_that_never_answers_is_not_waited_for(tmp_path: Path) -> None:
    with create_server((LOOPBACK, 0)) as silent:
        found = look(look_at_kafka, tmp_path, KAFKA_BROKERS=f"{LOOPBACK}:{silent.getsockname()[1]}")
    assert found.result is Result.FAILED
    assert found.todo


@pytest.mark.services
def test_a_kafka_that_answers(kafka: Kafka, tmp_path: Path) -> None:
    found = look(look_at_kafka, tmp_path, KAFKA_BROKERS=kafka.brokers)
    assert found.result is Result.WARNING
    assert found.found == "answers, 1 broker, without TLS"
    assert "security.protocol" in found.todo


@pytest.mark.services
def test_it_says_who_is_let_in_and_who_is_not_and_shows_no_password(kafka: Kafka, tmp_path: Path) -> None:
    found = look(look_at_kafka, tmp_path, **login(kafka, tmp_path, kafka.password))
    assert found.found == f"answers, 1 broker, and lets {kafka.user} in, without TLS"
    wrong = look(look_at_kafka, tmp_path, **login(kafka, tmp_path, "hidden-word"))
    assert wrong.result is Result.FAILED
    assert "see user, password and mechanism in CHARGELINE_KAFKA_CONFIG_FILE" in wrong.todo
    assert "hidden-word" not in str(wrong)


@pytest.mark.services
def test_topics_as_they_should_be(kafka: Kafka, tmp_path: Path) -> None:
    make_topics(kafka)
    found = look(look_at_topics, tmp_path, KAFKA_BROKERS=kafka.brokers, **PLAN)
    assert found.found == f"all {len(Topic)}, {PARTITIONS} partitions each, 1 copy"
    assert found.result is Result.WARNING
    assert "three copies" in found.todo


@pytest.mark.services
def test_topics_that_are_missing_or_of_another_number_of_partitions(kafka: Kafka, tmp_path: Path) -> None:
    found = look(look_at_topics, tmp_path, KAFKA_BROKERS=kafka.brokers, **PLAN)
    assert found == (
        Result.FAILED,
        "topics",
        f"Kafka has no {', '.join(Topic)}",
        "make them: chargeline topics create",
    )
    make_topics(kafka)
    found = look(look_at_topics, tmp_path, KAFKA_BROKERS=kafka.brokers, **{**PLAN, "KAFKA_PARTITIONS": "5"})
    assert found.result is Result.FAILED
    assert "topic chargeline.track has 3 partitions, and CHARGELINE_KAFKA_PARTITIONS is 5" in found.found
    assert "set it to 3" in found.todo


@pytest.mark.services
def test_fewer_copies_than_planned_are_told(kafka: Kafka, tmp_path: Path) -> None:
    make_topics(kafka)
    plan = {**PLAN, "KAFKA_REPLICATION": "3", "KAFKA_MIN_IN_SYNC": "1"}
    found = look(look_at_topics, tmp_path, KAFKA_BROKERS=kafka.brokers, **plan)
    assert found.result is Result.WARNING
    assert found.found.endswith("1 copy")
    assert "CHARGELINE_KAFKA_REPLICATION is 3" in found.todo
    plan = {**PLAN, "KAFKA_REPLICATION": "3"}
    found = look(look_at_topics, tmp_path, KAFKA_BROKERS=kafka.brokers, **plan)
    assert found.result is Result.FAILED
    assert "chargeline.track: min.insync.replicas is 1, and should be 2" in found.found
    assert "add copies with kafka-reassign-partitions, or change the setting; then chargeline topics" in found.todo
    for topic in Topic:
        change(kafka, topic, "min.insync.replicas", "2")
    found = look_at_changed(kafka, tmp_path, plan, lambda words: "min.insync.replicas" not in words)
    assert found.result is Result.FAILED
    assert found.found.endswith("1 copy, and 2 must have a record: none can be written")
    assert "CHARGELINE_KAFKA_REPLICATION is 3" in found.todo


@pytest.mark.parametrize(
    ("copies", "in_sync", "weakness"),
    [
        (1, 1, "takes records with it: for more than a trial, three brokers"),
        (2, 2, "messages wait, and none is lost"),
        (2, 1, "can take records with it that no other had: set CHARGELINE_KAFKA_MIN_IN_SYNC to 2"),
        (3, 1, "can take records with it that no other had"),
        (3, 2, ""),
        (3, 3, "messages wait, and none is lost"),
        (5, 4, ""),
    ],
)
def test_it_is_said_what_so_many_copies_do_not_withstand(copies: int, in_sync: int, weakness: str) -> None:
    plan = TopicPlan(3, copies, 1, in_sync)
    found = judge_settings({Topic.TRACK: TopicLook(3, copies, {})}, plan)
    assert found.result is (Result.WARNING if weakness else Result.OK)
    assert weakness in found.todo
    assert bool(found.todo) == bool(weakness)
    assert copies == 1 or f"of which {in_sync} must have a record" in found.found


@pytest.mark.services
@pytest.mark.parametrize(
    ("topic", "name", "value", "result"),
    [
        (Topic.STATE, "cleanup.policy", "delete", Result.FAILED),
        (Topic.DERIVED, "unclean.leader.election.enable", "true", Result.FAILED),
        (Topic.OBSERVATIONS, "retention.bytes", "1048576", Result.FAILED),
        (Topic.STATE, "message.timestamp.type", "CreateTime", Result.WARNING),
        (Topic.TRACK, "retention.ms", "1000", Result.WARNING),
    ],
)
def test_a_setting_that_somebody_changed_is_named(
    kafka: Kafka, tmp_path: Path, topic: Topic, name: str, value: str, result: Result
) -> None:
    make_topics(kafka)
    change(kafka, topic, name, value)
    found = look_at_changed(kafka, tmp_path, PLAN, lambda words: name in words)
    assert found.result is result
    assert f"{topic}: {name} is {value}, and should be" in found.found
    assert "chargeline topics create" in found.todo


def test_the_login_of_track_is_judged_without_asking_anybody(tmp_path: Path) -> None:
    assert look(look_at_following, tmp_path, KAFKA_BROKERS="127.0.0.1:1").found == "needs none"
    file = tmp_path / "conf"
    file.write_text("security.protocol=sasl_ssl\nsasl.mechanism=OAUTHBEARER\n")
    file.chmod(0o600)
    found = look(look_at_following, tmp_path, KAFKA_BROKERS="127.0.0.1:1", KAFKA_CONFIG_FILE=str(file))
    assert found.result is Result.FAILED
    assert "sasl.mechanism is none of PLAIN" in found.found
    file.write_text("security.protocol=sasl_ssl\nsasl.mechanism=PLAIN\nsasl.username=u\nsasl.password=p\n")
    found = look(look_at_following, tmp_path, KAFKA_BROKERS="127.0.0.1:1", KAFKA_CONFIG_FILE=str(file))
    assert found == (Result.OK, "login of track", "can be as CHARGELINE_KAFKA_CONFIG_FILE has it", "")
