"""Whole rows read back from a bucket of InfluxDB, for `pipeline.wires.row_source`.

Owns the questions, in InfluxQL. Must not know what rows mean.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from types import MappingProxyType

from pipeline.wires.influx import Bucket
from pipeline.wires.influx_query import InfluxQuery, between, given, moment
from pipeline.wires.row_source import KEY, WholeRow
from schemas.measurement import FieldType, Measurement

_TYPES: Mapping[str, FieldType] = MappingProxyType(
    {"float": FieldType.NUMBER, "integer": FieldType.NUMBER, "boolean": FieldType.NUMBER}
)


class InfluxRows:
    """See RowSource."""

    def __init__(self, bucket: Bucket, read_token: Callable[[], str]) -> None:
        """Connects when it is asked. `read_token` gives the token as it is now, and never raises."""
        self._query = InfluxQuery(bucket, read_token)

    def fields(self, measurement: Measurement) -> Mapping[str, FieldType]:
        """See RowSource."""
        found = dict(measurement.fields)
        for _, _, points in self._query.ask(f'SHOW FIELD KEYS FROM "{measurement.name}"'):
            for name, kind in sorted((str(name), str(kind)) for name, kind in points):
                found.setdefault(name, _TYPES.get(kind, FieldType.TEXT))
        return found

    def rows(
        self, measurement: Measurement, fields: Sequence[str], first: int, until: int, chargers: Collection[str]
    ) -> Iterator[WholeRow]:
        """See RowSource."""
        tags = (*KEY, *measurement.tags)
        listed, grouped = (", ".join(f'"{name}"' for name in names) for names in (fields, tags))
        named = " OR ".join(f"charger = {_quoted(charger)}" for charger in chargers)
        of_chargers = f" AND ({named})" if named else ""
        question = (
            f'SELECT {listed} FROM "{measurement.name}" WHERE {between(first, until)}{of_chargers} GROUP BY {grouped}'
        )
        rows: list[WholeRow] = []
        for told, columns, points in self._query.ask(question):
            place = tuple(told.get(tag, "") for tag in tags)
            for time, *values in points:
                members = dict(given(columns[1:], values))
                rows.append(WholeRow(moment(time), place, tuple(members.get(name) for name in fields)))
        rows.sort(key=_in_order)
        yield from rows

    def close(self) -> None:
        """See RowSource."""
        self._query.close()


def _in_order(row: WholeRow) -> tuple[int, tuple[str, ...]]:
    return row.time, row.tags


def _quoted(text: str) -> str:
    """A string of InfluxQL."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
