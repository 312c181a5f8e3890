"""Export: all rows of a span come into the file, in slices, and the file is there whole or not at all."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from pipeline.core.timestamps import NS_PER_S
from pipeline.export import Wanted, export
from pipeline.wires.row_source import WholeRow
from pipeline.wires.store import StoreUnavailableError
from pipeline.wires.table_files import csv_file
from schemas.measurement import FieldType, Measurement
from tests.pipeline.wires.whole_rows import HOUR, SESSION, START

UNTIL = START + 24 * HOUR


class Rows:
    """A row each second; what was asked for is remembered. From a moment on it does not answer."""

    def __init__(self, ends_at: int = UNTIL) -> None:
        self.asked: list[tuple[int, int]] = []
        self._ends_at = ends_at

    def fields(self, measurement: Measurement) -> Mapping[str, FieldType]:
        return measurement.fields

    def rows(
        self, _measurement: Measurement, fields: Sequence[str], first: int, until: int, _chargers: Collection[str]
    ) -> Iterator[WholeRow]:
        self.asked.append((first, until))
        for time in range(first, until, NS_PER_S):
            if time >= self._ends_at:
                raise StoreUnavailableError("gone")
            yield WholeRow(time, ("EH1", ""), (1.0, *[None] * (len(fields) - 1)))

    def close(self) -> None:
        """Nothing is open."""


def test_every_row_once_in_order(tmp_path: Path) -> None:
    path, source = tmp_path / "a.csv", Rows()
    steps = list(export(source, Wanted(SESSION, START, UNTIL), path, csv_file))
    lines = path.read_text().splitlines()
    assert steps[-1] == (UNTIL, 24 * 3_600)
    assert len(lines) == 24 * 3_600 + 1
    assert lines[1:] == sorted(lines[1:])
    assert [first for first, _ in source.asked] == [START, *(until for _, until in source.asked[:-1])]
    assert max(until - first for first, until in source.asked) <= 100_000 * NS_PER_S
    assert list(tmp_path.iterdir()) == [path]


def test_slices_are_shorter_where_there_is_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.export._MANY", 500)
    monkeypatch.setattr("pipeline.export._FEW", 100)
    source = Rows()
    list(export(source, Wanted(SESSION, START, START + 2 * HOUR), tmp_path / "a.csv", csv_file))
    assert {until - first for first, until in source.asked[2:-1]} <= {150 * NS_PER_S, 300 * NS_PER_S}


def test_what_fails_leaves_nothing_and_nothing_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("of yesterday")
    with pytest.raises(StoreUnavailableError):
        list(export(Rows(ends_at=START + HOUR), Wanted(SESSION, START, UNTIL), path, csv_file))
    assert [each.name for each in tmp_path.iterdir()] == ["a.csv"]
    assert path.read_text() == "of yesterday"


def test_who_leaves_early_leaves_nothing(tmp_path: Path) -> None:
    steps = export(Rows(), Wanted(SESSION, START, UNTIL), tmp_path / "a.csv", csv_file)
    next(steps)
    assert len(list(tmp_path.iterdir())) == 1
    steps.close()
    assert list(tmp_path.iterdir()) == []
