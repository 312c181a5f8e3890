"""`chargeline rejects`: list, show, retry, discard, export."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipeline.assembly import STATE_FILE, reject_limits
from pipeline.cli.rejects import command
from pipeline.replay_lines import from_line
from pipeline.wires.state import StateFile
from schemas.reject import Reject, RejectReason
from tests.pipeline.settings_for_tests import settings_in
from tests.pipeline.test_rejects import NOW, REJECTS

KEYS = [reject.key for reject in REJECTS]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with StateFile.open(tmp_path / "data" / STATE_FILE, reject_limits(settings_in(tmp_path))) as state:
        state.add_rejects(REJECTS, NOW)
    return tmp_path / "data"


def run(folder: Path, *arguments: str, answer: str | None = None) -> Result:
    return CliRunner().invoke(command, arguments, env={"CHARGELINE_DATA_DIR": str(folder)}, input=answer)


def left(folder: Path) -> set[str]:
    return {json.loads(line)["key"] for line in run(folder, "list", "--json").stdout.splitlines()}


def test_they_are_listed_with_their_reasons(folder: Path) -> None:
    listed = run(folder, "list").stdout
    assert all(key[:12] in listed for key in KEYS)
    assert "1 json: the body is not JSON" in listed
    assert len(run(folder, "list", "--json", "--limit", "2").stdout.splitlines()) == 2
    assert [json.loads(run(folder, "list", "--json", "--reason", "json").stdout)["key"]] == [KEYS[3]]
    assert len(run(folder, "list", "--json", "--serial", "EH2").stdout.splitlines()) == 2


@pytest.mark.parametrize(
    "arguments", [("list",), ("retry", "--all"), ("discard", "--all", "--yes"), ("export",), ("list", "--json")]
)
def test_where_there_are_none_nothing_is_made(arguments: tuple[str, ...], tmp_path: Path) -> None:
    result = run(tmp_path / "nowhere", *arguments)
    assert result.exit_code == 0
    assert result.stdout in ("", "There are no rejects.\n")
    assert not list(tmp_path.iterdir())


def test_one_is_shown_whole_and_harmless(folder: Path) -> None:
    bad = Reject(RejectReason.JSON, "EH\x1b[31m", {"h": "\n"}, b"\x1b[2J", None, "why")
    with StateFile.open(folder / STATE_FILE, reject_limits(settings_in(folder))) as state:
        state.add_rejects([bad], NOW)
    for shown in (run(folder, "show", bad.key[:20]).stdout, run(folder, "list").stdout):
        assert "\x1b" not in shown
    assert "\\x1b[2J" in run(folder, "show", bad.key).stdout
    assert json.loads(run(folder, "show", bad.key, "--json").stdout)["body"] == "\x1b[2J"
    assert "only the first 65536 bytes" in run(folder, "show", KEYS[4]).stdout


@pytest.mark.parametrize("arguments", [("show", "zz"), ("show", ""), ("discard", "zz", "--yes"), ("retry", "zz")])
def test_a_key_that_does_not_name_one_is_an_error(arguments: tuple[str, ...], folder: Path) -> None:
    result = run(folder, *arguments)
    assert result.exit_code == 1
    assert "chargeline rejects list" in result.stderr
    assert left(folder) == set(KEYS)


@pytest.mark.parametrize("name", ["retry", "discard"])
def test_it_must_be_said_which(name: str, folder: Path) -> None:
    result = run(folder, name)
    assert result.exit_code == 2
    assert "--all" in result.stderr


def test_retried_ones_that_became_rows_are_gone(folder: Path) -> None:
    result = run(folder, "retry", "--all")
    assert result.exit_code == 0
    assert "2 became rows" in result.stdout
    assert "1 refused again" in result.stdout
    assert "1 are commands" in result.stdout
    assert "1 cannot be tried" in result.stdout
    assert left(folder) == set(KEYS[2:])


def test_retry_needs_a_store_that_this_version_has(folder: Path) -> None:
    influx = {f"CHARGELINE_INFLUX_{name}": "x" for name in ("TOKEN", "ORG", "BUCKET")}
    environ = {"CHARGELINE_DATA_DIR": str(folder), "CHARGELINE_INFLUX_URL": "http://127.0.0.1:1", **influx}
    result = CliRunner().invoke(command, ["retry", "--all"], env=environ)
    assert result.exit_code == 2
    assert "SQLite only" in result.stderr


def test_discarding_asks_first(folder: Path) -> None:
    assert run(folder, "discard", "--reason", "json", answer="n\n").exit_code == 1
    assert left(folder) == set(KEYS)
    assert "1 rejects thrown away" in run(folder, "discard", "--reason", "json", answer="y\n").stdout
    assert left(folder) == {*KEYS[:3], KEYS[4]}
    assert run(folder, "discard", KEYS[0][:8], "--yes").exit_code == 0
    assert left(folder) == {KEYS[1], KEYS[2], KEYS[4]}


def test_an_export_is_a_recording_for_its_owner(folder: Path) -> None:
    file = folder / "out.jsonl"
    assert run(folder, "export", "-o", str(file)).exit_code == 0
    assert file.stat().st_mode & 0o777 == 0o600
    lines = file.read_bytes().splitlines()
    assert run(folder, "export").stdout_bytes.splitlines() == lines
    bodies = {from_line(line).body for line in lines}
    assert bodies == {reject.body[:65_536] for reject in REJECTS}


def test_a_state_file_that_is_none_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / STATE_FILE).write_bytes(b"letters" * 1_000)
    result = run(tmp_path, "list")
    assert result.exit_code == 1
    assert "no SQLite database" in result.stderr
