"""`chargeline rejects`: list, show, retry, discard, export."""

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
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
    bad = Reject(RejectReason.JSON, "EH\x1b[31m", {"h": "\n"}, "\x1b[2J\x9b2J".encode(), None, "why")
    with StateFile.open(folder / STATE_FILE, reject_limits(settings_in(folder))) as state:
        state.add_rejects([bad], NOW)
    for shown in (run(folder, "show", bad.key[:20]).stdout, run(folder, "list").stdout):
        assert "\x1b" not in shown
    assert "\\x1b[2J" in run(folder, "show", bad.key).stdout
    shown = run(folder, "show", bad.key, "--json").stdout
    assert shown.isascii()
    assert json.loads(shown)["body"] == "\x1b[2J\x9b2J"
    assert "only the first 65536 bytes" in run(folder, "show", KEYS[4]).stdout


@pytest.mark.parametrize("name", ["show", "retry", "discard"])
@pytest.mark.parametrize("key", ["zz", "", "\x1b[2J"])
def test_a_key_that_does_not_name_one_is_an_error(name: str, key: str, folder: Path) -> None:
    for place in (folder, folder / "nowhere"):
        result = run(place, name, key, *(["--yes"] if name == "discard" else []))
        assert result.exit_code == 1
        assert "no reject has this key. chargeline rejects list" in result.stderr
        assert "\x1b" not in result.stderr
    assert left(folder) == set(KEYS)


def test_nothing_is_thrown_away_that_was_not_clearly_named(folder: Path) -> None:
    with StateFile.open(folder / STATE_FILE, reject_limits(settings_in(folder))) as state:
        state.add_rejects([REJECTS[3]._replace(body=b"{" * size) for size in range(2, 20)], NOW)
    before = left(folder)
    shared = next(key[0] for key in before if sum(other[0] == key[0] for other in before) > 1)
    result = run(folder, "discard", shared, "--yes")
    assert result.exit_code == 1
    assert "several rejects have a key that begins so" in result.stderr
    assert left(folder) == before


@pytest.mark.parametrize("name", ["retry", "discard"])
@pytest.mark.parametrize(
    "which", [(), ("--all", "--reason", "json"), ("--all", KEYS[0]), ("--reason", "json", KEYS[0])]
)
def test_it_must_be_said_which_in_one_way(name: str, which: tuple[str, ...], folder: Path) -> None:
    result = run(folder, name, *which)
    assert result.exit_code == 2
    assert "--all" in result.stderr
    assert left(folder) == set(KEYS)


def test_a_limit_is_at_least_one(folder: Path) -> None:
    assert run(folder, "list", "--limit", "-1").exit_code == 2


def test_a_list_of_none_says_what_there_is(folder: Path) -> None:
    listed = run(folder, "list", "--serial", "EH9").stdout
    assert listed.startswith("No reject is like that.")
    assert "1 json: the body is not JSON" in listed


@pytest.mark.parametrize("name", [(), ("list",), ("show",), ("retry",), ("discard",), ("export",)])
def test_every_help_ends_with_an_example(name: tuple[str, ...]) -> None:
    help_lines = CliRunner().invoke(command, [*name, "--help"]).stdout.rstrip().splitlines()
    assert help_lines[-1].strip().startswith(f"Example: chargeline rejects {''.join(name)}")


def test_a_header_from_the_wire_cannot_forge_one_of_ours(folder: Path) -> None:
    bad = REJECTS[3]._replace(headers={"x": {"bytes": "zz"}, "y": {"time": "never"}}, body=b"[")
    with StateFile.open(folder / STATE_FILE, reject_limits(settings_in(folder))) as state:
        state.add_rejects([bad], NOW)
    assert bad.key in left(folder)


def test_retried_twice_is_as_once(folder: Path) -> None:
    odd = REJECTS[3]._replace(headers={"b": b"\xff", "n": [{"a": None}], "f": float("nan"), "i": 2**70}, body=b"[")
    with StateFile.open(folder / STATE_FILE, reject_limits(settings_in(folder))) as state:
        state.add_rejects([odd], NOW)
    run(folder, "retry", "--all")
    once = left(folder)
    assert once == {*KEYS[2:], odd.key}
    run(folder, "retry", "--all")
    assert left(folder) == once


def test_what_was_too_old_to_be_tried_is_accounted_for(folder: Path) -> None:
    old = REJECTS[0]._replace(routing_key="EH7.O.48")
    with StateFile.open(folder / STATE_FILE, reject_limits(settings_in(folder))) as state:
        state.add_rejects([old], 1)
    assert "1 were older than CHARGELINE_REJECTS_KEEP" in run(folder, "retry", old.key).stdout
    assert old.key not in left(folder)


def test_retried_ones_that_became_rows_are_gone(folder: Path) -> None:
    result = run(folder, "retry", "--all")
    assert result.exit_code == 0
    assert "2 became rows" in result.stdout
    assert "1 refused again" in result.stdout
    assert "1 are copies of commands" in result.stdout
    assert "1 cannot be tried" in result.stdout
    assert left(folder) == set(KEYS[2:])


def test_retry_says_that_the_store_is_away_and_keeps_them(folder: Path) -> None:
    influx = {f"CHARGELINE_INFLUX_{name}": "x" for name in ("TOKEN", "ORG", "BUCKET")}
    environ = {"CHARGELINE_DATA_DIR": str(folder), "CHARGELINE_INFLUX_URL": "http://127.0.0.1:1", **influx}
    result = CliRunner().invoke(command, ["retry", "--all"], env=environ)
    assert result.exit_code == 1
    assert "InfluxDB at http://127.0.0.1:1" in result.stderr
    assert left(folder) == set(KEYS)


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
    file.chmod(0o644)
    again = run(folder, "export", "-o", str(file))
    assert "5 rejects written" in again.stderr
    assert "Of 1 only the beginning of the body was kept" in again.stderr
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


def test_a_store_is_not_taken_for_rejects(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / STATE_FILE)) as theirs:
        theirs.execute("CREATE TABLE theirs (x)")
    result = run(tmp_path, "list")
    assert result.exit_code == 1
    assert "another program" in result.stderr


def test_an_export_that_cannot_be_written_is_said_in_words(folder: Path) -> None:
    (folder / "file").write_text("")
    result = run(folder, "export", "-o", str(folder / "file" / "out"))
    assert result.exit_code == 1
    assert "Not a directory" in result.stderr
    assert "Errno" not in result.stderr


def test_an_export_whose_reader_has_seen_enough_is_no_failure(folder: Path) -> None:
    with StateFile.open(folder / STATE_FILE, reject_limits(settings_in(folder))) as state:
        state.add_rejects([REJECTS[3]._replace(body=b"{" * size) for size in range(2, 600)], NOW)
    source = "from pipeline.cli import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", source, "rejects", "export"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "CHARGELINE_DATA_DIR": str(folder)},
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.close()
        assert running.stderr.read() == b""
        assert running.wait() == 0
