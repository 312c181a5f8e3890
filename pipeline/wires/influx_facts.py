"""Facts read back from a bucket of InfluxDB, for `pipeline.wires.fact_source`.

Owns the questions, in InfluxQL, and how answers are read. Must not know what rows mean.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING

import orjson

from pipeline.core.clock_offset import HOUR_NS
from pipeline.core.known_silences import SilenceEdge
from pipeline.core.recomputation import StoredRow
from pipeline.core.timestamps import NS_PER_S
from pipeline.deferred import deferred
from pipeline.wires.fact_source import Fields
from pipeline.wires.influx import Bucket
from pipeline.wires.store import StoreUnavailableError
from schemas.alert import AlertKind
from schemas.measurement import ALERT, CHARGER_HOUR
from schemas.row import Field

if TYPE_CHECKING:
    from urllib3 import exceptions as urllib3_exceptions
    from urllib3 import poolmanager, response, util
else:
    # Imported when it is used: every command imports this module.
    urllib3_exceptions = deferred("urllib3.exceptions")
    poolmanager = deferred("urllib3.poolmanager")
    response = deferred("urllib3.response")
    util = deferred("urllib3.util")

_OK = 200
_ANSWER_S = 120.0
_by_time = attrgetter("time")

Series = tuple[Mapping[str, str], Sequence[str], Sequence[Sequence[object]]]
"""Tags, columns, and the rows."""


class InfluxFacts:
    """See FactSource."""

    def __init__(self, bucket: Bucket, read_token: Callable[[], str]) -> None:
        """Connects when it is asked. `read_token` gives the token as it is now, and never raises."""
        self._bucket = bucket
        self._read_token = read_token
        self._pool: poolmanager.PoolManager | None = None

    def between(self, fields: Fields, first: int, until: int) -> Iterator[StoredRow]:
        """See FactSource."""
        rows: list[StoredRow] = []
        for measurement, names in fields.items():
            listed = ", ".join(f'"{name}"' for name in names)
            question = f'SELECT {listed} FROM "{measurement}" WHERE {_between(first, until)} GROUP BY charger'
            for tags, columns, points in self._ask(question):
                for time, *values in points:
                    given = tuple(_given(columns[1:], values))
                    if given:
                        rows.append(StoredRow(measurement, tags["charger"], _moment(time), given))
        rows.sort(key=_by_time)
        yield from rows

    def last_before(self, fields: Fields, first: int, until: int) -> Iterator[StoredRow]:
        """See FactSource."""
        for measurement, names in fields.items():
            for name in names:
                question = f'SELECT last("{name}") FROM "{measurement}" WHERE {_between(first, until)} GROUP BY charger'
                for tags, _, points in self._ask(question):
                    for time, value in points:
                        yield StoredRow(measurement, tags["charger"], _moment(time), tuple(_given([name], [value])))

    def silences(self, first: int, until: int) -> Iterator[SilenceEdge]:
        """See FactSource."""
        question = (
            f"SELECT active, duration_s FROM {ALERT} "
            f"WHERE kind = '{AlertKind.CHARGER_SILENT.value}' AND {_between(first, until)} GROUP BY charger"
        )
        for tags, columns, points in self._ask(question):
            for time, *values in points:
                match dict(_given(columns[1:], values)):
                    case {"active": float(active), "duration_s": float(duration_s)}:
                        yield SilenceEdge(tags["charger"], _moment(time), bool(active), round(duration_s * NS_PER_S))

    def firmwares(self, hours: Iterable[int]) -> Mapping[tuple[str, int], str]:
        """See FactSource."""
        wanted = sorted(hours)
        if not wanted:
            return {}
        during = _between(wanted[0], wanted[-1] + HOUR_NS)
        question = f'SELECT online_s FROM "{CHARGER_HOUR}" WHERE {during} GROUP BY charger, firmware'
        return {
            (tags["charger"], _moment(time)): tags["firmware"]
            for tags, _, points in self._ask(question)
            for time, *_ in points
        }

    def close(self) -> None:
        """See FactSource."""
        if self._pool is not None:
            self._pool.clear()

    def _ask(self, question: str) -> Iterator[Series]:
        """The series of an answer. A measurement or field that is not there has none."""
        url = f"{self._bucket.url}/query"
        fields = {"db": self._bucket.name, "q": question, "epoch": "ns"}
        headers = {"Authorization": f"Token {self._read_token()}"}
        if self._pool is None:
            self._pool = poolmanager.PoolManager(retries=False, timeout=util.Timeout(total=_ANSWER_S))
        try:
            answer = self._pool.request("GET", url, fields=fields, headers=headers, redirect=False)
        except urllib3_exceptions.HTTPError as fault:
            words = " ".join(str(fault).split())
            message = (
                f"InfluxDB {self._bucket.url} does not answer: {words}; see that it runs, and CHARGELINE_INFLUX_URL"
            )
            raise StoreUnavailableError(message) from None
        yield from _series(self._read(answer))

    def _read(self, answer: "response.BaseHTTPResponse") -> object:
        try:
            members: object = orjson.loads(answer.data)
        except orjson.JSONDecodeError:
            members = None
        if answer.status == _OK and members is not None:
            return members
        words = " ".join(answer.data.decode("utf-8", "replace").split())[:200]
        message = (
            f"InfluxDB {self._bucket.url} answered {answer.status} when bucket {self._bucket.name} was read: {words}; "
            "see that the token of CHARGELINE_INFLUX_TOKEN may read the bucket"
        )
        raise StoreUnavailableError(message, needs_operator=True)


def _series(members: object) -> Iterator[Series]:
    match members:
        case {"results": [{"error": str(words)}, *_]}:
            raise StoreUnavailableError(f"InfluxDB did not answer a question about the bucket: {words}")
        case {"results": [{"series": list(series)}, *_]}:
            for each in series:
                match each:
                    case {"tags": dict(tags), "columns": list(columns), "values": list(values)}:
                        yield tags, columns, values


def _given(names: Sequence[str], values: Sequence[object]) -> Iterator[Field]:
    for name, value in zip(names, values, strict=True):
        if isinstance(value, str):
            yield name, value
        elif isinstance(value, int | float):
            yield name, float(value)


def _moment(value: object) -> int:
    if not isinstance(value, int):
        raise StoreUnavailableError(f"InfluxDB gave {value!r} for a time; see that CHARGELINE_INFLUX_URL is one")
    return value


def _between(first: int, until: int) -> str:
    return f"time >= {first} AND time < {until}"
