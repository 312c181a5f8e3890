"""Facts read back from a bucket of InfluxDB, for `pipeline.wires.fact_source`.

Owns the questions, in InfluxQL, and how answers are read. Must not know what rows mean.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from operator import attrgetter

from pipeline.core.clock_offset import HOUR_NS
from pipeline.core.known_silences import SilenceEdge
from pipeline.core.recomputation import StoredRow
from pipeline.core.timestamps import NS_PER_S
from pipeline.wires.fact_source import Fields
from pipeline.wires.influx import Bucket
from pipeline.wires.influx_query import InfluxQuery, between, given, moment
from schemas.alert import AlertKind
from schemas.measurement import ALERT, CHARGER_HOUR

_by_time = attrgetter("time")


class InfluxFacts:
    """See FactSource."""

    def __init__(self, bucket: Bucket, read_token: Callable[[], str]) -> None:
        """Connects when it is asked. `read_token` gives the token as it is now, and never raises."""
        self._query = InfluxQuery(bucket, read_token)

    def between(self, fields: Fields, first: int, until: int) -> Iterator[StoredRow]:
        """See FactSource."""
        rows: list[StoredRow] = []
        for measurement, names in fields.items():
            listed = ", ".join(f'"{name}"' for name in names)
            question = f'SELECT {listed} FROM "{measurement}" WHERE {between(first, until)} GROUP BY charger'
            for tags, columns, points in self._query.ask(question):
                for time, *values in points:
                    found = tuple(given(columns[1:], values))
                    if found:
                        rows.append(StoredRow(measurement, tags["charger"], moment(time), found))
        rows.sort(key=_by_time)
        yield from rows

    def last_before(self, fields: Fields, first: int, until: int) -> Iterator[StoredRow]:
        """See FactSource."""
        for measurement, names in fields.items():
            for name in names:
                question = f'SELECT last("{name}") FROM "{measurement}" WHERE {between(first, until)} GROUP BY charger'
                for tags, _, points in self._query.ask(question):
                    for time, value in points:
                        yield StoredRow(measurement, tags["charger"], moment(time), tuple(given([name], [value])))

    def silences(self, first: int, until: int) -> Iterator[SilenceEdge]:
        """See FactSource."""
        question = (
            f"SELECT active, duration_s FROM {ALERT} "
            f"WHERE kind = '{AlertKind.CHARGER_SILENT.value}' AND {between(first, until)} GROUP BY charger"
        )
        for tags, columns, points in self._query.ask(question):
            for time, *values in points:
                match dict(given(columns[1:], values)):
                    case {"active": float(active), "duration_s": float(duration_s)}:
                        yield SilenceEdge(tags["charger"], moment(time), bool(active), round(duration_s * NS_PER_S))

    def firmwares(self, hours: Iterable[int]) -> Mapping[tuple[str, int], str]:
        """See FactSource."""
        wanted = sorted(hours)
        if not wanted:
            return {}
        during = between(wanted[0], wanted[-1] + HOUR_NS)
        question = f'SELECT online_s FROM "{CHARGER_HOUR}" WHERE {during} GROUP BY charger, firmware'
        return {
            (tags["charger"], moment(time)): tags["firmware"]
            for tags, _, points in self._query.ask(question)
            for time, *_ in points
        }

    def close(self) -> None:
        """See FactSource."""
        self._query.close()
