"""Facts read back from a bucket of a real InfluxDB."""

import pytest

from pipeline.core.recomputation import StoredRow
from pipeline.wires.influx import Bucket, InfluxStore
from pipeline.wires.influx_facts import InfluxFacts
from pipeline.wires.store import StoreUnavailableError
from tests.pipeline.wires.past_samples import FIELDS, HOUR, LAST, ROWS, SILENCES, START, WITHIN
from tests.services.influxdb import ORG, InfluxDb

pytestmark = pytest.mark.services


@pytest.fixture
def place(influxdb: InfluxDb, bucket: str) -> Bucket:
    return Bucket(influxdb.url, ORG, bucket)


@pytest.fixture
def facts(influxdb: InfluxDb, place: Bucket) -> InfluxFacts:
    store = InfluxStore(place, lambda: influxdb.token)
    assert not store.write(ROWS)
    store.close()
    return InfluxFacts(place, lambda: influxdb.token)


def test_rows_of_a_span_by_time(facts: InfluxFacts) -> None:
    found = list(facts.between(FIELDS, START, START + HOUR))
    assert [row.time for row in found] == [row.time for row in WITHIN]
    assert sorted(found) == sorted(WITHIN)


def test_the_last_of_each_field_and_charger(facts: InfluxFacts) -> None:
    assert sorted(facts.last_before(FIELDS, START, START + HOUR)) == LAST


def test_what_hours_bear(facts: InfluxFacts) -> None:
    assert facts.firmwares([START, START + HOUR]) == {("EH1", START): "315", ("EH2", START): "-"}
    assert facts.firmwares([]) == {}


def test_edges_of_silences_alone(facts: InfluxFacts) -> None:
    assert sorted(facts.silences(START, START + HOUR)) == SILENCES


def test_what_is_not_there_is_none(influxdb: InfluxDb, place: Bucket) -> None:
    empty = InfluxFacts(place, lambda: influxdb.token)
    assert list(empty.between(FIELDS, START, START + HOUR)) == list[StoredRow]()
    assert list(empty.last_before(FIELDS, START, START + HOUR)) == list[StoredRow]()
    assert list(empty.silences(START, START + HOUR)) == []
    assert empty.firmwares([START]) == {}
    empty.close()


def test_a_wrong_token_is_told(place: Bucket) -> None:
    facts = InfluxFacts(place, lambda: "wrong")
    with pytest.raises(StoreUnavailableError, match=r"answered 401 .* CHARGELINE_INFLUX_TOKEN") as refused:
        list(facts.between(FIELDS, START, START + HOUR))
    assert refused.value.needs_operator


def test_a_server_that_is_not_there_is_told(place: Bucket) -> None:
    facts = InfluxFacts(place._replace(url="http://127.0.0.1:9"), lambda: "any")
    with pytest.raises(StoreUnavailableError, match=r"http://127\.0\.0\.1:9, bucket"):
        list(facts.between(FIELDS, START, START + HOUR))
