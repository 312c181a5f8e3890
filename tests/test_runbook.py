"""The runbook in the README: every alert, hold and exit code of the program has its line, and nothing else has.

Which holds there are is read from the source of the program, not from the tables of its words: whatever says
`needs_operator` is a place that holds, and what its message says is looked for in the runbook.
"""

import ast
import re
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import click
import pytest
from click.testing import CliRunner
from confluent_kafka import KafkaError

from pipeline.cli import check, run_program
from pipeline.core.verdict import ACTIONS, Action
from pipeline.wires.kafka_fault import NEXT_STEP as NEXT_KAFKA_STEP
from pipeline.wires.sqlite_fault import NEXT_STEP, explain_fault, needs_operator
from schemas.alert import AlertKind
from tests.dashboards.boards import read_rules
from tests.dashboards.nodes import text
from tests.holding_places import calls, holds

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
SOURCES = {str(path.relative_to(ROOT)): path.read_text("utf-8") for path in sorted((ROOT / "pipeline").rglob("*.py"))}

ENDS = "not while anything is consumed: it ends a start or a command, with exit code 1"
LIBRARY = "Kafka's library says it: test_every_trouble_with_kafka_is_found_by_its_words"
SAID_ELSEWHERE: Mapping[str, str] = MappingProxyType(
    {
        "pipeline/scale/kafka_ready.py ready_options": "test_every_fault_of_the_file_for_kafka",
        "pipeline/wires/fleet_file.py SitedStore.__init__": ENDS,
        "pipeline/wires/influx_query.py InfluxQuery._read": ENDS,
        "pipeline/wires/influx_query.py _series": ENDS,
        "pipeline/wires/kafka_consumer.py KafkaConsumer.commit": LIBRARY,
        "pipeline/wires/kafka_fault.py as_unavailable": LIBRARY,
        "pipeline/wires/kafka_groups.py KafkaGroups._is_known": LIBRARY,
        "pipeline/wires/kafka_groups.py KafkaGroups._wait": LIBRARY,
        "pipeline/wires/kafka_topics.py TopicKeeper._wait": LIBRARY,
        "pipeline/wires/sqlite_file.py faults_explained": "test_every_fault_of_sqlite",
        "pipeline/wires/sqlite_file.py open_to_read": ENDS,
    }
)
"""Places that hold with words which no line of the runbook has, each once, and what accounts for them."""
FAULTS_OF_KAFKA_OPTIONS = {
    ("pipeline/wires/kafka_options.py", "KafkaOptionsError"),
    ("pipeline/wires/kafka_options.py", "append"),
    ("pipeline/wires/kafka_topics.py refuse_other_partitions", "TopicsRefusedError"),
}
"""Where what `ready_options` passes on is said: a file or a function of it, and what is called there."""


def lines(table: str) -> dict[str, list[str]]:
    """The rows of a table of the runbook: each name in the first cell, or that cell, to the other cells."""
    (found,) = re.findall(rf"<!-- {table} -->\n(.*?)<!-- /{table} -->", README, re.DOTALL)
    _, _, *rows = found.splitlines()
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    return {key: rest for first, *rest in cells for key in re.findall("`(.+?)`", first) or [first]}


STATUSES = {str(status) for status, action in ACTIONS.items() if action is Action.HOLD}
OF_SQLITE = {key.strip("…") for key in lines("runbook-holds") if "SQLITE_" in key or "…" in key}
SAID = {key for key in (*lines("runbook-holds"), *lines("runbook-kafka")) if "…" not in key} - STATUSES - OF_SQLITE


def without_line(sources: Mapping[str, str]) -> Counter[str]:
    """Places with a message of which no line has words, as often as there is one."""
    return Counter(where for where, words in holds(sources) if not any(key in words for key in SAID))


def test_every_alert() -> None:
    rules = {text(rule.content, "title") for rule in read_rules()}
    assert lines("runbook-alerts").keys() == {kind.value for kind in AlertKind} | rules


def test_every_hold() -> None:
    assert without_line(SOURCES) == Counter(SAID_ELSEWHERE.keys())
    said = [words for _, words in holds(SOURCES)]
    own = lines("runbook-holds").keys() & SAID
    assert [key for key in own if not any(key in words for words in said)] == []
    assert lines("runbook-holds").keys() >= STATUSES


@pytest.mark.parametrize(
    "made_up",
    [
        "def wait():\n    raise StoreUnavailableError('the moon is full', needs_operator=True)",
        "def wait():\n    message = 'schema version'\n    message = 'full'\n    raise An(message, needs_operator=True)",
        "def wait(fault):\n    raise KafkaUnavailableError(str(fault), needs_operator=is_bad(fault))",
        "def _made(words: str):\n    return An(words, needs_operator=True)\ndef wait():\n    raise _made('the moon')",
        """class Full(An):\n    def __init__(self, it: str):\n        super().__init__(it, needs_operator=True)
def wait():\n    raise Full('the moon is full')""",
        "def wait(meters):\n    meters.trouble('the moon is full', is_holding=True)",
    ],
)
def test_a_hold_without_a_line_is_seen(made_up: str) -> None:
    assert without_line({"moon.py": made_up}) == {"moon.py wait": 1}


def sqlite_fault(name: str) -> sqlite3.Error:
    fault = sqlite3.OperationalError("it is so")
    fault.sqlite_errorname = name
    return fault


def test_every_fault_of_sqlite() -> None:
    """Of every name that the library has, which are more than its faults, and of an error without one."""
    names = [name for name in vars(sqlite3) if name.startswith("SQLITE_")]
    faults = [*map(sqlite_fault, names), sqlite3.ProgrammingError("it is closed")]
    told = [explain_fault(Path("file"), fault) for fault in faults if needs_operator(fault)]
    assert [words for words in told if not any(key in words for key in OF_SQLITE)] == []
    own = OF_SQLITE & set(names)
    assert own >= {name for name in NEXT_STEP if needs_operator(sqlite_fault(name))}
    assert [name for name in own if not needs_operator(sqlite_fault(name))] == []


def test_every_fault_of_the_file_for_kafka() -> None:
    """It is read while a role begins with Kafka, and what is a fault of the settings at a start is a hold then."""
    of_both = [(call, {(call.file, call.name), (call.where, call.name)}) for call in calls(SOURCES)]
    found = [call for call, names in of_both if names & FAULTS_OF_KAFKA_OPTIONS]
    said = [words for call in found for words in call.messages() if words]
    assert len(said) > len(FAULTS_OF_KAFKA_OPTIONS)
    assert [words for words in said if not any(key in words for key in lines("runbook-kafka"))] == []


def test_every_trouble_with_kafka_is_found_by_its_words() -> None:
    """What Kafka's library says of each fault we know, and what roles say themselves."""
    known = [KafkaError(getattr(KafkaError, name)).str() for name in NEXT_KAFKA_STEP]
    table = lines("runbook-kafka")
    assert [words for words in known if not any(key in words for key in table)] == []
    unknown = [key for key in table if not any(key in words for words in (*known, *SOURCES.values()))]
    assert unknown == []


def exit_codes(sources: Mapping[str, str]) -> Iterator[str]:
    """Of each way that a program ends by itself, or says how it ends."""
    for call in calls(sources):
        if call.name in ("SystemExit", "exit", "_exit"):
            given = [*map(ast.unparse, call.node.args)]
            given += [ast.unparse(value) for name in given for value in call.values(name)]
            yield from (code for text in given for code in re.findall(r"\b\d+\b", text))
    for source in sources.values():
        yield from re.findall(r"\bexit_code = (\d+)", source)


def test_every_exit_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of real runs, those in the source, and those of the library that reads the command line."""
    monkeypatch.chdir(tmp_path)
    seen = {
        run_program(["--version"]),
        run_program(["rollup", "--from", "2024-01-01", "--to", "2024-01-02"]),
        run_program(["rollup"]),
        CliRunner().invoke(check.command, [], env={"CHARGELINE_AMQP_URL": "amqp://u:p@127.0.0.1:1/v"}).exit_code,
    }
    seen |= {click.ClickException.exit_code, click.UsageError.exit_code}
    assert lines("runbook-exits").keys() == {str(code) for code in seen} | set(exit_codes(SOURCES))


@pytest.mark.parametrize("table", ["runbook-alerts", "runbook-holds", "runbook-kafka", "runbook-exits"])
def test_no_cell_is_empty(table: str) -> None:
    assert all(all(cells) for cells in lines(table).values())


def test_the_dashboards_send_their_reader_here() -> None:
    before, _, _ = README.partition("<!-- runbook-alerts -->")
    title = re.findall("^## (.+)$", before, re.MULTILINE)[-1]
    assert f"what to do about an alert is in\n[{title}](#{title.lower().replace(' ', '-')})" in README
