"""The operator's Kafka, as settings name it."""

from pathlib import Path

import pytest

from pipeline.cluster import kafka_options, topic_plan
from pipeline.settings import SettingsError, load_settings


def test_the_brokers_must_be_named() -> None:
    with pytest.raises(SettingsError, match="CHARGELINE_KAFKA_BROKERS must be set"):
        kafka_options(load_settings({}))


def test_the_file_stands_beside_them_and_is_read_each_time(tmp_path: Path) -> None:
    file = tmp_path / "kafka.properties"
    settings = load_settings({"CHARGELINE_KAFKA_BROKERS": "a:1,b:2", "CHARGELINE_KAFKA_CONFIG_FILE": str(file)})
    with pytest.raises(SettingsError, match="must name a file you can read"):
        kafka_options(settings)
    file.write_text("client.id=x")
    assert kafka_options(settings)["client.id"] == "x"
    assert kafka_options(settings)["bootstrap.servers"] == "a:1,b:2"


def test_the_plan_of_topics_is_that_of_the_settings() -> None:
    environment = {"CHARGELINE_KAFKA_REPLICATION": "5", "CHARGELINE_KAFKA_RETENTION": "1h"}
    assert topic_plan(load_settings(environment)) == (12, 5, 3_600 * 10**9, None)
    assert topic_plan(load_settings({**environment, "CHARGELINE_KAFKA_MIN_IN_SYNC": "3"})).in_sync == 3


def test_a_file_that_may_hold_passwords_and_is_open_to_others_is_warned_of(tmp_path: Path) -> None:
    file = tmp_path / "kafka.properties"
    file.touch(0o644)
    (warning,) = load_settings({"CHARGELINE_KAFKA_CONFIG_FILE": str(file)}).warnings
    assert warning.startswith(f"{file} holds options of Kafka, which may be passwords")
    file.chmod(0o600)
    assert load_settings({"CHARGELINE_KAFKA_CONFIG_FILE": str(file)}).warnings == ()
