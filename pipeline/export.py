"""Export: rows of one measurement and a span of time, out of the store into a file.

Owns how much is read at once, and that a file is there whole or not at all. Must not know stores, or forms of files.
"""

from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

from pipeline.core.timestamps import NS_PER_S
from pipeline.wires.row_source import KEY, RowSource, WholeRow
from pipeline.wires.table_files import Write
from schemas.measurement import FieldType, Measurement

OpenFile = Callable[[Path, Sequence[str], Mapping[str, FieldType]], AbstractContextManager[Write]]
"""Makes a new file of these tags and fields."""

_FIRST_SLICE_NS = 600 * NS_PER_S
_LONGEST_SLICE_NS = 86_400 * NS_PER_S
_MANY, _FEW = 50_000, 10_000
"""Rows in a slice of time: of more, the next one is shorter; of fewer, longer."""
_AT_ONCE = 10_000


class Wanted(NamedTuple):
    """What is to be exported: rows of [first, until), nanoseconds; of some chargers, or of all where none is named."""

    measurement: Measurement
    first: int
    until: int
    chargers: Collection[str] = ()


class Step(NamedTuple):
    """How far it is: up to when rows were read, and how many were written."""

    at: int
    rows: int


def export(source: RowSource, wanted: Wanted, path: Path, open_file: OpenFile) -> Generator[Step, None, None]:
    """Write rows to a new file, or over one that is there; how far it is, after each slice of time.

    They are written beside the file, which is there once all is: whoever leaves before that leaves nothing. Raises
    StoreUnavailableError and OSError.
    """
    beside = path.with_name(f".{path.name}.part")
    beside.unlink(missing_ok=True)
    fields = source.fields(wanted.measurement)
    try:
        with open_file(beside, (*KEY, *wanted.measurement.tags), fields) as write:
            yield from _steps(source, wanted, tuple(fields), write)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _steps(source: RowSource, wanted: Wanted, fields: Sequence[str], write: Write) -> Iterator[Step]:
    at, length, written = wanted.first, _FIRST_SLICE_NS, 0
    while at < wanted.until:
        end = min(at + length, wanted.until)
        found, portion = 0, list[WholeRow]()
        for row in source.rows(wanted.measurement, fields, at, end, wanted.chargers):
            portion.append(row)
            if len(portion) == _AT_ONCE:
                write(portion)
                found, portion = found + len(portion), []
        if portion:
            write(portion)
            found += len(portion)
        at, written = end, written + found
        yield Step(at, written)
        if found > _MANY:
            length = max(length // 2, NS_PER_S)
        elif found < _FEW:
            length = min(length * 2, _LONGEST_SLICE_NS)
