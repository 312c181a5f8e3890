"""Copies of SQLite files: taken whole while others write, looked into, and put in the place of another.

Owns the snapshot, the check of a copy, and what lies beside a database file. Must not know what is in a file, or why
it is copied.
"""

import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from pipeline.wires.private_file import make_private
from pipeline.wires.sqlite_file import FileKind, faults_explained, is_new, open_file, read_mark
from pipeline.wires.store import StoreUnavailableError

BESIDE = ("-wal", "-shm", "-journal")
"""What SQLite puts behind a database's name for the files that belong to it."""

_PAGES_AT_ONCE = 2_048
_SOUND = "ok"

# The bytes that SQLite locks while it has a file open (https://www.sqlite.org/fileformat2.html, the lock-byte page).
# To ask SQLite itself would be to change the file: it moves the `-wal` into it, or throws away one it cannot read.
_SHARED_FIRST = 0x40000002
_SHARED_BYTES = 510


class Snapshot:
    """A database as it was at one moment. Others go on writing; only the file's `-wal` cannot shrink meanwhile."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        """Use `open_snapshot`."""
        self._connection = connection
        self._path = path

    @property
    def path(self) -> Path:
        """The database's file."""
        return self._path

    def is_empty(self) -> bool:
        """True where nothing was ever written. Raises StoreUnavailableError."""
        with faults_explained(self._path):
            return is_new(self._connection)

    def copy_to(self, target: Path, on_pages: Callable[[int, int], None]) -> None:
        """Write the database to `target`: a new file, private, whole in itself, and on the disk.

        `on_pages` is told how many of how many pages are copied. Raises StoreUnavailableError; whatever is raised, what
        stands in `target` then is to be thrown away.
        """
        make_private(target)
        with closing(sqlite3.connect(target, isolation_level=None)) as copy:
            with faults_explained(self._path):
                # Nobody relies on the copy before it is whole; one sync at the end is enough.
                copy.execute("PRAGMA synchronous = OFF")
            with faults_explained(target):
                self._connection.backup(
                    copy,
                    pages=_PAGES_AT_ONCE,
                    progress=lambda _status, remaining, whole: on_pages(whole - remaining, whole),
                )
                # Readable from a medium that takes no writes, without a `-wal` that could be forgotten.
                copy.execute("PRAGMA journal_mode = DELETE")
        sync(target)


@contextmanager
def open_snapshot(path: Path, kind: FileKind) -> Iterator[Snapshot]:
    """The database in `path` as it is now, until the end of the block.

    Raises ForeignFileError for a file of another kind or a newer version, StoreUnavailableError.
    """
    with closing(open_file(path, kind)) as connection:
        with faults_explained(path):
            # Without it, a copy would begin anew whenever somebody writes, and never end beside a busy worker.
            connection.execute("BEGIN")
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        yield Snapshot(connection, path)


def check_copy(path: Path) -> None:
    """Read all pages of a copy. Raises StoreUnavailableError, with SQLite's words, where they do not fit together."""
    with closing(_read_only(path)) as connection:
        try:
            (words,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        except sqlite3.Error as fault:
            words = str(fault)
    if words != _SOUND:
        message = (
            f"{path}: the copy is damaged ({' '.join(words.split())}); see that the disk and the copied file are sound"
        )
        raise StoreUnavailableError(message)


def mark_of_copy(path: Path) -> tuple[int, int]:
    """The `application_id` and the schema version of a copy. Raises StoreUnavailableError for what is no database."""
    with closing(_read_only(path)) as connection, faults_explained(path):
        return read_mark(connection)


@contextmanager
def held_alone(path: Path) -> Iterator[None]:
    """Nobody else has the database in `path` open, until the end of the block. Changes no file.

    Raises StoreUnavailableError where somebody has, and OSError.
    """
    with path.open("r+b") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, _SHARED_BYTES, _SHARED_FIRST)
        except (BlockingIOError, PermissionError):  # POSIX leaves a system the choice.
            message = f"{path} is open in another program; end that one, then try again"
            raise StoreUnavailableError(message) from None
        yield


def sync(path: Path) -> None:
    """Have a file, or the names in a folder, on the disk. Raises OSError."""
    opened = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _read_only(path: Path) -> sqlite3.Connection:
    """A connection to a file that nobody changes; nothing is made beside it."""
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True, isolation_level=None)
