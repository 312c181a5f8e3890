"""The SQLite store's schema: its mark, tables, columns and views.

Owns the SQL that makes them and makes them grow. Must not know rows.

A table for each measurement: `time` (nanoseconds since the epoch, UTC), `charger`, `site` and the measurement's tags
are its key; a column for each field. Time comes first in the key, so that a batch, whose times lie close together,
touches few pages of the file. A view `<measurement>_iso` shows the same with `time` as text.
"""

import sqlite3
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from pipeline.wires.sqlite_file import FileKind, is_new, mark
from schemas.measurement import SCHEMA_VERSION, FieldType, Measurement

STORE = FileKind(application=0x43484C4E, version=SCHEMA_VERSION)
"""The store's file. Its version is the `user_version`, which the view `schema_version` shows."""

KEY = ("time", "charger", "site")
_COLUMN_TYPES: Mapping[FieldType, str] = MappingProxyType({FieldType.NUMBER: "REAL", FieldType.TEXT: "TEXT"})
_SPLIT_NS = 1_000_000_000


def claim(connection: sqlite3.Connection) -> None:
    """Mark a new file as a store."""
    if is_new(connection):
        connection.execute("CREATE VIEW schema_version AS SELECT user_version AS version FROM pragma_user_version")
        mark(connection, STORE)


def read_columns(connection: sqlite3.Connection, table: str) -> list[str]:
    """The names of a table's columns, in order; none where there is no such table."""
    return [name for _, name, *_ in connection.execute(f'PRAGMA table_info("{table}")')]


def grow_table(connection: sqlite3.Connection, measurement: Measurement) -> None:
    """Make the table of a measurement, or add the fields it does not have yet, and its view anew."""
    columns = read_columns(connection, measurement.name)
    if not columns:
        key = (*KEY, *measurement.tags)
        typed = ["time INTEGER NOT NULL", *(f'"{name}" TEXT NOT NULL' for name in key[1:])]
        connection.execute(
            f'CREATE TABLE "{measurement.name}" ({", ".join(typed)}, '
            f"PRIMARY KEY ({', '.join(_quoted(key))})) WITHOUT ROWID"
        )
    for field, field_type in measurement.fields.items():
        if field not in columns:
            add_column(connection, measurement.name, field, field_type)
    make_view(connection, measurement.name)


def add_column(connection: sqlite3.Connection, table: str, field: str, field_type: FieldType) -> None:
    """Add one field's column. Raises sqlite3.OperationalError where SQLite's limit of columns is reached."""
    connection.execute(f'ALTER TABLE "{table}" ADD COLUMN "{field}" {_COLUMN_TYPES[field_type]}')


def make_view(connection: sqlite3.Connection, table: str) -> None:
    """Make `<table>_iso` anew: the same columns, with `time` as ISO 8601 text, exact to the nanosecond."""
    time = (
        f"strftime('%Y-%m-%dT%H:%M:%S', time / {_SPLIT_NS}, 'unixepoch') "
        f"|| printf('.%09dZ', time % {_SPLIT_NS}) AS time"
    )
    columns = [time, *_quoted(name for name in read_columns(connection, table) if name != "time")]
    connection.execute(f'DROP VIEW IF EXISTS "{table}_iso"')
    connection.execute(f'CREATE VIEW "{table}_iso" AS SELECT {", ".join(columns)} FROM "{table}"')


def upsert(table: str, key: Iterable[str], fields: Iterable[str]) -> str:
    """The statement that writes rows of these fields: given fields replace, all others stay as they are."""
    key, fields = _quoted(key), _quoted(fields)
    places = ", ".join("?" * (len(key) + len(fields)))
    changes = ", ".join(f"{field} = excluded.{field}" for field in fields)
    return (
        f'INSERT INTO "{table}" ({", ".join([*key, *fields])}) VALUES ({places}) '
        f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {changes}"
    )


def _quoted(names: Iterable[str]) -> list[str]:
    return [f'"{name}"' for name in names]
