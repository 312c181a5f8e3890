"""The SQLite schema: made, grown, refused."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from types import MappingProxyType

import pytest

from pipeline.wires.sqlite_schema import STORE, claim, grow_table, read_columns, upsert
from schemas.measurement import FieldType, Measurement

NUMBER, TEXT = FieldType.NUMBER, FieldType.TEXT


def measurement(**fields: FieldType) -> Measurement:
    return Measurement("m", ("command",), MappingProxyType(fields))


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as opened:
        yield opened


def test_a_table_has_its_key_then_its_fields(connection: sqlite3.Connection) -> None:
    grow_table(connection, measurement(x=NUMBER, y=TEXT))
    columns = connection.execute("PRAGMA table_info(m)").fetchall()
    assert [(name, kind, in_key) for _, name, kind, _, _, in_key in columns] == [
        ("time", "INTEGER", 1),
        ("charger", "TEXT", 2),
        ("site", "TEXT", 3),
        ("command", "TEXT", 4),
        ("x", "REAL", 0),
        ("y", "TEXT", 0),
    ]


def test_a_table_grows_and_its_view_follows(connection: sqlite3.Connection) -> None:
    grow_table(connection, measurement(x=NUMBER))
    connection.execute("INSERT INTO m VALUES (1686207556013000700, 'EH1', '', 'Reboot', 1.5)")
    grow_table(connection, measurement(x=NUMBER, z=TEXT))
    assert read_columns(connection, "m_iso") == ["time", "charger", "site", "command", "x", "z"]
    assert connection.execute("SELECT * FROM m_iso").fetchall() == [
        ("2023-06-08T06:59:16.013000700Z", "EH1", "", "Reboot", 1.5, None)
    ]


def test_an_upsert_replaces_only_what_it_gives(connection: sqlite3.Connection) -> None:
    grow_table(connection, measurement(x=NUMBER, y=TEXT))
    key = ("time", "charger", "site", "command")
    for fields, values in ((("x", "y"), (1.0, "a")), (("y",), ("b",))):
        connection.execute(upsert("m", key, fields), (1, "EH1", "", "Reboot", *values))
    assert connection.execute("SELECT x, y FROM m").fetchall() == [(1.0, "b")]


def test_a_new_file_is_claimed_once(connection: sqlite3.Connection) -> None:
    claim(connection)
    grow_table(connection, measurement(x=NUMBER))
    claim(connection)
    assert connection.execute("SELECT version FROM schema_version").fetchone() == (STORE.version,)
    assert connection.execute("PRAGMA application_id").fetchone() == (STORE.application,)
