"""Facts read back from the SQLite store, for `pipeline.wires.fact_source`.

Owns the questions. Only reads, so that it can be used beside whoever writes. Must not know what rows mean.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import merge
from operator import attrgetter
from pathlib import Path

from pipeline.core.known_silences import SilenceEdge
from pipeline.core.recomputation import StoredRow
from pipeline.core.timestamps import NS_PER_S
from pipeline.wires.fact_source import Fields
from pipeline.wires.sqlite_file import faults_explained, open_to_read
from pipeline.wires.sqlite_schema import STORE, read_columns
from schemas.alert import AlertKind
from schemas.measurement import ALERT, CHARGER_HOUR

_by_time = attrgetter("time")


class SqliteFacts:
    """See FactSource."""

    def __init__(self, path: Path) -> None:
        """Opens the store's file for reading. Raises as `open_to_read` does."""
        self._path = path
        self._connection = open_to_read(path, STORE)

    def between(self, fields: Fields, first: int, until: int) -> Iterator[StoredRow]:
        """See FactSource."""
        with faults_explained(self._path):
            found = self._columns(fields)
            yield from merge(*(self._rows(each, found[each], first, until) for each in found), key=_by_time)

    def last_before(self, fields: Fields, first: int, until: int) -> Iterator[StoredRow]:
        """See FactSource."""
        with faults_explained(self._path):
            for measurement, names in self._columns(fields).items():
                for name in names:
                    question = (
                        f'SELECT charger, max(time), "{name}" FROM "{measurement}" '
                        f'WHERE time >= ? AND time < ? AND "{name}" IS NOT NULL GROUP BY charger'
                    )
                    for charger, time, value in self._connection.execute(question, (first, until)):
                        yield StoredRow(measurement, charger, time, ((name, value),))

    def silences(self, first: int, until: int) -> Iterator[SilenceEdge]:
        """See FactSource."""
        with faults_explained(self._path):
            if read_columns(self._connection, ALERT):
                question = (
                    f"SELECT charger, time, active, duration_s FROM {ALERT} WHERE kind = ? AND time >= ? AND time < ?"
                )
                bounds = (AlertKind.CHARGER_SILENT.value, first, until)
                for charger, time, active, duration_s in self._connection.execute(question, bounds):
                    yield SilenceEdge(charger, time, bool(active), round(duration_s * NS_PER_S))

    def firmwares(self, hours: Iterable[int]) -> Mapping[tuple[str, int], str]:
        """See FactSource."""
        found: dict[tuple[str, int], str] = {}
        with faults_explained(self._path):
            if read_columns(self._connection, CHARGER_HOUR):
                question = f"SELECT charger, firmware FROM {CHARGER_HOUR} WHERE time = ?"
                for hour in hours:
                    for charger, firmware in self._connection.execute(question, (hour,)):
                        found[charger, hour] = firmware
        return found

    def close(self) -> None:
        """See FactSource."""
        self._connection.close()

    def _columns(self, fields: Fields) -> dict[str, Sequence[str]]:
        """Those of the fields that are columns."""
        columns = {measurement: set(read_columns(self._connection, measurement)) for measurement in fields}
        found = {name: [field for field in names if field in columns[name]] for name, names in fields.items()}
        return {name: names for name, names in found.items() if names}

    def _rows(self, measurement: str, names: Sequence[str], first: int, until: int) -> Iterator[StoredRow]:
        listed = ", ".join(f'"{name}"' for name in names)
        question = f'SELECT charger, time, {listed} FROM "{measurement}" WHERE time >= ? AND time < ? ORDER BY time'
        for charger, time, *values in self._connection.execute(question, (first, until)):
            given = tuple((name, value) for name, value in zip(names, values, strict=True) if value is not None)
            if given:
                yield StoredRow(measurement, charger, time, given)
