"""Frames: what a query's answer becomes in Grafana, before anything is done to it.

Owns how series of InfluxQL become frames, as Grafana's data source makes them, and the names that they bear. Must not
know panels.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from tests.services.influxdb import Record

Value: TypeAlias = str | float | None

TIME = "Time"
_ALIAS = re.compile(r"\$(\w+)|\[\[(\w+)\]\]")


class Column(NamedTuple):
    """One field of a frame: times are nanoseconds."""

    name: str
    values: Sequence[Value]
    labels: Mapping[str, str] = {}


class Frame(NamedTuple):
    """Columns of the same length; of a time series, the first one is its time."""

    columns: tuple[Column, ...]

    @property
    def length(self) -> int:
        """How many rows it has."""
        return len(self.columns[0].values) if self.columns else 0

    def column(self, name: str) -> Column | None:
        """The column of this name; None where there is none."""
        return next((column for column in self.columns if column.name == name), None)


def time_series(records: Iterable[Record], alias: str) -> list[Frame]:
    """A frame of time and one column for each series and field, named by the alias where there is one."""
    frames = []
    for measurement, tags, rows in _series(records):
        times = [_value(row.values["time"]) for row in rows]
        for name in [name for name in rows[0].values if name != "time"]:
            values = [_value(row.values[name]) for row in rows]
            shown = _named(alias, measurement, name, tags) if alias else _plain_name(measurement, name, tags)
            frames.append(Frame((Column(TIME, times), Column(shown, values, tags))))
    return frames


def table(records: Iterable[Record]) -> list[Frame]:
    """One frame with all rows: time, tags, fields. None where there are no rows."""
    found = list(records)
    if not found:
        return []
    tags = list(dict.fromkeys(name for record in found for name in record.tags))
    fields = list(dict.fromkeys(name for record in found for name in record.values if name != "time"))
    columns = [Column(TIME, [_value(record.values.get("time")) for record in found])]
    columns += [Column(name, [record.tags.get(name) for record in found]) for name in tags]
    columns += [Column(name, [_value(record.values.get(name)) for record in found]) for name in fields]
    return [Frame(tuple(columns))]


def _series(records: Iterable[Record]) -> Iterable[tuple[str, Mapping[str, str], Sequence[Record]]]:
    found: dict[tuple[str, tuple[tuple[str, str], ...], tuple[str, ...]], list[Record]] = {}
    for record in records:
        found.setdefault((record.measurement, tuple(record.tags.items()), tuple(record.values)), []).append(record)
    for (measurement, tags, _), rows in found.items():
        yield measurement, dict(tags), rows


def _named(alias: str, measurement: str, column: str, tags: Mapping[str, str]) -> str:
    def word(found: re.Match[str]) -> str:
        name = found[1] or found[2]
        if name == "col":
            return column
        if name in ("m", "measurement"):
            return measurement
        return tags.get(name.removeprefix("tag_"), found[0])

    return _ALIAS.sub(word, alias)


def _plain_name(measurement: str, column: str, tags: Mapping[str, str]) -> str:
    words = ", ".join(f"{name}: {value}" for name, value in tags.items())
    return f"{measurement}.{column}" + (f" {{{words}}}" if words else "")


def _value(value: str | float | bool | None) -> Value:
    return value if isinstance(value, str) or value is None else float(value)
