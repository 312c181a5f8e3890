"""The schema version of a bucket, at a real InfluxDB: read, refused where newer, and no hindrance where unknown."""

import logging
from collections.abc import Iterator
from contextlib import closing

import pytest

from pipeline.wires.influx import Bucket, InfluxStore
from pipeline.wires.influx_schema import GuardedStore, read_version
from pipeline.wires.store import StoreUnavailableError
from schemas.row import Row
from tests.services.influxdb import InfluxDb

pytestmark = pytest.mark.services

ROW = Row("charger_power", "EH1", "", (), 10**18, (("total_power_kw", 1.0),))


@pytest.fixture
def ours(influxdb: InfluxDb, bucket: str) -> Bucket:
    return Bucket(influxdb.url, influxdb.org, bucket)


@pytest.fixture
def store(influxdb: InfluxDb, ours: Bucket) -> Iterator[GuardedStore]:
    with closing(GuardedStore(InfluxStore(ours, lambda: influxdb.token), ours, lambda: influxdb.token)) as guarded:
        yield guarded


def say(influxdb: InfluxDb, bucket: str, worker: str, version: int, time: int) -> None:
    influxdb.write(bucket, f"pipeline,charger=-,worker={worker} schema_version={version} {time}")


def rows_in(influxdb: InfluxDb, bucket: str) -> int:
    return len(influxdb.query(bucket, "SELECT * FROM charger_power"))


def test_the_newest_of_what_each_worker_said_last_counts(influxdb: InfluxDb, ours: Bucket) -> None:
    assert read_version(ours, lambda: influxdb.token) is None
    say(influxdb, ours.name, "first", 7, 10**18)
    say(influxdb, ours.name, "first", 2, 2 * 10**18 // 2 + 1)
    say(influxdb, ours.name, "second", 3, 10**18)
    assert read_version(ours, lambda: influxdb.token) == 3


def test_a_newer_bucket_is_held_and_not_written_to(influxdb: InfluxDb, ours: Bucket, store: GuardedStore) -> None:
    say(influxdb, ours.name, "newer", 2, 10**18)
    for _ in range(2):
        with pytest.raises(StoreUnavailableError, match=r"schema version 2, .* use a newer chargeline") as held:
            store.write([ROW])
        assert held.value.needs_operator
    assert rows_in(influxdb, ours.name) == 0

    say(influxdb, ours.name, "newer", 1, 10**18)
    assert store.write([ROW]) == []
    assert rows_in(influxdb, ours.name) == 1


def test_a_token_that_may_only_write_is_enough(
    influxdb: InfluxDb, ours: Bucket, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    token = influxdb.add_token(ours.name, read=False).token
    with closing(GuardedStore(InfluxStore(ours, lambda: token), ours, lambda: token)) as store:
        for _ in range(3):
            assert store.write([ROW]) == []
    assert rows_in(influxdb, ours.name) == 1
    assert caplog.text.count("which is no fault") == 1


def test_after_trouble_the_bucket_is_looked_at_again(
    influxdb: InfluxDb, ours: Bucket, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    token = "wrong"
    with closing(GuardedStore(InfluxStore(ours, lambda: token), ours, lambda: token)) as store:
        for _ in range(3):
            with pytest.raises(StoreUnavailableError, match="unauthorized"):
                store.write([ROW])
        assert caplog.text.count("which is no fault") == 1
        say(influxdb, ours.name, "newer", 2, 10**18)
        token = influxdb.token
        with pytest.raises(StoreUnavailableError, match="schema version 2"):
            store.write([ROW])


def test_a_server_that_does_not_answer_is_tried_again() -> None:
    nowhere = Bucket("http://127.0.0.1:9", "org", "bucket")
    with closing(GuardedStore(InfluxStore(nowhere, lambda: "t"), nowhere, lambda: "t")) as store:
        with pytest.raises(StoreUnavailableError, match="can be reached from here") as fault:
            store.write([ROW])
        assert not fault.value.needs_operator
