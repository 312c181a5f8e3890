"""`chargeline rollup` as a user runs it."""

import json
from contextlib import closing
from pathlib import Path

import pytest

from pipeline.assembly import STORE_FILE
from pipeline.cli import run_program
from pipeline.core.timestamps import format_time
from pipeline.wires.rollup_progress import ROLLUP_FILE
from pipeline.wires.sqlite import SqliteStore
from schemas.measurement import CHARGER_HOUR, derived_measurements, fact_measurements
from schemas.row import Row
from tests.oracle.stores import rows_of_sqlite
from tests.pipeline.core.history_samples import HOUR, START
from tests.pipeline.core.past_days import CATALOGUE, a_day, stored

FROM, UNTIL = format_time(START + 2 * HOUR), format_time(START + 6 * HOUR)


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """DATA_DIR with the facts of a day."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CHARGELINE_DATA_DIR", "data")
    folder = tmp_path / "data"
    store = SqliteStore.open(folder / STORE_FILE, {**fact_measurements(CATALOGUE), **derived_measurements()})
    with closing(store):
        store.write([Row(row.measurement, row.charger, "", (), row.time, row.fields) for row in stored(a_day())])
    return folder


def hours(data_dir: Path) -> list[int]:
    return sorted(key[3] for key in rows_of_sqlite(data_dir / STORE_FILE) if key[0] == CHARGER_HOUR)


def test_the_hours_of_a_span(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_program(["rollup", "--from", FROM, "--to", UNTIL]) == 0
    output = capsys.readouterr()
    assert output.out.splitlines()[1].endswith(f"written, to data/{STORE_FILE}")
    assert output.err == ""
    assert hours(data_dir) == [START + hour * HOUR for hour in range(2, 6)]
    assert not (data_dir / ROLLUP_FILE).exists()


def test_json(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert data_dir.exists()
    assert run_program(["rollup", "--from", FROM, "--to", UNTIL, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["facts"] > 1_000
    assert (told["refused"], told["store"]) == (0, f"data/{STORE_FILE}")


def test_one_that_was_ended_goes_on(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    progress = {"from": START + 2 * HOUR, "to": START + 6 * HOUR, "done": START + 5 * HOUR}
    (data_dir / ROLLUP_FILE).write_text(json.dumps(progress))
    assert run_program(["rollup", "--from", FROM, "--to", UNTIL]) == 0
    assert capsys.readouterr().err == ""
    assert hours(data_dir) == [START + 5 * HOUR]


@pytest.mark.parametrize(
    ("first", "until", "words"),
    [
        ("2025-06-15T16:30", "2025-06-16", "full hours, UTC"),
        ("2025-06-16", "2025-06-15", "--to must be later than --from"),
        ("2025-06-15", "2199-01-01", "the worker still corrects by itself"),
        ("yesterday", "2025-06-15", "'yesterday' must be a date or a time"),
        ("2025-06-15", "2025-02-30", "'2025-02-30' must be a date or a time"),
    ],
)
def test_a_span_that_cannot_be(
    first: str, until: str, words: str, data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_program(["rollup", "--from", first, "--to", until]) == 2
    assert words in " ".join(capsys.readouterr().err.split())
    assert hours(data_dir) == []


def test_a_store_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CHARGELINE_DATA_DIR", str(tmp_path / "nowhere"))
    assert run_program(["rollup", "--from", FROM, "--to", UNTIL]) == 1
    assert "is not there; name the folder" in capsys.readouterr().err
    assert not (tmp_path / "nowhere").exists()


def test_a_span_whose_facts_are_not_all_kept_is_refused(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CHARGELINE_KEEP", "raw:60d,hour:forever")
    assert run_program(["rollup", "--from", FROM, "--to", UNTIL]) == 2
    assert "CHARGELINE_KEEP lets facts go that earlier rows need" in capsys.readouterr().err
    assert hours(data_dir) == []

    monkeypatch.setenv("CHARGELINE_KEEP", "raw:9999d,hour:1d")
    assert run_program(["rollup", "--from", FROM, "--to", UNTIL]) == 0
