"""What a store holds, in the oracle's own terms, so that the two can be compared."""

import re
import sqlite3
from collections.abc import Collection, Iterable
from pathlib import Path

from tests.oracle.reading import Fields, RowKey

Rows = dict[RowKey, Fields]

TOKEN = re.compile(r'((?:\\.|[^\\,= ])+)=("(?:\\.|[^"\\])*"|[^, ]+)', re.DOTALL)
HEAD = re.compile(r"((?:\\.|[^\\ ])+) ", re.DOTALL)


def rows_of_line_protocol(text: str) -> Rows:
    """Lines of line protocol, applied in order; text fields may hold line breaks."""
    rows: Rows = {}
    place = 0
    while place < len(text):
        head = HEAD.match(text, place)
        assert head, f"no measurement and tags at {text[place : place + 60]!r}"
        measurement, *pairs = re.split(r"(?<!\\),", head[1])
        tags = {unescape(name): unescape(value) for name, _, value in (pair.partition("=") for pair in pairs)}
        place = head.end()
        fields: Fields = {}
        while True:
            token = TOKEN.match(text, place)
            assert token, f"no field at {text[place : place + 60]!r}"
            fields[token[1]] = unescape(token[2][1:-1]) if token[2][0] == '"' else float(token[2])
            place = token.end()
            if text[place] != ",":
                break
            place += 1
        end = text.find("\n", place)
        end = len(text) if end < 0 else end
        charger = tags.pop("charger")
        key = (measurement, charger, tuple(sorted(tags.items())), int(text[place + 1 : end]))
        rows.setdefault(key, {}).update(fields)
        place = end + 1
    return rows


def unescape(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)


def rows_of_sqlite(path: Path, only: Collection[str] = ()) -> Rows:
    """Every table of a SQLite store, or some: key columns first, then a column for each field."""
    rows: Rows = {}
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in only or names:
            columns = list(connection.execute(f'PRAGMA table_info("{table}")'))
            keys = [name for _, name, _, _, _, in_key in columns if in_key]
            for values in connection.execute(f'SELECT * FROM "{table}"'):
                named = dict(zip((name for _, name, *_ in columns), values, strict=True))
                tags = tuple((name, named[name]) for name in keys if name not in ("time", "charger") and named[name])
                fields = {name: value for name, value in named.items() if name not in keys and value is not None}
                rows[table, named["charger"], tags, named["time"]] = fields
    finally:
        connection.close()
    return rows


def difference(expected: Rows, actual: Rows, limit: int = 20) -> list[str]:
    """The first few rows that are missing, extra or different, in words."""
    return list(_differences(expected, actual))[:limit]


def _differences(expected: Rows, actual: Rows) -> Iterable[str]:
    for key, fields in expected.items():
        if key not in actual:
            yield f"missing {key}: {fields}"
        elif actual[key] != fields:
            yield f"different {key}: expected {fields}, is {actual[key]}"
    for key, fields in actual.items():
        if key not in expected:
            yield f"extra {key}: {fields}"
