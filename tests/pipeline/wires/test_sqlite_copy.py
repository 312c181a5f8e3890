"""Copies of SQLite files: of one moment, whole in themselves, and looked into without a trace."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from pipeline.wires.sqlite_copy import check_copy, held_alone, mark_of_copy, open_snapshot, sync
from pipeline.wires.sqlite_file import FileKind, ForeignFileError, mark, open_file, transaction
from pipeline.wires.store import StoreUnavailableError

KIND = FileKind(application=0x54455354, version=3)
ROWS = 20_000


def filled(path: Path, rows: int) -> sqlite3.Connection:
    """A database with so many rows, of a bit over 1 KiB each, still open."""
    connection = open_file(path, KIND)
    with transaction(connection, path):
        mark(connection, KIND)
        connection.execute("CREATE TABLE t (x, y)")
        connection.executemany("INSERT INTO t VALUES (?, zeroblob(1000))", ((number,) for number in range(rows)))
    return connection


def count(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        (rows,) = connection.execute("SELECT count(*) FROM t").fetchone()
    return int(rows)


def test_a_copy_is_of_the_moment_of_the_snapshot_and_does_not_begin_anew(tmp_path: Path) -> None:
    path, copy = tmp_path / "file", tmp_path / "copy"
    told: list[tuple[int, int]] = []
    with closing(filled(path, ROWS)) as writer:

        def write_on(done: int, whole: int) -> None:
            told.append((done, whole))
            writer.execute("INSERT INTO t VALUES (-1, zeroblob(1000))")

        with open_snapshot(path, KIND) as snapshot:
            assert snapshot.path == path
            writer.execute("DELETE FROM t WHERE x = 0")
            snapshot.copy_to(copy, write_on)

    assert count(copy) == ROWS
    assert count(path) == ROWS - 1 + len(told)
    assert len(told) > 2
    assert told == sorted(told)
    assert {whole for _, whole in told} == {told[-1][0]}
    assert mark_of_copy(copy) == KIND
    check_copy(copy)


def test_a_copy_is_one_private_file(tmp_path: Path) -> None:
    with closing(filled(tmp_path / "data" / "file", 3)), open_snapshot(tmp_path / "data" / "file", KIND) as snapshot:
        snapshot.copy_to(tmp_path / "copies" / "copy", lambda *_: None)
    copy = tmp_path / "copies" / "copy"
    check_copy(copy)
    mark_of_copy(copy)
    assert list(copy.parent.iterdir()) == [copy]
    assert copy.stat().st_mode & 0o777 == 0o600


def test_whatever_is_raised_meanwhile_ends_the_copy(tmp_path: Path) -> None:
    with (
        closing(filled(tmp_path / "file", 3)),
        open_snapshot(tmp_path / "file", KIND) as snapshot,
        pytest.raises(ZeroDivisionError),
    ):
        snapshot.copy_to(tmp_path / "copy", lambda *_: print(1 // 0))


def test_a_copy_that_cannot_be_written_names_the_copy(tmp_path: Path) -> None:
    source = f"""
import resource, signal, sys
from pathlib import Path
from pipeline.wires.sqlite_copy import open_snapshot
from pipeline.wires.store import StoreUnavailableError
from tests.pipeline.wires.test_sqlite_copy import KIND
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with open_snapshot(Path(sys.argv[1]), KIND) as snapshot:
    resource.setrlimit(resource.RLIMIT_FSIZE, ({ROWS * 100}, resource.RLIM_INFINITY))
    try:
        snapshot.copy_to(Path(sys.argv[2]), lambda *_: None)
    except StoreUnavailableError as fault:
        print(fault)
"""
    filled(tmp_path / "file", ROWS).close()
    words = subprocess.run(
        [sys.executable, "-c", source, tmp_path / "file", tmp_path / "copy"], capture_output=True, check=True, text=True
    ).stdout
    assert words.startswith(f"{tmp_path / 'copy'}: ")
    assert "disk" in words


def test_only_a_new_file_is_empty(tmp_path: Path) -> None:
    (tmp_path / "new").touch()
    with open_snapshot(tmp_path / "new", KIND) as snapshot:
        assert snapshot.is_empty()
    filled(tmp_path / "file", 0).close()
    with open_snapshot(tmp_path / "file", KIND) as snapshot:
        assert not snapshot.is_empty()


def test_the_file_of_another_is_refused(tmp_path: Path) -> None:
    filled(tmp_path / "file", 1).close()
    other = FileKind(application=1, version=1)
    with pytest.raises(ForeignFileError, match="another program"), open_snapshot(tmp_path / "file", other):
        pass


@pytest.mark.parametrize("page", [2, 3])
def test_a_damaged_copy_is_told_in_sqlites_words(page: int, tmp_path: Path) -> None:
    path = tmp_path / "file"
    filled(path, 100).close()
    check_copy(path)
    with path.open("r+b") as file:
        file.seek((page - 1) * 4_096)
        file.write(b"\xff" * 4_096)
    with pytest.raises(StoreUnavailableError, match=r"^[^\n]*file: the copy is damaged \([^\n]+\); see that [^\n]*$"):
        check_copy(path)


def test_what_is_no_database_has_no_mark_and_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"letters" * 1_000)
    with pytest.raises(StoreUnavailableError, match="not a database"):
        mark_of_copy(path)
    with pytest.raises(StoreUnavailableError, match="not a database"):
        check_copy(path)


def test_looking_leaves_no_trace_even_of_a_file_that_would_be_written_beside(tmp_path: Path) -> None:
    filled(tmp_path / "file", 3).close()
    before = (tmp_path / "file").read_bytes()
    assert before[18:20] == b"\2\2"
    assert mark_of_copy(tmp_path / "file") == KIND
    check_copy(tmp_path / "file")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_bytes() == before


def test_a_name_that_means_something_in_a_url_is_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    filled(Path("50% of? #1"), 1).close()
    assert mark_of_copy(Path("50% of? #1")) == KIND


OPENS = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); print(*c.execute('SELECT count(*) FROM t')); input()"


def test_a_database_that_another_program_has_open_is_not_alone(tmp_path: Path) -> None:
    path = tmp_path / "file"
    filled(path, 3).close()
    with subprocess.Popen(
        [sys.executable, "-c", OPENS, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "(3,)\n"
        with (
            pytest.raises(StoreUnavailableError, match="file is open in another program; end that one"),
            held_alone(path),
        ):
            pass
        assert other.communicate("\n")[1] is None
    with held_alone(path):
        pass


def test_while_a_database_is_held_alone_nobody_else_opens_it(tmp_path: Path) -> None:
    path = tmp_path / "file"
    filled(path, 3).close()
    source = OPENS.replace("argv[1]", "argv[1], timeout=0")
    with held_alone(path):
        other = subprocess.run([sys.executable, "-c", source, path], capture_output=True, check=False, text=True)
    assert "database is locked" in other.stderr
    assert count(path) == 3


def test_holding_changes_nothing(tmp_path: Path) -> None:
    for name in ("file", "file-wal"):
        (tmp_path / name).write_bytes(b"letters" * 1_000)
    with held_alone(tmp_path / "file"):
        pass
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        "file": b"letters" * 1_000,
        "file-wal": b"letters" * 1_000,
    }


def test_files_and_folders_are_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda opened: synced.append(os.fstat(opened).st_ino))
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path):
        sync(path)
    assert synced == [(tmp_path / "file").stat().st_ino, tmp_path.stat().st_ino]
