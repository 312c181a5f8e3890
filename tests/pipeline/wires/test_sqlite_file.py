"""SQLite files: durable, private, and all or nothing."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from pipeline.wires.sqlite_file import FileKind, ForeignFileError, is_new, mark, open_file, open_to_read, transaction
from pipeline.wires.store import StoreUnavailableError

KIND = FileKind(application=0x54455354, version=3)


def test_what_was_committed_is_on_the_disk(tmp_path: Path) -> None:
    with closing(open_file(tmp_path / "a" / "file", KIND)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert (tmp_path / "a" / "file").stat().st_mode & 0o777 == 0o600


def write(path: Path, *statements: str) -> None:
    """Run statements in one transaction on a connection of its own."""
    with closing(open_file(path, KIND)) as connection, transaction(connection, path):
        mark(connection, KIND)
        for statement in statements:
            connection.execute(statement)


def test_a_transaction_is_all_or_nothing(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write(path, "CREATE TABLE t (x)")
    with pytest.raises(StoreUnavailableError, match="no such table"):
        write(path, "INSERT INTO t VALUES (2)", "INSERT INTO nowhere VALUES (2)")
    write(path, "INSERT INTO t VALUES (3)")
    with closing(open_file(path, KIND)) as connection:
        assert connection.execute("SELECT x FROM t").fetchall() == [(3,)]


def test_whatever_is_raised_inside_undoes_it_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with closing(open_file(path, KIND)) as connection:
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
        open_file(tmp_path / "file", KIND)


def test_a_second_writer_waits_then_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.wires.sqlite_file.BUSY_MS", 10)
    path = tmp_path / "file"
    with closing(open_file(path, KIND)) as first, closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailableError, match="another program writes"), transaction(first, path):
            pass


def test_a_marked_file_is_known_again_and_new_only_once(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with closing(open_file(path, KIND)) as connection:
        assert is_new(connection)
    write(path)
    for newer in (KIND, KIND._replace(version=4)):
        with closing(open_file(path, newer)) as connection:
            assert not is_new(connection)


def theirs(path: Path, *statements: str) -> bytes:
    """The bytes of a file that another program made."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)
    return path.read_bytes()


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("CREATE TABLE theirs (x)", "another program"),
        ("PRAGMA user_version = 3", "another program"),
        ("PRAGMA application_id = 7", "another program"),
        (f"PRAGMA application_id = {KIND.application + 1}", "another program"),
    ],
)
def test_the_file_of_another_is_refused_and_left_as_it_is(statement: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    before = theirs(path, statement)
    with pytest.raises(ForeignFileError, match=words):
        open_file(path, KIND)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_newer_version_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "file"
    before = theirs(
        path, f"PRAGMA application_id = {KIND.application}", "PRAGMA user_version = 4", "CREATE TABLE t (x)"
    )
    with pytest.raises(ForeignFileError, match="version 4, this program knows up to 3; use a newer chargeline"):
        open_file(path, KIND)
    assert path.read_bytes() == before


def test_a_reader_reads_beside_a_writer_and_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write(path, "CREATE TABLE t (x)", "INSERT INTO t VALUES (3)")
    with closing(open_file(path, KIND)) as writer, closing(open_to_read(path, KIND)) as reader:
        with transaction(writer, path):
            writer.execute("INSERT INTO t VALUES (4)")
            assert reader.execute("SELECT x FROM t").fetchall() == [(3,)]
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            reader.execute("DELETE FROM t")


def test_a_reader_refuses_what_is_not_ours_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "file"
    before = theirs(path, "CREATE TABLE theirs (x)")
    with pytest.raises(ForeignFileError, match="another program"):
        open_to_read(path, KIND)
    assert path.read_bytes() == before
    with pytest.raises(StoreUnavailableError, match="nowhere is not there"):
        open_to_read(tmp_path / "nowhere", KIND)
