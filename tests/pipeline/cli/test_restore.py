"""`chargeline restore` as a user runs it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.assembly import STATE_FILE, STORE_FILE
from pipeline.backup import back_up
from pipeline.cli import run_program
from pipeline.wires.folder_lock import LOCK_FILE, lock_folder
from tests.pipeline.backup_samples import FILES, NOW, chargers_with_rows, contents, filled


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """DATA_DIR, not there yet; the folder `saved` beside it has a backup of two batches."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CHARGELINE_DATA_DIR", "data")
    back_up(filled(tmp_path / "saved-data", 2), tmp_path / "saved", now=NOW)
    return tmp_path / "data"


def test_it_says_what_is_there_again(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_program(["restore", "saved"]) == 0
    output = capsys.readouterr()
    state, store, words = output.out.splitlines()
    assert state.endswith(f" bytes  {STATE_FILE}")
    assert store.strip() == f"{(data_dir / STORE_FILE).stat().st_size:,} bytes  {STORE_FILE}"
    assert words == "Restored to data, as it was at 2027-01-15T08:00:00Z."
    assert output.err == ""
    assert chargers_with_rows(data_dir) == {"EH0", "EH1"}


def test_what_was_there_is_named_where_it_is_now(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    filled(data_dir, 5)
    assert run_program(["restore", "saved"]) == 1
    assert "--force" in capsys.readouterr().err

    assert run_program(["restore", "saved", "--force"]) == 0
    lines = capsys.readouterr().out.splitlines()
    asides = [line.removeprefix("Moved aside: ") for line in lines if line.startswith("Moved aside: ")]
    assert {Path(aside).name.partition(".before-restore-")[0] for aside in asides} == set(FILES)
    assert all(Path(aside).exists() for aside in asides)


def test_json_has_the_same(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    filled(data_dir, 5)
    assert run_program(["restore", "saved", "--force", "--json"]) == 0
    entry = json.loads(capsys.readouterr().out)
    assert entry["data_dir"] == "data"
    assert sorted(entry["moved_aside"]) == sorted(f"data/{name}" for name in contents(data_dir) if "before" in name)
    assert entry["backup"] == json.loads(Path("saved", "backup.json").read_text())


def test_a_state_alone_says_where_the_rows_are(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (data_dir.parent / "saved-data" / STORE_FILE).unlink()
    back_up(data_dir.parent / "saved-data", data_dir.parent / "state", now=NOW, is_rows_elsewhere=True)
    assert run_program(["restore", "state"]) == 0
    assert "Rows are in InfluxDB: restore its bucket with `influx restore`." in capsys.readouterr().out


def test_a_worker_that_runs_is_named(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with lock_folder(data_dir):
        assert run_program(["restore", "saved"]) == 1
    assert "Error: data is in use by another chargeline (process " in capsys.readouterr().err
    assert set(contents(data_dir)) == {LOCK_FILE}


def test_a_folder_that_is_not_there_is_wrong_usage(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_program(["restore", "nowhere"]) == 2
    assert "'nowhere' does not exist" in capsys.readouterr().err
    assert not data_dir.exists()


def test_a_disk_that_is_full_is_said_and_nothing_stays(data_dir: Path) -> None:
    source = """
import resource, sys
from pipeline.cli import run_program
resource.setrlimit(resource.RLIMIT_FSIZE, (8_192, resource.RLIM_INFINITY))
sys.exit(run_program(["restore", "saved"]))
"""
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, check=False, text=True)
    assert (done.returncode, done.stderr) == (1, "Error: saved to data: File too large\n")
    assert set(contents(data_dir)) == {LOCK_FILE}


def test_a_folder_that_cannot_be_made_is_named(
    data_dir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    data_dir.write_text("a file")
    monkeypatch.setenv("CHARGELINE_DATA_DIR", "data/below")
    assert run_program(["restore", "saved"]) == 1
    assert capsys.readouterr().err == "Error: data/below: Not a directory\n"
