"""`chargeline backup` as a user runs it."""

import json
from pathlib import Path

import pytest

from pipeline.assembly import STATE_FILE, STORE_FILE
from pipeline.backup_manifest import MANIFEST_FILE
from pipeline.cli import run_program
from pipeline.wires.folder_lock import lock_folder
from tests.pipeline.backup_samples import contents, filled

INFLUX = {"URL": "http://db:8086", "TOKEN": "secret-token", "ORG": "o", "BUCKET": "b"}


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """DATA_DIR with something in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CHARGELINE_DATA_DIR", "data")
    return filled(tmp_path / "data")


def test_it_says_what_it_copied_and_how_to_restore_it(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with lock_folder(data_dir):
        assert run_program(["backup", "saved"]) == 0
    output = capsys.readouterr()
    state, store, words = output.out.splitlines()
    assert state.endswith(f" bytes  {STATE_FILE}")
    assert store.strip() == f"{Path('saved', STORE_FILE).stat().st_size:,} bytes  {STORE_FILE}"
    assert words == "Backed up to saved. To restore it: chargeline restore saved"
    assert output.err == ""


def test_json_is_the_manifest_and_where_it_is(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert data_dir.exists()
    assert run_program(["backup", "saved", "--json"]) == 0
    entry = json.loads(capsys.readouterr().out)
    assert entry == {"folder": "saved", **json.loads(Path("saved", MANIFEST_FILE).read_text())}


def test_with_influxdb_it_says_where_the_rows_are(
    data_dir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in INFLUX.items():
        monkeypatch.setenv(f"CHARGELINE_INFLUX_{name}", value)
    (data_dir / STORE_FILE).unlink()
    assert run_program(["backup", "saved"]) == 0
    assert "Rows are in InfluxDB: back up its bucket with `influx backup`." in capsys.readouterr().out
    assert set(contents(Path("saved"))) == {STATE_FILE, MANIFEST_FILE}


def test_a_name_that_a_shell_takes_apart_is_quoted(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert data_dir.exists()
    assert run_program(["backup", "two words"]) == 0
    assert "chargeline restore 'two words'" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("data", "data is not empty; name a folder that is"),
        ("file", "file is not a folder"),
        ("file/below", "Not a directory"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    name: str, words: str, data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (data_dir.parent / "file").write_text("")
    assert run_program(["backup", name]) == 1
    error = capsys.readouterr().err
    assert error.startswith("Error: ")
    assert words in error
    assert error.count("\n") == 1


def test_without_a_folder_it_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_program(["backup"]) == 2
    assert "DIR" in capsys.readouterr().err
