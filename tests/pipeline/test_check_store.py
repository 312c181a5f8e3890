"""The check of a store, at a real InfluxDB and with real files. Its faults: tests/pipeline/cli/test_check.py."""

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from itertools import chain, repeat
from pathlib import Path
from time import time_ns

import pytest

from pipeline.assembly import STORE_FILE
from pipeline.check_step import Ground, Look, Result
from pipeline.check_store import (
    look_at_bridges_clock,
    look_at_bucket,
    look_at_clock,
    look_at_keeping,
    look_at_schema,
    look_at_sole_folder,
    look_at_store,
)
from pipeline.wires.sqlite import SqliteStore
from tests.pipeline.settings_for_tests import settings_in
from tests.services.influxdb import InfluxDb

S = 10**9


def look(
    step: Callable[[Ground], Look | None], folder: Path, read_clock: Callable[[], int] = time_ns, /, **given: str
) -> Look:
    found = step(Ground(settings_in(folder, **given), read_clock))
    assert found is not None
    return found


def settings_of(influxdb: InfluxDb, bucket: str) -> Mapping[str, str]:
    return {
        "INFLUX_URL": influxdb.url,
        "INFLUX_TOKEN": influxdb.token,
        "INFLUX_ORG": influxdb.org,
        "INFLUX_BUCKET": bucket,
    }


def test_a_file_that_is_not_there_yet_is_not_made(tmp_path: Path) -> None:
    found = look(look_at_store, tmp_path)
    assert found.result is Result.OK
    assert found.found.startswith("will be made")
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_ours(tmp_path: Path) -> None:
    SqliteStore.open(tmp_path / STORE_FILE, {}).close()
    found = look(look_at_store, tmp_path)
    assert found == (Result.OK, f"SQLite {tmp_path / STORE_FILE}", "is a store of this program, 0 MiB", "")


def test_a_file_of_another_program(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / STORE_FILE)) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    found = look(look_at_store, tmp_path)
    assert found.result is Result.FAILED
    assert "another program" in found.found
    assert "CHARGELINE_DATA_DIR" in found.todo


def test_sqlite_has_no_bucket_and_no_clock(tmp_path: Path) -> None:
    ground = Ground(settings_in(tmp_path), time_ns)
    assert look_at_bucket(ground) is None
    assert look_at_keeping(ground) is None
    assert look(look_at_clock, tmp_path).result is Result.SKIPPED


@pytest.mark.services
def test_the_version_is_told(tmp_path: Path, influxdb: InfluxDb, bucket: str) -> None:
    assert "version 2." in look(look_at_store, tmp_path, **settings_of(influxdb, bucket)).found


@pytest.mark.services
def test_a_token_that_may_not_write(tmp_path: Path, influxdb: InfluxDb, bucket: str) -> None:
    token = influxdb.add_token(bucket, write=False).token
    found = look(look_at_bucket, tmp_path, **{**settings_of(influxdb, bucket), "INFLUX_TOKEN": token})
    assert found.result is Result.FAILED
    assert found.todo == "see that the token may write to the bucket"
    assert token not in str(found)


@pytest.mark.services
@pytest.mark.parametrize(
    ("keep", "result"),
    [("", Result.OK), ("raw:30d,hour:forever", Result.OK), ("raw:forever,hour:forever", Result.WARNING)],
)
def test_a_retention_is_told_beside_what_was_asked_for(
    tmp_path: Path, influxdb: InfluxDb, keep: str, result: Result
) -> None:
    month = influxdb.add_bucket(30 * 86_400)
    found = look(look_at_keeping, tmp_path, KEEP=keep, **settings_of(influxdb, month))
    influxdb.delete_bucket(month)
    assert found.result is result
    assert found.found == "keeps rows for 30d; older ones are refused, and kept as rejects"
    assert ("CHARGELINE_KEEP says raw:forever" in found.todo) == (result is Result.WARNING)


@pytest.mark.services
def test_a_bucket_that_keeps_everything(tmp_path: Path, influxdb: InfluxDb, bucket: str) -> None:
    settings = settings_of(influxdb, bucket)
    assert look(look_at_keeping, tmp_path, **settings).found == "keeps rows for ever"
    shorter = look(look_at_keeping, tmp_path, KEEP="raw:36h,hour:forever", **settings)
    assert shorter.result is Result.WARNING
    assert "raw:36h" in shorter.todo


@pytest.mark.services
def test_a_token_that_may_not_see_the_retention(tmp_path: Path, influxdb: InfluxDb, bucket: str) -> None:
    other = influxdb.add_bucket()
    token = influxdb.add_token(other).token
    found = look(look_at_keeping, tmp_path, **{**settings_of(influxdb, bucket), "INFLUX_TOKEN": token})
    influxdb.delete_bucket(other)
    assert found.result is Result.SKIPPED


@pytest.mark.services
@pytest.mark.parametrize(
    ("version", "result", "words"),
    [
        ("", Result.OK, "no worker has written to it yet"),
        ("1", Result.OK, "1, which this program knows"),
        ("2", Result.FAILED, "has schema version 2, this program knows up to 1"),
    ],
)
def test_the_schema_version(
    tmp_path: Path, influxdb: InfluxDb, bucket: str, version: str, result: Result, words: str
) -> None:
    if version:
        influxdb.write(bucket, f"pipeline,charger=-,worker=w schema_version={version}")
    found = look(look_at_schema, tmp_path, **settings_of(influxdb, bucket))
    assert found.result is result
    assert words in found.found
    assert ("use a newer chargeline" in found.todo) == (result is Result.FAILED)


@pytest.mark.services
def test_a_token_that_may_not_read_the_version(tmp_path: Path, influxdb: InfluxDb, bucket: str) -> None:
    token = influxdb.add_token(bucket, read=False).token
    found = look(look_at_schema, tmp_path, **{**settings_of(influxdb, bucket), "INFLUX_TOKEN": token})
    assert found.result is Result.SKIPPED


@pytest.mark.services
@pytest.mark.parametrize(
    ("offset_s", "words"), [(0, "agrees"), (3_600, "3,600 s ahead of"), (-3_600, "3,600 s behind")]
)
def test_the_clocks(tmp_path: Path, influxdb: InfluxDb, bucket: str, offset_s: int, words: str) -> None:
    found = look(look_at_clock, tmp_path, lambda: time_ns() + offset_s * S, **settings_of(influxdb, bucket))
    assert found.result is (Result.WARNING if offset_s else Result.OK)
    # An offset is known to a second and to how long the answer took.
    near = {f"{abs(offset_s) + by:,} s {words.rpartition(' s ')[2]}" for by in range(-3, 3)} if offset_s else {words}
    assert any(each in found.found for each in near)


@pytest.mark.services
def test_a_slow_answer_is_no_offset(tmp_path: Path, influxdb: InfluxDb, bucket: str) -> None:
    now = time_ns()
    readings = chain([now - 5 * S], repeat(now + 5 * S))
    found = look(look_at_clock, tmp_path, lambda: next(readings), **settings_of(influxdb, bucket))
    assert found.result is Result.OK


@pytest.mark.services
def test_a_bridge_compares_its_clock_with_an_influxdb(tmp_path: Path, influxdb: InfluxDb, bucket: str) -> None:
    assert look(look_at_bridges_clock, tmp_path).result is Result.SKIPPED
    assert "nor Kafka tells a time" in look(look_at_bridges_clock, tmp_path).found
    found = look(look_at_bridges_clock, tmp_path, **settings_of(influxdb, bucket))
    assert "agrees with InfluxDB's" in found.found


def test_a_folder_matters_to_a_writer_of_sqlite_alone(tmp_path: Path) -> None:
    assert look(look_at_sole_folder, tmp_path).tried == f"DATA_DIR {tmp_path}"
    bucket = {"INFLUX_URL": "http://127.0.0.1:1", "INFLUX_TOKEN": "t", "INFLUX_ORG": "o", "INFLUX_BUCKET": "b"}
    assert look_at_sole_folder(Ground(settings_in(tmp_path, **bucket), time_ns)) is None
