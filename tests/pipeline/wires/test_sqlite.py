"""The SQLite store: content, durability, neighbours."""

import random
import sqlite3
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.wires.sqlite import SqliteStore
from pipeline.wires.sqlite_schema import ForeignFileError
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
    path = tmp_path / "store"
    path.write_bytes(b"not a database, but somebody's letters" * 100)
    before = path.read_bytes()
    with pytest.raises(StoreUnavailableError, match="no SQLite database"):
        SqliteStore.open(path, MEASUREMENTS)
    assert path.read_bytes() == before
    theirs = tmp_path / "theirs"
    with closing(sqlite3.connect(theirs)) as connection:
        connection.execute("CREATE TABLE t (x)")
    with pytest.raises(ForeignFileError, match="another program"):
        SqliteStore.open(theirs, MEASUREMENTS)


def test_the_file_is_its_owners_alone_and_the_wal_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "data" / "store"
    with SqliteStore.open(path, MEASUREMENTS) as store:
        for batch in range(60):
            store.write([plain(batch * 1_000 + place, ("c", "x" * 500)) for place in range(1_000)])
        assert {file.stat().st_mode & 0o777 for file in path.parent.iterdir()} == {0o600}
        assert (path.parent / "store-wal").stat().st_size < 64 * 2**20
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_others_read_whole_batches_while_it_writes(tmp_path: Path) -> None:
    path = tmp_path / "store"
    with SqliteStore.open(path, MEASUREMENTS) as store, closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM plain").fetchone() == (0,)
        for batch in range(1, 4):
            store.write([plain(batch * 100 + place, ("a", 1.0)) for place in range(100)])
            assert reader.execute("SELECT count(*) FROM plain").fetchone() == (0,)
            with closing(sqlite3.connect(path)) as other:
                assert other.execute("SELECT count(*) FROM plain").fetchone() == (batch * 100,)


def test_a_locked_store_is_unavailable_and_writes_again_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.wires.sqlite_file.BUSY_MS", 10)
    path = tmp_path / "store"
    with SqliteStore.open(path, MEASUREMENTS) as store, closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailableError, match="another program writes"):
            store.write([plain(1, ("a", 1.0))])
        other.execute("ROLLBACK")
        assert not store.write([plain(1, ("a", 1.0))])


def test_a_full_disk_leaves_nothing_half_and_is_over_when_there_is_room(tmp_path: Path) -> None:
    path = tmp_path / "store"
    rows = [plain(place, ("c", "x" * 1_000)) for place in range(2_000)]
    with SqliteStore.open(path, MEASUREMENTS) as store:
        store.write([plain(9_999, ("a", 1.0))])
        (pages,) = store._connection.execute("PRAGMA page_count").fetchone()
        store._connection.execute(f"PRAGMA max_page_count = {pages + 20}")
        unknown = Row("other", "EH1", "", (), 1, (("o7", 1.0),))
        with pytest.raises(StoreUnavailableError, match="free some disk space"):
            store.write([unknown, *rows])
        assert content(path) == modelled([plain(9_999, ("a", 1.0))])
        store._connection.execute("PRAGMA max_page_count = 1000000")
        assert not store.write([unknown, *rows])
    assert len(content(path)) == 2_002


WRITER = """
import sys
from pathlib import Path
from tests.pipeline.wires.test_sqlite import MEASUREMENTS, plain
from pipeline.wires.sqlite import SqliteStore
with SqliteStore.open(Path(sys.argv[1]), MEASUREMENTS) as store:
    batch = 0
    while True:
        store.write([plain(batch * 1000 + place, ("a", float(batch))) for place in range(1000)])
        print(batch, flush=True)
        batch += 1
"""


@pytest.mark.parametrize("seed", range(3))
def test_a_writer_that_is_killed_leaves_whole_batches_and_all_it_had_confirmed(seed: int, tmp_path: Path) -> None:
    path = tmp_path / "store"
    chance = random.Random(seed)
    with subprocess.Popen([sys.executable, "-c", WRITER, path], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout
        confirmed = [writer.stdout.readline() for _ in range(chance.randrange(3, 30))]
        writer.kill()
    with SqliteStore.open(path, MEASUREMENTS):
        pass
    with closing(sqlite3.connect(path)) as reader:
        assert reader.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        counts = reader.execute("SELECT a, count(*) FROM plain GROUP BY a ORDER BY a").fetchall()
    assert {count for _, count in counts} == {1_000}
    assert [batch for batch, _ in counts] == [float(batch) for batch in range(len(counts))]
    assert len(counts) >= len(confirmed) >= 3
