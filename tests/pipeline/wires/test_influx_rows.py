"""Whole rows read back from a bucket of a real InfluxDB."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from pipeline.wires.influx import Bucket, InfluxStore
from pipeline.wires.influx_rows import InfluxRows
from schemas.measurement import FieldType
from tests.pipeline.wires.whole_rows import FIELDS, HOUR, MEASUREMENTS, OTHER, OUTCOME, ROWS, SESSION, START, WITHIN
from tests.services.influxdb import ORG, InfluxDb

pytestmark = pytest.mark.services


@pytest.fixture
def rows(influxdb: InfluxDb, bucket: str) -> Iterator[InfluxRows]:
    place = Bucket(influxdb.url, ORG, bucket)
    with closing(InfluxStore(place, lambda: influxdb.token)) as store:
        assert not store.write(ROWS)
    with closing(InfluxRows(place, lambda: influxdb.token)) as found:
        yield found


def test_rows_of_a_span_by_time_and_tags(rows: InfluxRows) -> None:
    assert list(rows.rows(SESSION, FIELDS, START, START + HOUR, ())) == WITHIN


def test_rows_of_one_charger(rows: InfluxRows) -> None:
    assert list(rows.rows(SESSION, FIELDS, START, START + HOUR, ["EH2"])) == [WITHIN[1]]


def test_the_tags_of_a_measurement(rows: InfluxRows) -> None:
    (found,) = rows.rows(OUTCOME, ("ok", "late"), START, START + HOUR, ())
    assert found == (START + 5, ("EH1", "", "Pause", "315", "accepted"), (1.0, None))


def test_fields_that_only_the_store_has_are_found(rows: InfluxRows) -> None:
    assert rows.fields(OTHER) == {"o7001": FieldType.NUMBER, "o7002_text": FieldType.TEXT}
    assert list(rows.fields(SESSION).items()) == list(SESSION.fields.items())


def test_what_is_not_there_has_no_rows(rows: InfluxRows) -> None:
    nothing = MEASUREMENTS["charger_hour"]._replace(name="no_such")
    assert list(rows.rows(nothing, ("online_s",), START, START + HOUR, ())) == []
    assert rows.fields(nothing) == nothing.fields


def test_a_serial_is_no_part_of_the_question(rows: InfluxRows) -> None:
    odd = "EH1' OR charger = 'EH2"
    assert list(rows.rows(SESSION, FIELDS, START, START + HOUR, [odd])) == []
