"""Facts read back from a real SQLite store."""

from pathlib import Path

import pytest

from pipeline.core.recomputation import StoredRow
from pipeline.wires.sqlite import SqliteStore
from pipeline.wires.sqlite_facts import SqliteFacts
from pipeline.wires.store import StoreUnavailableError
from schemas.catalogue import shipped_catalogue
from schemas.measurement import derived_measurements, fact_measurements
from tests.pipeline.wires.past_samples import FIELDS, HOUR, LAST, ROWS, SILENCES, START, WITHIN


@pytest.fixture
def facts(tmp_path: Path) -> SqliteFacts:
    path = tmp_path / "store.sqlite3"
    store = SqliteStore.open(path, {**fact_measurements(shipped_catalogue()), **derived_measurements()})
    store.write(ROWS)
    store.close()
    return SqliteFacts(path)


def test_rows_of_a_span_by_time(facts: SqliteFacts) -> None:
    assert list(facts.between(FIELDS, START, START + HOUR)) == WITHIN


def test_the_last_of_each_field_and_charger(facts: SqliteFacts) -> None:
    assert sorted(facts.last_before(FIELDS, START, START + HOUR)) == LAST


def test_what_hours_bear(facts: SqliteFacts) -> None:
    assert facts.firmwares([START, START + HOUR]) == {("EH1", START): "315", ("EH2", START): "-"}


def test_edges_of_silences_alone(facts: SqliteFacts) -> None:
    assert sorted(facts.silences(START, START + HOUR)) == SILENCES


def test_what_is_not_there_is_none(tmp_path: Path) -> None:
    path = tmp_path / "empty.sqlite3"
    SqliteStore.open(path, {}).close()
    empty = SqliteFacts(path)
    assert list(empty.between(FIELDS, START, START + HOUR)) == list[StoredRow]()
    assert list(empty.last_before(FIELDS, START, START + HOUR)) == list[StoredRow]()
    assert list(empty.silences(START, START + HOUR)) == []
    assert empty.firmwares([START]) == {}
    empty.close()


def test_a_store_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailableError, match=r"nowhere\.sqlite3 is not there"):
        SqliteFacts(tmp_path / "nowhere.sqlite3")
