"""SQLite: the embedded store.

Owns the connection, the transaction of a batch, and the order of writes in it. Must not know what rows mean.
What `write` returned from is on the disk. Other programs may read while it writes.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from pipeline.wires.sqlite_file import open_file, transaction
from pipeline.wires.sqlite_schema import KEY, STORE, add_column, claim, grow_table, make_view, read_columns, upsert
from pipeline.wires.store import Refusal, StoreUnavailableError
from schemas.measurement import FieldType, Measurement
from schemas.reject import RejectReason
from schemas.row import Row

_STATEMENTS_KEPT = 4_096
_TOO_MANY_COLUMNS = "too many columns"

_Values = tuple[int | float | str, ...]


class SqliteStore:
    """A store in one file. Not for use by two threads at once."""

    def __init__(self, connection: sqlite3.Connection, path: Path, measurements: Mapping[str, Measurement]) -> None:
        """Use `open`."""
        self._connection = connection
        self._path = path
        self._measurements = measurements
        self._columns: dict[str, set[str]] = {}
        self._statements: dict[tuple[str, tuple[str, ...]], str] = {}
        self._requests = 0

    @classmethod
    def open(cls, path: Path, measurements: Mapping[str, Measurement]) -> Self:
        """Open the store in `path`, made where there is none, with a table for each measurement.

        Raises ForeignFileError for a file that is not a store of ours, StoreUnavailableError.
        """
        connection = open_file(path, STORE)
        try:
            with transaction(connection, path):
                claim(connection)
                for measurement in measurements.values():
                    grow_table(connection, measurement)
        except StoreUnavailableError:
            connection.close()
            raise
        return cls(connection, path, measurements)

    def write(self, rows: Sequence[Row]) -> Sequence[Refusal]:
        """See Store.write. One transaction; refused are rows whose column no longer fits in the table."""
        if not rows:
            return ()
        self._requests += 1
        try:
            with transaction(self._connection, self._path):
                return self._write_all(rows)
        except BaseException:
            # Columns that this batch added are gone with it.
            self._columns.clear()
            raise

    def drop_before(self, measurement: str, moment: int, most: int) -> int:
        """See `RowDropper`. The room in the file is used again; the file does not become smaller."""
        key = ", ".join(f'"{name}"' for name in (*KEY, *self._measurements[measurement].tags))
        oldest = f'SELECT {key} FROM "{measurement}" WHERE time < ? ORDER BY {key} LIMIT ?'
        statement = f'DELETE FROM "{measurement}" WHERE ({key}) IN ({oldest})'
        with transaction(self._connection, self._path):
            if not read_columns(self._connection, measurement):
                return 0
            return self._connection.execute(statement, (moment, most)).rowcount

    @property
    def requests(self) -> int:
        """See Store.requests: one transaction a call."""
        return self._requests

    def reload(self) -> None:
        """See Store.reload: there are no secrets."""

    def close(self) -> None:
        """See Store.close."""
        self._connection.close()

    def __enter__(self) -> Self:
        """The store itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def _write_all(self, rows: Sequence[Row]) -> list[Refusal]:
        """Group rows by what they write, so that each statement runs over many of them.

        Rows of one field touch one column, so groups of different fields cannot come in each other's way. A row of
        several fields can overlap with any other of its measurement: it only joins rows of exactly its fields, and
        whatever else of the measurement waits is written first.
        """
        refusals: list[Refusal] = []
        groups: dict[str, dict[tuple[str, ...], list[_Values]]] = {name: {} for name in self._measurements}
        for place, row in enumerate(rows):
            measurement, charger, site, tags, time, fields = row
            names = (fields[0][0],) if len(fields) == 1 else tuple([name for name, _ in fields])
            waiting = groups.get(measurement)
            group = waiting.get(names) if waiting else None
            if group is None:
                words = self._make_room(row)
                if words or waiting is None:
                    refusals.append(Refusal(place, RejectReason.STORE, words))
                    continue
                if len(names) > 1 or any(len(other) > 1 for other in waiting):
                    self._flush(measurement, waiting)
                group = waiting[names] = []
            if tags:
                group.append((time, charger, site, *[value for _, value in tags], *[value for _, value in fields]))
            elif len(fields) == 1:
                group.append((time, charger, site, fields[0][1]))
            else:
                group.append((time, charger, site, *[value for _, value in fields]))
        for measurement, waiting in groups.items():
            self._flush(measurement, waiting)
        return refusals

    def _flush(self, measurement: str, waiting: dict[tuple[str, ...], list[_Values]]) -> None:
        for names, values in waiting.items():
            self._connection.executemany(self._statement(measurement, names), values)
        waiting.clear()

    def _statement(self, measurement: str, names: tuple[str, ...]) -> str:
        statement = self._statements.get((measurement, names))
        if statement is None:
            if len(self._statements) >= _STATEMENTS_KEPT:
                self._statements.clear()
            key = (*KEY, *self._measurements[measurement].tags)
            statement = self._statements[measurement, names] = upsert(measurement, key, names)
        return statement

    def _make_room(self, row: Row) -> str:
        """Add the columns of ids that the catalogue does not have; words where the row does not fit, else none."""
        measurement = self._measurements.get(row.measurement)
        if measurement is None:
            return f"there is no table {row.measurement}"
        columns = self._columns_of(measurement)
        missing = [field for field in row.fields if field[0] not in columns]
        if not missing:
            return ""
        if not measurement.open_fields:
            return f"table {row.measurement} has no column {missing[0][0]}"
        words = ""
        try:
            for name, value in missing:
                field_type = FieldType.TEXT if isinstance(value, str) else FieldType.NUMBER
                add_column(self._connection, row.measurement, name, field_type)
                columns.add(name)
        except sqlite3.OperationalError as fault:
            if _TOO_MANY_COLUMNS not in str(fault):
                raise
            words = f"table {row.measurement} is full: SQLite allows no more columns for unknown ids"
        if missing[0][0] in columns:
            make_view(self._connection, row.measurement)
        return words

    def _columns_of(self, measurement: Measurement) -> set[str]:
        """The columns of its table, which is made again where somebody took it away."""
        columns = self._columns.get(measurement.name)
        if columns is None:
            if not read_columns(self._connection, measurement.name):
                grow_table(self._connection, measurement)
            columns = self._columns[measurement.name] = set(read_columns(self._connection, measurement.name))
        return columns
