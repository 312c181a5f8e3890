"""Whole rows read back from the SQLite store, for `pipeline.wires.row_source`.

Owns the questions. Only reads, so that it can be used beside whoever writes. Must not know what rows mean.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from pipeline.wires.row_source import KEY, WholeRow
from pipeline.wires.sqlite_file import faults_explained, open_to_read
from pipeline.wires.sqlite_schema import STORE
from schemas.measurement import FieldType, Measurement


class SqliteRows:
    """See RowSource."""

    def __init__(self, path: Path) -> None:
        """Opens the store's file for reading. Raises as `open_to_read` does."""
        self._path = path
        self._connection = open_to_read(path, STORE)

    def fields(self, measurement: Measurement) -> Mapping[str, FieldType]:
        """See RowSource."""
        found = dict(measurement.fields)
        for name, sql_type in sorted(self._columns(measurement.name).items()):
            if name not in ("time", *KEY, *measurement.tags):
                found.setdefault(name, FieldType.TEXT if sql_type == "TEXT" else FieldType.NUMBER)
        return found

    def rows(
        self, measurement: Measurement, fields: Sequence[str], first: int, until: int, chargers: Collection[str]
    ) -> Iterator[WholeRow]:
        """See RowSource."""
        columns = self._columns(measurement.name)
        if not columns:
            return
        tags = (*KEY, *measurement.tags)
        listed = ", ".join(f'"{name}"' if name in columns else "NULL" for name in (*tags, *fields))
        of_chargers = f"AND charger IN ({', '.join('?' * len(chargers))})" if chargers else ""
        order = ", ".join(f'"{tag}"' for tag in tags)
        question = (
            f'SELECT time, {listed} FROM "{measurement.name}" WHERE time >= ? AND time < ? {of_chargers} '
            f"ORDER BY time, {order}"
        )
        with faults_explained(self._path):
            for time, *values in self._connection.execute(question, (first, until, *chargers)):
                yield WholeRow(time, tuple(values[: len(tags)]), tuple(values[len(tags) :]))

    def close(self) -> None:
        """See RowSource."""
        self._connection.close()

    def _columns(self, table: str) -> Mapping[str, str]:
        """The columns of a table with their types in SQL; none where there is no such table."""
        with faults_explained(self._path):
            return {name: kind for _, name, kind, *_ in self._connection.execute(f'PRAGMA table_info("{table}")')}
