"""`chargeline export` as a user runs it."""

import sqlite3
import sys
from contextlib import closing
from importlib import import_module
from pathlib import Path

import pytest

from pipeline.assembly import STORE_FILE
from pipeline.cli import run_program
from pipeline.wires.influx import Bucket, InfluxStore
from pipeline.wires.sqlite import SqliteStore
from tests.pipeline.wires.whole_rows import MEASUREMENTS, ROWS
from tests.services.influxdb import ORG, InfluxDb

pandas = import_module("pandas")
SPAN = ("--from", "2025-06-15T16:00:00Z", "--to", "2025-06-15T17:00:00Z")


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CHARGELINE_DATA_DIR", "data")
    with closing(SqliteStore.open(tmp_path / "data" / STORE_FILE, MEASUREMENTS)) as store:
        store.write(ROWS)
    return tmp_path


def test_a_csv_file(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_program(["export", "-m", "session", *SPAN, "-o", "a.csv"]) == 0
    assert capsys.readouterr() == ("3 rows of session, in a.csv\n", "")
    assert (data_dir / "a.csv").read_text().count("\n") == 4


def test_parquet_of_one_charger(data_dir: Path) -> None:
    words = ["export", "-m", "session", *SPAN, "--charger", "EH2", "-o", "a.parquet"]
    assert run_program(words) == 0
    assert list(pandas.read_parquet(data_dir / "a.parquet")["energy_kwh"]) == [7.25]


@pytest.mark.services
def test_either_store_gives_the_same_file(
    data_dir: Path, influxdb: InfluxDb, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("session", "command_outcome", "charger_other"):
        assert run_program(["export", "-m", name, *SPAN, "-o", f"{name}-sqlite.csv"]) == 0
    with closing(InfluxStore(Bucket(influxdb.url, ORG, bucket), lambda: influxdb.token)) as store:
        store.write(ROWS)
    for setting, value in {"URL": influxdb.url, "ORG": ORG, "BUCKET": bucket, "TOKEN": influxdb.token}.items():
        monkeypatch.setenv(f"CHARGELINE_INFLUX_{setting}", value)
    for name in ("session", "command_outcome", "charger_other"):
        assert run_program(["export", "-m", name, *SPAN, "-o", f"{name}-influx.csv"]) == 0
        assert (data_dir / f"{name}-influx.csv").read_text() == (data_dir / f"{name}-sqlite.csv").read_text()


def test_a_file_that_is_there_stays(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (data_dir / "a.csv").write_text("mine")
    assert run_program(["export", "-m", "session", *SPAN, "-o", "a.csv"]) == 1
    assert "--force" in capsys.readouterr().err
    assert (data_dir / "a.csv").read_text() == "mine"
    assert run_program(["export", "-m", "session", *SPAN, "-o", "a.csv", "--force"]) == 0
    assert (data_dir / "a.csv").read_text() != "mine"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["-m", "sesion", *SPAN, "-o", "a.csv"], "no measurement sesion; did you mean session?"),
        (["-m", "xyzzy", *SPAN, "-o", "a.csv"], "there are alert, "),
        (["-m", "session", *SPAN, "-o", "a.txt"], "a.txt must end with .csv or .parquet"),
        (["-m", "session", *SPAN[2:], "--from", "2026-01-01", "-o", "a.csv"], "--to must be later than --from"),
    ],
)
def test_what_cannot_be_asked_for(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_program(["export", *words]) == 2
    assert told in " ".join(capsys.readouterr().err.split())


def test_without_pyarrow_it_is_said_what_to_install(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert run_program(["export", "-m", "session", *SPAN, "-o", "a.parquet"]) == 1
    assert "pip install 'chargeline[parquet]'" in capsys.readouterr().err
    assert not list(data_dir.glob("*parquet*"))


def test_a_folder_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_program(["export", "-m", "session", *SPAN, "-o", "nowhere/a.csv"]) == 1
    assert "nowhere" in capsys.readouterr().err


def test_a_store_of_a_newer_program_is_refused(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(sqlite3.connect(data_dir / "data" / STORE_FILE)) as store, store:
        store.execute("PRAGMA user_version = 99")
    assert run_program(["export", "-m", "session", *SPAN, "-o", "a.csv"]) == 1
    assert "99" in capsys.readouterr().err


def test_a_store_that_is_not_there_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CHARGELINE_DATA_DIR", "empty")
    assert run_program(["export", "-m", "session", *SPAN, "-o", "a.csv"]) == 1
    assert "is not there" in capsys.readouterr().err
