"""Files of rows: read back by other programs' readers, they hold what was written."""

import csv
from importlib import import_module
from pathlib import Path

import pytest

from pipeline.wires.row_source import KEY
from pipeline.wires.table_files import csv_file, parquet_file
from schemas.measurement import FieldType
from tests.pipeline.wires.whole_rows import START, WITHIN

pandas = import_module("pandas")
FIELDS = {"energy_kwh": FieldType.NUMBER, "session_id": FieldType.TEXT, "duration_s": FieldType.NUMBER}


def test_csv(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    with csv_file(path, KEY, FIELDS) as write:
        write(WITHIN[:1])
        write(WITHIN[1:])
    with path.open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [
            ["time", "charger", "site", "energy_kwh", "session_id", "duration_s"],
            ["2025-06-15T16:00:00.000000000Z", "EH1", "", "1.5", 'odd, "id"\\', ""],
            ["2025-06-15T16:00:00.000000000Z", "EH2", "", "7.25", "", ""],
            ["2025-06-15T16:00:00.123456700Z", "EH1", "", "", "", "60.0"],
        ]


def test_parquet(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    with parquet_file(path, KEY, FIELDS) as write:
        write(WITHIN[:2])
        write(WITHIN[2:])
    table = pandas.read_parquet(path)
    assert [str(kind) for kind in table.dtypes[["time", "energy_kwh"]]] == ["datetime64[ns, UTC]", "float64"]
    assert [moment.value for moment in table["time"]] == [START, START, START + 123_456_700]
    assert list(table["charger"]) == ["EH1", "EH2", "EH1"]
    assert list(table["session_id"].dropna()) == ['odd, "id"\\']
    assert list(table["duration_s"].dropna()) == [60.0]


@pytest.mark.parametrize("make", [csv_file, parquet_file])
def test_nothing_is_written_over(make: type, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("mine")
    with pytest.raises(FileExistsError), make(path, KEY, FIELDS):
        pass
    assert path.read_text() == "mine"
