"""The SQLite store: content, durability, neighbours."""

import sqlite3
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.wires.sqlite import SqliteStore
from pipeline.wires.sqlite_file import ForeignFileError
from pipeline.wires.sqlite_schema import STORE
from pipeline.wires.store import StoreUnavailableError
from schemas.measurement import FieldType, Measurement
from schemas.row import Row
from tests.oracle.stores import rows_of_sqlite

NUMBER, TEXT = FieldType.NUMBER, FieldType.TEXT
MEASUREMENTS: Mapping[str, Measurement] = {
    "plain": Measurement("plain", (), MappingProxyType({"a": NUMBER, "b": NUMBER, "c": TEXT})),
    "tagged": Measurement("tagged", ("command",), MappingProxyType({"a": NUMBER, "b": TEXT})),
    "other": Measurement("other", (), MappingProxyType({}), open_fields=True),
}
Content = dict[tuple[object, ...], dict[str, float | str]]


def plain(time: int, *fields: tuple[str, float | str], charger: str = "EH1") -> Row:
    return Row("plain", charger, "", (), time, fields)


def content(path: Path) -> Content:
    return {tuple(key): fields for key, fields in rows_of_sqlite(path).items()}


def modelled(rows: Sequence[Row]) -> Content:
    """A store as a dictionary: of two values of one field the later one stays."""
    model: defaultdict[tuple[object, ...], dict[str, float | str]] = defaultdict(dict)
    for row in rows:
        model[row.measurement, row.charger, row.tags, row.time].update(row.fields)
    return dict(model)


VALUES = {"a": st.floats(-5, 5), "b": st.floats(-5, 5), "c": st.text(max_size=3)}
PLAIN = st.builds(
    lambda charger, time, fields: plain(time, *fields.items(), charger=charger),
    st.sampled_from(["EH1", "EH2"]),
    st.integers(1, 3),
    st.fixed_dictionaries({}, optional=VALUES).filter(bool),
)
TAGGED = st.builds(
    lambda command, time, fields: Row("tagged", "EH1", "", (("command", command),), time, tuple(fields.items())),
    st.sampled_from(["Reboot", "c99"]),
    st.integers(1, 2),
    st.fixed_dictionaries({}, optional={"a": st.floats(-5, 5), "b": st.text(max_size=3)}).filter(bool),
)


@given(st.lists(PLAIN | TAGGED, max_size=25), st.integers(1, 9))
def test_any_rows_in_any_batches_are_those_of_a_dictionary(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Row], size: int
) -> None:
    path = tmp_path_factory.mktemp("store") / "store"
    with SqliteStore.open(path, MEASUREMENTS) as store:
        for start in range(0, len(rows), size):
            assert not store.write(rows[start : start + size])
    assert content(path) == modelled(rows)


@pytest.mark.parametrize(
    "value",
    [0.0, 5e-324, 1.7976931348623157e308, -1e-7, 1.4140000343322754, "", "a\0b", 'q"\n\\', "x" * 262_144, "é😀"],
)
def test_values_come_back_as_they_were(value: float | str, tmp_path: Path) -> None:
    field = "c" if isinstance(value, str) else "a"
    with SqliteStore.open(tmp_path / "store", MEASUREMENTS) as store:
        store.write([plain(1, (field, value))])
    assert content(tmp_path / "store") == {("plain", "EH1", (), 1): {field: value}}


def test_a_row_that_has_no_place_costs_no_neighbour(tmp_path: Path) -> None:
    rows = [plain(1, ("a", 1.0)), plain(2, ("x", 1.0)), plain(3, ("a", 1.0), ("x", 1.0)), plain(4, ("a", 1.0))]
    with SqliteStore.open(tmp_path / "store", MEASUREMENTS) as store:
        refusals = store.write([*rows, rows[0]._replace(measurement="nowhere")])
    assert [(refusal.row, refusal.detail) for refusal in refusals] == [
        (1, "table plain has no column x"),
        (2, "table plain has no column x"),
        (4, "there is no table nowhere"),
    ]
    assert content(tmp_path / "store") == modelled([rows[0], rows[3]])


def test_unknown_ids_make_their_own_columns_until_sqlite_has_no_more(tmp_path: Path) -> None:
    def other(number: int) -> Row:
        return Row("other", "EH1", "", (), number, ((f"o{number}", 1.0),))

    with SqliteStore.open(tmp_path / "store", MEASUREMENTS) as store:
        assert not store.write([other(1), Row("other", "EH1", "", (), 1, (("o1_text", "x"),))])
        rows = [other(number) for number in range(2, 2_100)]
        refusals = store.write(rows)
        assert refusals
        assert "full" in refusals[0].detail
        assert not store.write([other(5), plain(1, ("a", 1.0))])
    stored = content(tmp_path / "store")
    assert stored["other", "EH1", (), 1] == {"o1": 1.0, "o1_text": "x"}
    assert len([key for key in stored if key[0] == "other"]) == 1 + len(rows) - len(refusals)
    with closing(sqlite3.connect(tmp_path / "store")) as reader:
        assert reader.execute("SELECT o5 FROM other_iso WHERE o5 IS NOT NULL").fetchall() == [(1.0,)]
    with SqliteStore.open(tmp_path / "store", MEASUREMENTS) as store:
        assert not store.write([other(5)])


def test_a_catalogue_that_grew_grows_the_tables(tmp_path: Path) -> None:
    grown = {**MEASUREMENTS, "plain": Measurement("plain", (), MappingProxyType({"a": NUMBER, "d": TEXT}))}
    with SqliteStore.open(tmp_path / "store", MEASUREMENTS) as store:
        store.write([plain(1, ("a", 1.0))])
    with SqliteStore.open(tmp_path / "store", grown) as store:
        assert not store.write([plain(1, ("d", "new"))])
    assert content(tmp_path / "store") == {("plain", "EH1", (), 1): {"a": 1.0, "d": "new"}}


def test_the_file_of_another_is_refused_and_left_alone(tmp_path: Path) -> None:
    letters = tmp_path / "letters"
    letters.write_bytes(b"not a database, but somebody's letters" * 100)
    theirs = tmp_path / "theirs"
    with closing(sqlite3.connect(theirs)) as connection:
        connection.execute("CREATE TABLE t (x)")
    before = letters.read_bytes(), theirs.read_bytes()
    with pytest.raises(StoreUnavailableError, match="no SQLite database"):
        SqliteStore.open(letters, MEASUREMENTS)
    with pytest.raises(ForeignFileError, match="another program"):
        SqliteStore.open(theirs, MEASUREMENTS)
    assert (letters.read_bytes(), theirs.read_bytes()) == before


def test_a_newer_schema_is_refused_with_words(tmp_path: Path) -> None:
    path = tmp_path / "store"
    SqliteStore.open(path, MEASUREMENTS).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {STORE.version + 1}")
    with pytest.raises(ForeignFileError, match="use a newer chargeline"):
        SqliteStore.open(path, MEASUREMENTS)


def test_a_table_that_was_taken_away_is_made_again(tmp_path: Path) -> None:
    path = tmp_path / "store"
    row = plain(1, ("a", 1.0))
    with SqliteStore.open(path, MEASUREMENTS) as store, closing(sqlite3.connect(path, isolation_level=None)) as other:
        store.write([row])
        other.execute("DROP TABLE plain")
        with pytest.raises(StoreUnavailableError, match="no such table"):
            store.write([row])
        assert not store.write([row])
    assert content(path) == modelled([row])


def test_a_column_that_another_writer_added_is_no_fault_for_long(tmp_path: Path) -> None:
    path = tmp_path / "store"
    rows = [Row("other", "EH1", "", (), number, ((f"o{number}", 1.0),)) for number in (1, 2)]
    with SqliteStore.open(path, MEASUREMENTS) as one, SqliteStore.open(path, MEASUREMENTS) as two:
        one.write(rows[:1])
        two.write(rows)
        with pytest.raises(StoreUnavailableError, match="duplicate column"):
            one.write(rows)
        assert not one.write(rows)
    assert content(path) == modelled(rows)


def times_before(path: Path, moment: int) -> list[int]:
    """Of the rows of `tagged` before a moment."""
    times = [int(str(key[-1])) for key in content(path) if key[0] == "tagged"]
    return sorted(time for time in times if time < moment)


@given(st.lists(PLAIN | TAGGED, min_size=1, max_size=25), st.integers(0, 4), st.integers(1, 5))
def test_the_oldest_rows_are_dropped_and_no_others(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Row], moment: int, most: int
) -> None:
    path = tmp_path_factory.mktemp("store") / "store"
    with SqliteStore.open(path, MEASUREMENTS) as store:
        store.write(rows)
        old = times_before(path, moment)
        assert store.drop_before("tagged", moment, most) == min(len(old), most)
        assert times_before(path, moment) == old[most:]
        while store.drop_before("tagged", moment, most):
            pass
    kept = {key: fields for key, fields in modelled(rows).items() if key[0] != "tagged" or int(str(key[-1])) >= moment}
    assert content(path) == kept


def test_rows_of_a_table_that_is_not_there_need_not_be_dropped(tmp_path: Path) -> None:
    with SqliteStore.open(tmp_path / "store", MEASUREMENTS) as store:
        with closing(sqlite3.connect(tmp_path / "store")) as other:
            other.execute("DROP TABLE plain")
        assert store.drop_before("plain", 9, 9) == 0
