"""Whole rows read back from a real SQLite store."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pipeline.wires.sqlite import SqliteStore
from pipeline.wires.sqlite_rows import SqliteRows
from pipeline.wires.store import StoreUnavailableError
from schemas.measurement import FieldType
from tests.pipeline.wires.whole_rows import FIELDS, HOUR, MEASUREMENTS, OTHER, OUTCOME, ROWS, SESSION, START, WITHIN


@pytest.fixture
def rows(tmp_path: Path) -> Iterator[SqliteRows]:
    path = tmp_path / "store.sqlite3"
    with closing(SqliteStore.open(path, MEASUREMENTS)) as store:
        assert not store.write(ROWS)
    with closing(SqliteRows(path)) as found:
        yield found


def test_rows_of_a_span_by_time_and_tags(rows: SqliteRows) -> None:
    assert list(rows.rows(SESSION, FIELDS, START, START + HOUR, ())) == WITHIN


def test_rows_of_one_charger(rows: SqliteRows) -> None:
    assert list(rows.rows(SESSION, FIELDS, START, START + HOUR, ["EH2"])) == [WITHIN[1]]


def test_the_tags_of_a_measurement(rows: SqliteRows) -> None:
    (found,) = rows.rows(OUTCOME, ("ok", "late"), START, START + HOUR, ())
    assert found == (START + 5, ("EH1", "", "Pause", "315", "accepted"), (1.0, None))


def test_fields_that_only_the_store_has_are_found(rows: SqliteRows) -> None:
    assert rows.fields(OTHER) == {"o7001": FieldType.NUMBER, "o7002_text": FieldType.TEXT}
    assert list(rows.fields(SESSION).items()) == list(SESSION.fields.items())


def test_what_is_not_there_has_no_rows(rows: SqliteRows) -> None:
    nothing = MEASUREMENTS["charger_hour"]._replace(name="no_such")
    assert list(rows.rows(nothing, ("online_s",), START, START + HOUR, ())) == []
    assert rows.fields(nothing) == nothing.fields


def test_a_store_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailableError, match=r"nowhere\.sqlite3 is not there"):
        SqliteRows(tmp_path / "nowhere.sqlite3")
