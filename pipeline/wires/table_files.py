"""Files of rows for other programs: CSV, and Parquet where pyarrow is installed.

Owns both forms. Must not know stores, or which rows are asked for.

Columns are `time`, the tags, the fields. CSV has times as ISO 8601 in UTC, exact to the nanosecond, and nothing where a
row has no value. Parquet has timestamps of nanoseconds in UTC, numbers as float64, texts as strings, and null.
"""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

from pipeline.core.timestamps import format_time
from pipeline.wires.row_source import WholeRow
from schemas.measurement import FieldType

Write = Callable[[Sequence[WholeRow]], None]
"""Adds rows to a file, at least one. Raises OSError."""


@contextmanager
def csv_file(path: Path, tags: Sequence[str], fields: Mapping[str, FieldType]) -> Iterator[Write]:
    """A new CSV file. Raises OSError."""
    with path.open("x", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("time", *tags, *fields))
        yield lambda rows: writer.writerows((format_time(row.time), *row.tags, *row.values) for row in rows)


@contextmanager
def parquet_file(path: Path, tags: Sequence[str], fields: Mapping[str, FieldType]) -> Iterator[Write]:
    """A new Parquet file. Raises OSError, and ImportError where pyarrow is not installed."""
    # An extra, and without types: only who asks for Parquet needs it.
    arrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    kinds = {FieldType.NUMBER: arrow.float64(), FieldType.TEXT: arrow.string()}
    schema = arrow.schema(
        [
            ("time", arrow.timestamp("ns", tz="UTC")),
            *((tag, arrow.string()) for tag in tags),
            *((name, kinds[kind]) for name, kind in fields.items()),
        ]
    )

    def write(rows: Sequence[WholeRow]) -> None:
        columns = zip(*((row.time, *row.tags, *row.values) for row in rows), strict=True)
        writer.write_table(arrow.table([list(column) for column in columns], schema=schema))

    with path.open("xb") as file, parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        yield write
