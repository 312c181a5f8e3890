"""SQLite files: durable, private, and all or nothing."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from pipeline.wires.sqlite_file import open_file, transaction
from pipeline.wires.store import StoreUnavailableError


def test_what_was_committed_is_on_the_disk(tmp_path: Path) -> None:
    with closing(open_file(tmp_path / "a" / "file")) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert (tmp_path / "a" / "file").stat().st_mode & 0o777 == 0o600


def write(path: Path, *statements: str) -> None:
    """Run statements in one transaction on a connection of its own."""
    with closing(open_file(path)) as connection, transaction(connection, path):
        for statement in statements:
            connection.execute(statement)


def test_a_transaction_is_all_or_nothing(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write(path, "CREATE TABLE t (x)")
    with pytest.raises(StoreUnavailableError, match="no such table"):
        write(path, "INSERT INTO t VALUES (2)", "INSERT INTO nowhere VALUES (2)")
    write(path, "INSERT INTO t VALUES (3)")
    with closing(open_file(path)) as connection:
        assert connection.execute("SELECT x FROM t").fetchall() == [(3,)]


def test_whatever_is_raised_inside_undoes_it_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with closing(open_file(path)) as connection:
        raised = pytest.raises(KeyError)
        with raised, transaction(connection, path):
            _fail_after(connection)
        assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)


def _fail_after(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE t (x)")
    raise KeyError


def test_a_file_that_is_none_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"letters" * 1_000)
    with pytest.raises(StoreUnavailableError, match="no SQLite database"):
        open_file(tmp_path / "file")


def test_a_second_writer_waits_then_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.wires.sqlite_file.BUSY_MS", 10)
    path = tmp_path / "file"
    with closing(open_file(path)) as first, closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailableError, match="another program writes"), transaction(first, path):
            pass
