"""`chargeline topics` as a user runs it."""

import json
import sys

import pytest

from pipeline.cli import FAILED, run_program
from schemas.stream import Topic
from tests.services.kafka import Kafka


@pytest.mark.services
def test_topics_are_made_and_a_second_time_left(
    kafka: Kafka, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CHARGELINE_KAFKA_BROKERS", kafka.brokers)
    monkeypatch.setenv("CHARGELINE_KAFKA_REPLICATION", "1")
    assert run_program(["topics", "create"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [[topic, "created"] for topic in Topic]
    assert run_program(["topics", "create", "--json"]) == 0
    assert {report["did"] for report in json.loads(capsys.readouterr().out)} == {"kept"}

    monkeypatch.setenv("CHARGELINE_KAFKA_PARTITIONS", "13")
    assert run_program(["topics", "create"]) == FAILED
    assert capsys.readouterr().err.count("has 12 partitions, and CHARGELINE_KAFKA_PARTITIONS is 13") == len(Topic)


def test_without_brokers_it_is_a_fault_of_the_settings(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_program(["topics", "create"]) == 2
    assert "CHARGELINE_KAFKA_BROKERS must be set" in capsys.readouterr().err


def test_without_the_client_library_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CHARGELINE_KAFKA_BROKERS", "127.0.0.1:1")
    for name in ("confluent_kafka", "pipeline.wires.kafka_topics", "pipeline.wires.kafka_fault"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    assert run_program(["topics", "create"]) == FAILED
    assert "pip install 'chargeline[kafka]'" in capsys.readouterr().err
