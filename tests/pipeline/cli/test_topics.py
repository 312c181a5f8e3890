"""`chargeline topics` as a user runs it."""

import json
import sys
from pathlib import Path

import pytest

from pipeline.cli import FAILED, run_program
from schemas.stream import Topic
from tests.pipeline.state_samples import DEVICES, stopped_worker
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


@pytest.mark.services
def test_a_workers_state_is_brought_and_told_of(
    kafka: Kafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CHARGELINE_KAFKA_BROKERS", kafka.brokers)
    monkeypatch.setenv("CHARGELINE_KAFKA_REPLICATION", "1")
    worker = stopped_worker(tmp_path / "worker")
    assert run_program(["topics", "import", str(worker)]) == FAILED
    assert "make the topics: chargeline topics create" in capsys.readouterr().err
    assert run_program(["topics", "create"]) == 0
    capsys.readouterr()
    assert run_program(["topics", "import", str(worker)]) == 0
    told = capsys.readouterr().out
    assert (
        f"entries of {len(DEVICES)} devices to 12 partitions, as everything was known up to 2025-06-15T15:06:36Z."
        in told
    )
    assert "1 reject stays in" in told
    assert "Raised in the store, and cleared by nobody any more: holding." in told
    assert run_program(["topics", "import", str(worker)]) == FAILED
    assert "--replace" in capsys.readouterr().err
    assert run_program(["topics", "import", str(worker), "--replace", "--json"]) == 0
    entry = json.loads(capsys.readouterr().out)
    assert entry["devices"] == len(DEVICES)
    assert entry["dropped"] == entry["entries"]
    assert entry["watermark"].startswith("2025-06-15T15:06:36.9")


def test_a_folder_that_is_not_there_is_a_wrong_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_program(["topics", "import", str(tmp_path / "nowhere")]) == 2
    assert "does not exist" in capsys.readouterr().err
    assert run_program(["topics", "import", str(tmp_path)]) == 2
    assert "CHARGELINE_KAFKA_BROKERS must be set" in capsys.readouterr().err
