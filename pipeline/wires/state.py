"""The local state file: what a worker must remember besides rows: the rejects, and how far it has come.

Owns the file, its size, its transactions, and what is kept of a reject; the tables of progress are
`pipeline.wires.progress_tables`. Must not know why a delivery is refused, how it is shown, or what a fact means.
The rejects are a function of their set, however batched or repeated: a redelivery is the same reject, keeps the
earliest time it was received, and has the reason that the program gave last.
Bodies are kept raw, personal values included, so the file is its owner's alone (0600).
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from pipeline.core.kept_facts import KeptKey
from pipeline.core.progress import Progress
from pipeline.wires.kept_reject import COLUMNS, KeptReject, from_columns, to_columns
from pipeline.wires.progress_tables import (
    PROGRESS_SCHEMA,
    RAISED_SCHEMA,
    Request,
    drop_requests,
    read_facts,
    read_heard,
    read_raised,
    read_requests,
    read_watermark,
    write_facts,
    write_progress,
    write_raised,
    write_request,
)
from pipeline.wires.sqlite_file import (
    FileKind,
    faults_explained,
    is_new,
    mark,
    open_file,
    read_mark,
    transaction,
)
from pipeline.wires.store import StoreUnavailableError
from schemas.reject import Reject, RejectReason

STATE = FileKind(application=0x43484C53, version=3)
"""The state file."""

_FETCHED_AT_ONCE = 100
_SCHEMA = (
    """CREATE TABLE reject (
        key TEXT PRIMARY KEY, reason TEXT NOT NULL, detail TEXT NOT NULL, routing_key TEXT NOT NULL,
        headers TEXT NOT NULL, message_id TEXT, body BLOB NOT NULL, body_length INTEGER NOT NULL,
        body_sha256 TEXT NOT NULL, received_at INTEGER, bytes INTEGER NOT NULL, kept_at INTEGER NOT NULL)""",
    "CREATE INDEX reject_by_age ON reject (kept_at, key)",
    "CREATE TABLE total (bytes INTEGER NOT NULL, rejects INTEGER NOT NULL)",
    "INSERT INTO total VALUES (0, 0)",
    """CREATE TRIGGER reject_added AFTER INSERT ON reject BEGIN
        UPDATE total SET bytes = bytes + new.bytes, rejects = rejects + 1; END""",
    """CREATE TRIGGER reject_changed AFTER UPDATE OF bytes ON reject BEGIN
        UPDATE total SET bytes = bytes - old.bytes + new.bytes; END""",
    """CREATE TRIGGER reject_removed AFTER DELETE ON reject BEGIN
        UPDATE total SET bytes = bytes - old.bytes, rejects = rejects - 1; END""",
)
_ADD = f"""INSERT INTO reject ({", ".join(COLUMNS)}, kept_at) VALUES ({", ".join("?" * len(COLUMNS))}, ?)
    ON CONFLICT (key) DO UPDATE SET reason = excluded.reason, detail = excluded.detail, bytes = excluded.bytes,
    received_at = coalesce(min(received_at, excluded.received_at), received_at, excluded.received_at)"""


class WhenFull(StrEnum):
    """What happens to a reject that no longer fits."""

    STOP = "stop"
    DROP_OLDEST = "drop-oldest"


class RejectLimits(NamedTuple):
    """How much is kept: bytes in all, nanoseconds of age, and what happens beyond."""

    most_bytes: int
    keep_ns: int
    when_full: WhenFull


class RejectsFullError(StoreUnavailableError):
    """The rejects may not grow any more, and none may be dropped. Says what to do about it."""

    def __init__(self, message: str) -> None:
        """It takes an operator to make room."""
        super().__init__(message, needs_operator=True)


class RejectsReport(NamedTuple):
    """What adding rejects did: how many old ones were dropped for room, and the share of the room in use, 0 to 1."""

    dropped: int
    used: float


class StateFile:
    """The state file, open. Not for use by two threads at once."""

    def __init__(self, connection: sqlite3.Connection, path: Path, limits: RejectLimits) -> None:
        """Use `open`."""
        self._connection = connection
        self._path = path
        self._limits = limits
        self._used_bytes = self.total()[0]

    @classmethod
    def open(cls, path: Path, limits: RejectLimits) -> Self:
        """Open the state in `path`, made where there is none.

        Raises ForeignFileError for a file that is not a state of ours, StoreUnavailableError.
        """
        connection = open_file(path, STATE)
        try:
            # Asked twice: a reader need not wait for a writer, and of two that find a new file only one makes it.
            if is_new(connection) or read_mark(connection)[1] < STATE.version:
                with transaction(connection, path):
                    _grow(connection)
            return cls(connection, path, limits)
        except StoreUnavailableError:
            connection.close()
            raise

    def add_rejects(self, rejects: Sequence[Reject], now: int) -> RejectsReport:
        """Keep rejects in one transaction; `now` (nanoseconds since the epoch) is when they were kept.

        Raises RejectsFullError where they do not fit and none may be dropped, StoreUnavailableError; then none of
        them is kept.
        """
        return self.keep(rejects, now, None)

    def keep(self, rejects: Sequence[Reject], now: int, progress: Progress | None) -> RejectsReport:
        """Keep the rejects and the progress of a batch in one transaction. Raises as `add_rejects`: then nothing is."""
        if not rejects and progress is None:
            return RejectsReport(0, self._share(self._used_bytes))
        dropped, used = 0, self._used_bytes
        with self._transaction():
            if rejects:
                self._connection.executemany(_ADD, [(*to_columns(reject), now) for reject in rejects])
                dropped = self._make_room()
                used = self.total()[0]
            if progress is not None:
                write_progress(self._connection, progress)
        self._used_bytes = used
        return RejectsReport(dropped, self._share(used))

    def keep_request(self, request: Request, facts: Mapping[KeptKey, bytes | None]) -> None:
        """Keep what is about to be sent, with its facts. Raises StoreUnavailableError: then nothing is kept."""
        with self._transaction():
            write_request(self._connection, request)
            write_facts(self._connection, facts)

    def keep_facts(self, facts: Mapping[KeptKey, bytes | None]) -> None:
        """Keep facts that came outside of a batch. Raises StoreUnavailableError."""
        with self._transaction():
            write_facts(self._connection, facts)

    def drop_requests(self, message_ids: Sequence[str], facts: Mapping[KeptKey, bytes | None]) -> None:
        """Forget what was not sent, or is long past, and its facts. Raises StoreUnavailableError."""
        with self._transaction():
            drop_requests(self._connection, message_ids)
            write_facts(self._connection, facts)

    def facts(self) -> Iterator[tuple[KeptKey, bytes]]:
        """Every fact that was kept. Reads on while the caller takes them. Raises StoreUnavailableError."""
        with faults_explained(self._path):
            yield from read_facts(self._connection)

    def heard(self) -> Mapping[str, int]:
        """When each device was heard last. Raises StoreUnavailableError."""
        with faults_explained(self._path):
            return read_heard(self._connection)

    def watermark(self) -> int | None:
        """The watermark of the last batch, None before the first. Raises StoreUnavailableError."""
        with faults_explained(self._path):
            return read_watermark(self._connection)

    def requests(self) -> Sequence[Request]:
        """What we were asked to send, the oldest first. Raises StoreUnavailableError."""
        with faults_explained(self._path):
            return tuple(read_requests(self._connection))

    def keep_raised(self, raised: Mapping[str, int]) -> None:
        """Keep which alerts about the worker are raised, by kind, and since when. Raises StoreUnavailableError."""
        with self._transaction():
            write_raised(self._connection, raised)

    def raised(self) -> Mapping[str, int]:
        """Which were, in the life before this one. Raises StoreUnavailableError."""
        with faults_explained(self._path):
            return read_raised(self._connection)

    @property
    def room(self) -> tuple[int, int]:
        """Bytes that the rejects took when this was opened, or last added some, and may take. No I/O."""
        return self._used_bytes, self._limits.most_bytes

    def purge(self, now: int) -> int:
        """Drop what is older than the limit allows; how many were dropped. Raises StoreUnavailableError."""
        with self._transaction():
            return self._delete("kept_at < ?", (now - self._limits.keep_ns,))

    def total(self) -> tuple[int, int]:
        """Bytes and number of all rejects kept. Raises StoreUnavailableError, as do all that read."""
        with faults_explained(self._path):
            size, number = self._connection.execute("SELECT bytes, rejects FROM total").fetchone()
        return size, number

    def rejects(self, reason: RejectReason | None = None) -> Iterator[KeptReject]:
        """Every reject, of one reason where one is given, oldest first. Reads on while the caller takes them."""
        with faults_explained(self._path):
            cursor = self._connection.execute(
                f"SELECT {', '.join(COLUMNS)} FROM reject WHERE reason = coalesce(?, reason) ORDER BY kept_at, key",
                (reason,),
            )
            while chunk := cursor.fetchmany(_FETCHED_AT_ONCE):
                yield from map(from_columns, chunk)

    def find(self, prefix: str) -> Sequence[KeptReject]:
        """The first two rejects whose key begins with `prefix`: enough to know whether it names one."""
        with faults_explained(self._path):
            cursor = self._connection.execute(
                f"SELECT {', '.join(COLUMNS)} FROM reject WHERE substr(key, 1, ?) = ? ORDER BY key LIMIT 2",
                (len(prefix), prefix),
            )
            return [from_columns(columns) for columns in cursor]

    def counts(self) -> dict[RejectReason, int]:
        """How many are kept of each reason."""
        with faults_explained(self._path):
            cursor = self._connection.execute("SELECT reason, count(*) FROM reject GROUP BY reason ORDER BY reason")
            return {RejectReason(reason): number for reason, number in cursor}

    def discard(self, keys: Sequence[str]) -> int:
        """Drop the rejects of these keys; how many there were. Raises StoreUnavailableError."""
        with self._transaction():
            return sum(self._delete("key = ?", (key,)) for key in keys)

    def close(self) -> None:
        """Let go of the file. What was kept stays kept, also when this is never called."""
        self._connection.close()

    def __enter__(self) -> Self:
        """The state itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def _transaction(self) -> AbstractContextManager[None]:
        return transaction(self._connection, self._path)

    def _make_room(self) -> int:
        size, _ = self.total()
        excess = size - self._limits.most_bytes
        if excess <= 0:
            return 0
        if self._limits.when_full is WhenFull.STOP:
            message = (
                f"{self._path}: the rejects would need {size} bytes, {self._limits.most_bytes} are allowed; export and "
                "discard some (chargeline rejects --help), or raise CHARGELINE_REJECTS_MAX"
            )
            raise RejectsFullError(message)
        keys = []
        for key, freed in self._connection.execute("SELECT key, bytes FROM reject ORDER BY kept_at, key"):
            keys.append(key)
            excess -= freed
            if excess <= 0:
                break
        return sum(self._delete("key = ?", (key,)) for key in keys)

    def _delete(self, condition: str, values: tuple[int | str, ...]) -> int:
        return self._connection.execute(f"DELETE FROM reject WHERE {condition}", values).rowcount

    def _share(self, size: int) -> float:
        return size / self._limits.most_bytes


def _grow(connection: sqlite3.Connection) -> None:
    """Make what this version has and the file has not."""
    has = 0 if is_new(connection) else read_mark(connection)[1]
    for statements in (_SCHEMA, PROGRESS_SCHEMA, RAISED_SCHEMA)[has:]:
        for statement in statements:
            connection.execute(statement)
    mark(connection, STATE)
