"""The measurements as a document: the README has all of them, as the program writes them."""

import re
import subprocess
import sys
from pathlib import Path

from pipeline.marked_tables import replace_table
from pipeline.measurement_documents import MARK, measurements_table, write_document
from schemas.catalogue import shipped_catalogue
from schemas.measurement import derived_measurements, fact_measurements, operational_measurements

ROOT = Path(__file__).parents[2]
MEASUREMENTS = {**fact_measurements(shipped_catalogue()), **derived_measurements(), **operational_measurements()}


def test_the_readme_holds_the_table() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    assert readme == replace_table(readme, MARK, measurements_table()), "run: python -m pipeline.measurement_documents"


def test_there_is_a_row_for_each_measurement_with_its_tags_and_fields() -> None:
    _, _, *rows = measurements_table().splitlines()
    cells = {row.split("`")[1]: [cell.strip() for cell in row.split("|")[1:-1]] for row in rows}
    assert list(cells) == list(MEASUREMENTS)
    for name, (_, _, tags, fields) in cells.items():
        measurement = MEASUREMENTS[name]
        assert re.findall("`(.+?)`", tags) == ["charger", *measurement.tags]
        if not measurement.open_fields:
            shown = re.findall("`(.+?)`", fields)
            assert set(shown) <= set(measurement.fields)
            assert {field.removesuffix("_text") for field in measurement.fields} <= {*shown, *map(_stem, shown)}


def _stem(field: str) -> str:
    return field.removesuffix("_text")


def test_units_and_types_stand_beside_the_fields() -> None:
    (row,) = [row for row in measurements_table().splitlines() if row.startswith("| `charger_power`")]
    assert "`total_power_kw` kW" in row
    assert "`ticks` text" in measurements_table()


def test_run_as_a_program_it_writes_the_readme(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("<!-- measurements -->\n<!-- /measurements -->\n", "utf-8")
    command = [sys.executable, "-m", "pipeline.measurement_documents"]
    for expected in (0, 0):
        done = subprocess.run(command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, check=False)
        assert done.returncode == expected
    written = (tmp_path / "README.md").read_text("utf-8")
    write_document(tmp_path)
    assert (tmp_path / "README.md").read_text("utf-8") == written
    assert measurements_table() in written
