"""What analysts ask: both stores give the same answers, of a simulated stream; and the README has what is asked."""

import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest

from pipeline.analyst_questions import (
    PANDAS_OF_INFLUXDB,
    PANDAS_OF_SQLITE,
    QUESTIONS,
    ZONE,
    Question,
    questions_block,
    write_document,
)
from pipeline.assembly import STORE_FILE, Memory
from tests.campaigns.fortnight_plan import Fortnight, Told, tell
from tests.campaigns.fortnight_truth import true_energy
from tests.campaigns.fortnight_worker import take_all
from tests.pipeline.settings_for_tests import settings_in
from tests.services.influxdb import ORG, InfluxDb

ROOT = Path(__file__).parents[2]
PLAN = Fortnight(chargers=12, days=3)
WHEN = f"time >= {PLAN.first} AND time < {PLAN.until}"
Answer = dict[tuple[str, ...], Sequence[float | None]]


class Stores(NamedTuple):
    """The same stream in both."""

    told: Told
    sqlite: Path
    influx: Mapping[str, str]


@pytest.fixture(scope="module")
def stores(influxdb: InfluxDb, tmp_path_factory: pytest.TempPathFactory) -> Stores:
    folder, bucket = tmp_path_factory.mktemp("questions"), influxdb.add_bucket()
    told = tell(PLAN, folder / "stream.jsonl")
    take_all(told.lines, settings_in(folder / "sqlite"), Memory.FRESH)
    place = {"INFLUX_URL": influxdb.url, "INFLUX_ORG": ORG, "INFLUX_BUCKET": bucket, "INFLUX_TOKEN": influxdb.token}
    take_all(told.lines, settings_in(folder / "influx", **place), Memory.FRESH)
    return Stores(told, folder / "sqlite" / STORE_FILE, place)


def of_sqlite(path: Path, question: Question) -> Answer:
    with closing(sqlite3.connect(path)) as store:
        rows = store.execute(question.sql.format(when=WHEN)).fetchall()
    found: Answer = {}
    for row in rows:
        place = tuple(each for each in row if isinstance(each, str))
        found[place] = row[len(place) :]
    assert len(found) == len(rows)
    return found


def of_influxdb(influxdb: InfluxDb, bucket: str, question: Question) -> Answer:
    found: Answer = {}
    for record in influxdb.query(bucket, question.influxql.format(when=WHEN)):
        moment, *numbers = record.values.values()
        at = [_in_words(moment, question.time_as)] if question.time_as else []
        found[(*record.tags.values(), *at)] = [None if each is None else float(each) for each in numbers]
    return found


def _in_words(moment: object, as_what: str) -> str:
    assert isinstance(moment, int)
    if as_what == "hour":
        return datetime.fromtimestamp(moment / 10**9, UTC).strftime("%Y-%m-%dT%H:00Z")
    return datetime.fromtimestamp(moment / 10**9, ZoneInfo(ZONE)).date().isoformat()


@pytest.mark.services
@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.words)
def test_both_stores_answer_the_same(stores: Stores, influxdb: InfluxDb, question: Question) -> None:
    here, there = of_sqlite(stores.sqlite, question), of_influxdb(influxdb, stores.influx["INFLUX_BUCKET"], question)
    assert here
    assert here.keys() == there.keys()
    for place, numbers in here.items():
        assert list(numbers) == pytest.approx(list(there[place]), rel=1e-9), place
    assert any(number for numbers in here.values() for number in numbers)


@pytest.mark.services
def test_energy_is_of_the_days_at_oslo(stores: Stores) -> None:
    (question,) = [each for each in QUESTIONS if each.words.startswith("How much energy")]
    stored = of_sqlite(stores.sqlite, question)
    odd = {serial for serial, _ in stores.told.unreadable_meters}
    truth = {(who, day.isoformat()): kwh for (who, day), kwh in true_energy(stores.told).items() if who not in odd}
    assert len({day for _, day in truth}) == 4
    for place, kwh in truth.items():
        assert stored[place][0] == pytest.approx(kwh, rel=0.002, abs=0.01), place


def run(script: str, folder: Path, environment: Mapping[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=folder, env={**os.environ, **environment}, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


@pytest.mark.services
def test_pandas_finds_the_same_in_both(stores: Stores, tmp_path: Path) -> None:
    (tmp_path / "chargeline-data").mkdir()
    (tmp_path / "chargeline-data" / STORE_FILE).symlink_to(stores.sqlite)
    of_file = run(PANDAS_OF_SQLITE, tmp_path, {})
    of_bucket = run(
        PANDAS_OF_INFLUXDB, tmp_path, {f"CHARGELINE_{name}": value for name, value in stores.influx.items()}
    )
    days = [re.findall(r"^(2025-\S+) +(\d+\.\d)", said, re.MULTILINE) for said in (of_file, of_bucket)]
    assert len(days[0]) >= 4
    assert days[0] == days[1]


def test_the_readme_has_them() -> None:
    assert questions_block() in (ROOT / "README.md").read_text("utf-8")
    assert len(QUESTIONS) == 12


def test_they_are_written_where_they_belong(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("a\n<!-- questions -->\nold\n<!-- /questions -->\nb\n")
    write_document(tmp_path)
    assert (tmp_path / "README.md").read_text() == f"a\n<!-- questions -->\n{questions_block()}<!-- /questions -->\nb\n"
