"""The runbook in the README: every alert, hold and exit code of the program has its line, and nothing else has."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from confluent_kafka import KafkaError

from pipeline.cli import check, run_program
from pipeline.wires.influx import HOLD_STEPS
from pipeline.wires.kafka_fault import NEXT_STEP as NEXT_KAFKA_STEP
from pipeline.wires.sqlite_fault import NEXT_STEP
from schemas.alert import AlertKind

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
PASSING = {"SQLITE_BUSY"}
"""Faults that end by themselves: nobody holds for them."""


def lines(table: str) -> dict[str, list[str]]:
    """The rows of a table of the runbook: first cell to the others."""
    (found,) = re.findall(rf"<!-- {table} -->\n(.*?)<!-- /{table} -->", README, re.DOTALL)
    _, _, *rows = found.splitlines()
    cells = [[cell.strip().strip("`") for cell in row.strip("|").split("|")] for row in rows]
    return {first: rest for first, *rest in cells}


def test_every_alert() -> None:
    assert lines("runbook-alerts").keys() == {kind.value for kind in AlertKind}


def test_every_hold() -> None:
    known = {str(status) for status in HOLD_STEPS} | (NEXT_STEP.keys() - PASSING)
    assert lines("runbook-holds").keys() == known | {"what stands between", "schema version", "rejects"}


def test_every_trouble_with_kafka_is_found_by_its_words() -> None:
    """What Kafka's library says of each fault we know, and what roles say themselves."""
    known = [KafkaError(getattr(KafkaError, name)).str() for name in NEXT_KAFKA_STEP]
    sources = [path.read_text("utf-8") for path in (ROOT / "pipeline").rglob("*.py")]
    table = lines("runbook-kafka")
    assert [words for words in known if not any(key in words for key in table)] == []
    unknown = [key for key in table if not any(key in words for words in (*known, *sources))]
    assert unknown == []


def test_every_exit_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    seen = {
        run_program(["--version"]),
        run_program(["rollup", "--from", "2024-01-01", "--to", "2024-01-02"]),
        run_program(["rollup"]),
        CliRunner().invoke(check.command, [], env={"CHARGELINE_AMQP_URL": "amqp://u:p@127.0.0.1:1/v"}).exit_code,
        130,
    }
    assert lines("runbook-exits").keys() == {str(code) for code in seen}


@pytest.mark.parametrize("table", ["runbook-alerts", "runbook-holds", "runbook-kafka", "runbook-exits"])
def test_no_cell_is_empty(table: str) -> None:
    assert all(all(cells) for cells in lines(table).values())
