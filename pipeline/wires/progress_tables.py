"""The tables of progress in the state file: what is remembered, heard, asked of us, and raised about the worker itself.

Owns their SQL. Each function runs within a transaction of its caller's (`pipeline.wires.state`) or reads. Must not
know what a fact means, or when something is kept.

A fact is an entry of its own, so that a batch writes only what is new. Who was heard is kept as a log of small
documents, one for each batch: with thousands of chargers that is a hundred times cheaper than an entry for each.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import orjson

from pipeline.core.kept_facts import KeptKey
from pipeline.core.progress import Progress

PROGRESS_SCHEMA = (
    """CREATE TABLE fact (serial TEXT NOT NULL, name TEXT NOT NULL, content BLOB NOT NULL,
        PRIMARY KEY (serial, name)) WITHOUT ROWID""",
    "CREATE TABLE heard (number INTEGER PRIMARY KEY, content BLOB NOT NULL)",
    "CREATE TABLE watermark (at INTEGER NOT NULL)",
    """CREATE TABLE request (message_id TEXT PRIMARY KEY, serial TEXT NOT NULL, command_id INTEGER NOT NULL,
        published_at INTEGER NOT NULL, ref TEXT NOT NULL, first_ref TEXT NOT NULL, fingerprint TEXT NOT NULL
        ) WITHOUT ROWID""",
    "CREATE INDEX request_by_age ON request (published_at)",
)
"""Came with version 2 of the state file."""

RAISED_SCHEMA = ("CREATE TABLE raised (kind TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID",)
"""Came with version 3."""


class Request(NamedTuple):
    """A command that we were asked to send.

    `first_ref`    of a retry the ref of the first sending, otherwise the `ref` itself.
    `fingerprint`  a hash of what was asked; see CommandRequest.
    """

    message_id: str
    serial: str
    command_id: int
    published_at: int
    ref: str
    first_ref: str
    fingerprint: str


def write_progress(connection: sqlite3.Connection, progress: Progress) -> None:
    """Keep the progress of a batch."""
    write_facts(connection, progress.facts)
    if progress.is_all:
        connection.execute("DELETE FROM heard")
    if progress.heard:
        connection.execute("INSERT INTO heard (content) VALUES (?)", (orjson.dumps(progress.heard),))
    if progress.watermark is not None:
        connection.execute("DELETE FROM watermark")
        connection.execute("INSERT INTO watermark VALUES (?)", (progress.watermark,))


def write_facts(connection: sqlite3.Connection, facts: Mapping[KeptKey, bytes | None]) -> None:
    """Keep facts under their keys; None is dropped."""
    kept = [(*key, content) for key, content in facts.items() if content is not None]
    dropped = [key for key, content in facts.items() if content is None]
    if dropped:
        connection.executemany("DELETE FROM fact WHERE serial = ? AND name = ?", dropped)
    if kept:
        connection.executemany("INSERT OR REPLACE INTO fact VALUES (?, ?, ?)", kept)


def read_facts(connection: sqlite3.Connection) -> Iterator[tuple[KeptKey, bytes]]:
    """Every fact. Reads on while the caller takes them."""
    for serial, name, content in connection.execute("SELECT serial, name, content FROM fact"):
        yield KeptKey(serial, name), content


def read_heard(connection: sqlite3.Connection) -> dict[str, int]:
    """When each was heard last."""
    heard: dict[str, int] = {}
    for (content,) in connection.execute("SELECT content FROM heard ORDER BY number"):
        heard.update(orjson.loads(content))
    return heard


def read_watermark(connection: sqlite3.Connection) -> int | None:
    """The watermark; None where none was kept."""
    found = connection.execute("SELECT at FROM watermark").fetchone()
    return None if found is None else int(found[0])


def write_request(connection: sqlite3.Connection, request: Request) -> None:
    """Keep a request."""
    connection.execute("INSERT OR REPLACE INTO request VALUES (?, ?, ?, ?, ?, ?, ?)", request)


def drop_requests(connection: sqlite3.Connection, message_ids: Iterable[str]) -> None:
    """Forget these requests."""
    connection.executemany("DELETE FROM request WHERE message_id = ?", [(message_id,) for message_id in message_ids])


def read_requests(connection: sqlite3.Connection) -> Iterator[Request]:
    """Every request, the oldest first."""
    columns = ", ".join(Request._fields)
    yield from map(Request._make, connection.execute(f"SELECT {columns} FROM request ORDER BY published_at, ref"))


def write_raised(connection: sqlite3.Connection, raised: Mapping[str, int]) -> None:
    """Keep which alerts about the worker are raised, by kind, and since when, in place of those before."""
    connection.execute("DELETE FROM raised")
    connection.executemany("INSERT INTO raised VALUES (?, ?)", raised.items())


def read_raised(connection: sqlite3.Connection) -> dict[str, int]:
    """Which alerts about the worker were raised, and since when."""
    return dict(connection.execute("SELECT kind, at FROM raised ORDER BY kind"))
