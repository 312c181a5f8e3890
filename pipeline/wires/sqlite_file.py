"""SQLite files: opened durable and private, written in whole transactions.

Owns what every file of ours has in common: WAL with `synchronous=FULL`, so that what was committed is on the disk and
others can read meanwhile; one writer, for whom a second one waits a while. Must not know what is in a file.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.wires.private_file import make_private
from pipeline.wires.sqlite_fault import explain_fault
from pipeline.wires.store import StoreUnavailableError

BUSY_MS = 10_000
"""How long a writer waits for another one."""
_WAL_PAGES = 4_000
_WAL_BYTES = 64 * 1024 * 1024


def open_file(path: Path) -> sqlite3.Connection:
    """Open the database in `path`, made empty where there is none. Raises StoreUnavailableError."""
    make_private(path)
    connection = sqlite3.connect(path, timeout=BUSY_MS / 1_000, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_WAL_PAGES}")
        connection.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES}")
    except sqlite3.Error as fault:
        connection.close()
        raise StoreUnavailableError(explain_fault(path, fault)) from fault
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection, path: Path) -> Iterator[None]:
    """Everything inside is committed, or, where anything is raised, nothing of it.

    Raises StoreUnavailableError for what SQLite cannot do now; the connection can be used again afterwards.
    """
    try:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    except sqlite3.Error as fault:
        raise StoreUnavailableError(explain_fault(path, fault)) from fault
