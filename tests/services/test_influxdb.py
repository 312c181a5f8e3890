"""The tests' own InfluxDB: buckets and tokens at will, answers read back exactly, faults on demand."""

from collections.abc import Callable

import pytest

from tests.services.influxdb import InfluxDb, Record
from tests.services.process import ServiceError

pytestmark = pytest.mark.services


def test_what_was_written_is_read_back_exactly(influxdb: InfluxDb, bucket: str) -> None:
    influxdb.write(bucket, 'm,charger=EH1 n=9007199254740993i,t="é",b=true 1700000000000000001\nm,charger=EH2 n=2i 5')
    assert influxdb.query(bucket, "SELECT n, t, b FROM m WHERE charger = 'EH1'") == [
        Record("m", {}, {"time": 1700000000000000001, "n": 9007199254740993, "t": "é", "b": True})
    ]
    assert [row.tags for row in influxdb.query(bucket, "SELECT n FROM m GROUP BY charger")] == [
        {"charger": "EH1"},
        {"charger": "EH2"},
    ]
    assert influxdb.query(influxdb.add_bucket(), "SELECT n FROM m") == []
    with pytest.raises(ServiceError, match="failed to parse"):
        influxdb.query(bucket, "SELEKT n FROM m")


def test_a_token_is_for_one_bucket_until_it_is_deleted(influxdb: InfluxDb, bucket: str) -> None:
    token = influxdb.add_token(bucket)
    limited = InfluxDb(influxdb.url, token.token, None)
    limited.org = influxdb.org
    limited.write(bucket, "m n=1 1")
    assert len(limited.query(bucket, "SELECT n FROM m")) == 1
    influxdb.delete_token(token.id)
    with pytest.raises(ServiceError, match="401"):
        limited.write(bucket, "m n=1 1")


def test_a_bucket_with_retention_refuses_old_rows(influxdb: InfluxDb) -> None:
    bucket = influxdb.add_bucket(retention_s=7200)
    with pytest.raises(ServiceError, match="retention"):
        influxdb.write(bucket, "m n=1 1")


def test_rows_outlive_the_instance(influxdb: InfluxDb, bucket: str) -> None:
    influxdb.write(bucket, "m n=1 1")
    influxdb.restart()
    influxdb.kill()
    with pytest.raises(ConnectionRefusedError):
        influxdb.query(bucket, "SELECT n FROM m")
    influxdb.start()
    assert len(influxdb.query(bucket, "SELECT n FROM m")) == 1


@pytest.mark.parametrize("fault", [InfluxDb.pause, InfluxDb.kill])
def test_a_server_that_a_test_left_away_is_back_for_the_next(
    influxdb: InfluxDb, bucket: str, fault: Callable[[InfluxDb], None]
) -> None:
    fault(influxdb)
    influxdb.settle()
    assert influxdb.query(bucket, "SELECT n FROM m") == []


def test_a_named_server_is_used_and_never_stopped(influxdb: InfluxDb, bucket: str) -> None:
    named = InfluxDb.named(influxdb.url, influxdb.token)
    named.write(bucket, "m n=1 1")
    assert len(influxdb.query(bucket, "SELECT n FROM m")) == 1
    for forbidden in (named.stop, named.kill, named.pause):
        with pytest.raises(ServiceError, match="CHARGELINE_TEST_INFLUX_URL"):
            forbidden()


def test_a_named_server_that_does_not_answer_is_a_failure_in_words() -> None:
    with pytest.raises(ServiceError, match="CHARGELINE_TEST_INFLUX_URL"):
        InfluxDb.named("http://127.0.0.1:1", "token")
