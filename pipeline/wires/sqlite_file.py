"""SQLite files: opened durable and private, written in whole transactions, and never somebody else's.

Owns what every file of ours has in common: the mark that says whose it is and of which version; WAL with
`synchronous=FULL`, so that what was committed is on the disk and others can read meanwhile; one writer, for whom a
second one waits a while. Must not know what is in a file.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from pipeline.wires.private_file import make_private
from pipeline.wires.sqlite_fault import explain_fault, needs_operator
from pipeline.wires.store import StoreUnavailableError

BUSY_MS = 10_000
"""How long a writer waits for another one."""
_WAL_PAGES = 4_000
_WAL_BYTES = 64 * 1024 * 1024


class FileKind(NamedTuple):
    """What a file is: its `application_id`, and the newest schema version (from 1) that this program knows."""

    application: int
    version: int


class ForeignFileError(Exception):
    """The file is not one that this program can use. Says why, and what to do."""


def open_file(path: Path, kind: FileKind) -> sqlite3.Connection:
    """Open the database in `path`, made empty where there is none.

    Raises ForeignFileError for a file of another kind or a newer version, which is left as it is, and
    StoreUnavailableError.
    """
    make_private(path)
    # Used by one thread at a time, which need not be the one that opened it.
    connection = sqlite3.connect(path, timeout=BUSY_MS / 1_000, isolation_level=None, check_same_thread=False)
    try:
        with faults_explained(path):
            # First of all: already the switch to WAL would change the file of somebody else.
            _refuse_foreign(connection, path, kind)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute(f"PRAGMA wal_autocheckpoint = {_WAL_PAGES}")
            connection.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES}")
    except (ForeignFileError, StoreUnavailableError):
        connection.close()
        raise
    return connection


def open_to_read(path: Path, kind: FileKind) -> sqlite3.Connection:
    """A file that is there, also while somebody writes to it; nothing of it is changed.

    Raises ForeignFileError as `open_file` does, and StoreUnavailableError.
    """
    if not path.exists():
        message = f"{path} is not there; name the folder of a store that has rows in CHARGELINE_DATA_DIR"
        raise StoreUnavailableError(message, needs_operator=True)
    with faults_explained(path):
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        try:
            _refuse_foreign(connection, path, kind)
        except (ForeignFileError, sqlite3.Error):
            connection.close()
            raise
    return connection


def is_new(connection: sqlite3.Connection) -> bool:
    """True where nothing was ever written to the file."""
    return read_mark(connection) == (0, 0) and not _has_content(connection)


def mark(connection: sqlite3.Connection, kind: FileKind) -> None:
    """Say whose the file is, and its version. Belongs in the transaction that makes its tables."""
    connection.execute(f"PRAGMA application_id = {kind.application}")
    connection.execute(f"PRAGMA user_version = {kind.version}")


def read_mark(connection: sqlite3.Connection) -> tuple[int, int]:
    """Whose the file is, and its version, as `mark` left them; zeros where it never did."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return application, version


@contextmanager
def transaction(connection: sqlite3.Connection, path: Path) -> Iterator[None]:
    """Everything inside is committed, or, where anything is raised, nothing of it.

    Raises StoreUnavailableError for what SQLite cannot do now; the connection can be used again afterwards.
    """
    with faults_explained(path):
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


@contextmanager
def faults_explained(path: Path) -> Iterator[None]:
    """SQLite's faults become StoreUnavailableError, with words."""
    try:
        yield
    except sqlite3.Error as fault:
        raise StoreUnavailableError(explain_fault(path, fault), needs_operator=needs_operator(fault)) from fault


def _refuse_foreign(connection: sqlite3.Connection, path: Path, kind: FileKind) -> None:
    application, version = read_mark(connection)
    if application != kind.application and not is_new(connection):
        message = f"{path} is a database of another program; name another folder in CHARGELINE_DATA_DIR"
        raise ForeignFileError(message)
    if version > kind.version:
        message = (
            f"{path} has schema version {version}, this program knows up to {kind.version}; use a newer chargeline"
        )
        raise ForeignFileError(message)


def _has_content(connection: sqlite3.Connection) -> bool:
    return connection.execute("SELECT 1 FROM sqlite_master").fetchone() is not None
