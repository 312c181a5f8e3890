"""The measurements as a document: the table of the README that analysts read.

Owns its form. `python -m pipeline.measurement_documents` writes it into the README of the tree it is run in; a test
holds the file equal to what it would write.
"""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from pipeline.marked_tables import replace_table
from schemas.catalogue import shipped_catalogue
from schemas.measurement import (
    FieldType,
    Measurement,
    derived_measurements,
    fact_measurements,
    operational_measurements,
)

MARK = "measurements"

_OPEN = "`o<id>` number, `o<id>_text` text"


def measurements_table() -> str:
    """The README's table, in Markdown, its last line break included: a row for each measurement, facts first."""
    groups = (
        ("fact", fact_measurements(shipped_catalogue())),
        ("derived", derived_measurements()),
        ("about the worker", operational_measurements()),
    )
    rows = [
        f"| `{measurement.name}` | {kind} | {_tags(measurement)} | {_fields(measurement)} |"
        for kind, measurements in groups
        for measurement in measurements.values()
    ]
    return "\n".join(["| measurement | holds | tags | fields |", "|---|---|---|---|", *rows, ""])


def write_document(tree: Path) -> None:
    """Write the table of README.md in `tree`. Raises OSError, and ValueError without markers."""
    readme = tree / "README.md"
    readme.write_text(replace_table(readme.read_text("utf-8"), MARK, measurements_table()), "utf-8")


def _tags(measurement: Measurement) -> str:
    return " ".join(f"`{tag}`" for tag in ("charger", *measurement.tags))


def _fields(measurement: Measurement) -> str:
    if measurement.open_fields:
        return _OPEN
    units = {spec.field: spec.unit for spec in shipped_catalogue().observations.values() if spec.unit}
    return ", ".join(_described(measurement, units))


def _described(measurement: Measurement, units: dict[str, str]) -> Iterator[str]:
    for name, kind in _without_twins(measurement):
        text = " text" if kind is FieldType.TEXT else ""
        unit = f" {units[name]}" if name in units else ""
        yield f"`{name}`{unit}{text}"


def _without_twins(measurement: Measurement) -> Iterable[tuple[str, FieldType]]:
    """The fields, without those that take what does not fit a number."""
    fields = measurement.fields
    return [
        (name, kind)
        for name, kind in fields.items()
        if not (name.endswith("_text") and fields.get(name.removesuffix("_text")) is FieldType.NUMBER)
    ]


if __name__ == "__main__":
    try:
        write_document(Path())
    except (OSError, ValueError) as fault:
        sys.exit(f"{fault}; run this in the folder of README.md")
