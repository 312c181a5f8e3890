"""What is stored, read past the program: rows by InfluxQL, rejects out of their SQLite file or their topic.

Owns the questions. Imports nothing of the program under test.
"""

import sqlite3
from base64 import b64decode
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from tests.oracle.reading import Fields, RowKey
from tests.services.influxdb import InfluxDb
from tests.services.kafka import read_topic
from tests.torture.messages import stamp

REJECTS = "chargeline.rejects"
AT_ONCE = 40
"""Chargers in one question: an answer of a million rows takes gigabytes to read."""
UNKNOWN_LENGTH = -1


class StoredReject(NamedTuple):
    """A reject as the operator finds it."""

    reason: str
    routing_key: str
    arrival: str | None
    length: int
    sha256: str


class KeptRejects:
    """Rejects of a worker, in its DATA_DIR."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "state.sqlite3"

    def read(self) -> list[StoredReject]:
        columns = "reason, routing_key, headers, body_length, body_sha256"
        with closing(sqlite3.connect(f"file:{self._path}?mode=ro", uri=True)) as connection:
            found = connection.execute(f"SELECT {columns} FROM reject").fetchall()
        return [
            StoredReject(reason, key, orjson.loads(headers).get("ArrivalTime"), length, digest)
            for reason, key, headers, length, digest in found
        ]


class KafkaRejects:
    """Rejects of the roles, in their topic: each is there once or more often, its body redacted.

    One that the store refused has the place and the content of a typed message, which says whose it was.
    """

    def __init__(self, brokers: str) -> None:
        self._brokers = brokers

    def read(self) -> list[StoredReject]:
        found = [orjson.loads(each.value or b"{}") for each in read_topic(self._brokers, REJECTS)]
        return [_typed(each) if each["reason"] == "store" else _delivered(each) for each in found]


def _delivered(reject: Mapping[str, Any]) -> StoredReject:
    arrival = dict(reject["headers"]).get("ArrivalTime")
    return StoredReject(reject["reason"], reject["routing_key"], arrival, reject["body_length"], "")


def _typed(reject: Mapping[str, Any]) -> StoredReject:
    record = orjson.loads(b64decode(reject["body_base64"]))
    letters = {"observation": "O", "response": "CR"}[record["kind"]]
    arrival = None if record["arrived_at"] is None else stamp(record["arrived_at"])
    return StoredReject("store", f"{record['serial']}.{letters}.{record['id']}", arrival, UNKNOWN_LENGTH, "")


class Stored:
    """A bucket, and where rejects are."""

    def __init__(self, store: InfluxDb, bucket: str, rejects: KeptRejects | KafkaRejects) -> None:
        self._store = store
        self._bucket = bucket
        self._rejects = rejects

    def measurements(self) -> list[str]:
        return [str(shown.values["name"]) for shown in self._store.query(self._bucket, "SHOW MEASUREMENTS")]

    def rows(self, measurement: str) -> Iterator[tuple[RowKey, Fields]]:
        """Every row of a measurement; numbers as floats, a field that a row has not is not there."""
        chargers = self._chargers(measurement)
        for place in range(0, len(chargers), AT_ONCE):
            named = " OR ".join(f"charger = '{charger}'" for charger in chargers[place : place + AT_ONCE])
            yield from self._rows(f'SELECT * FROM "{measurement}" WHERE {named} GROUP BY *')

    def rejects(self) -> list[StoredReject]:
        """Every reject that is kept."""
        return self._rejects.read()

    def _chargers(self, measurement: str) -> list[str]:
        asked = f'SHOW TAG VALUES FROM "{measurement}" WITH KEY = "charger"'
        return [str(shown.values["value"]) for shown in self._store.query(self._bucket, asked)]

    def _rows(self, influxql: str) -> Iterator[tuple[RowKey, Fields]]:
        for record in self._store.query(self._bucket, influxql):
            tags = dict(record.tags)
            charger = tags.pop("charger")
            values = dict(record.values)
            time = int(str(values.pop("time")))
            fields: Fields = {
                name: value if isinstance(value, str) else float(value)
                for name, value in values.items()
                if value is not None
            }
            named = tuple(sorted((tag, text) for tag, text in tags.items() if text))
            yield (record.measurement, charger, named, time), fields
