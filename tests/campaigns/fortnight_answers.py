"""An analyst's questions to a store after a fortnight, in SQL and in InfluxQL, and the answers in one form.

Owns the queries. Must not know the truth.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from pipeline.simulator.questions import ChargerDay
from tests.campaigns.fortnight_plan import Fortnight, S
from tests.campaigns.fortnight_truth import OSLO, Decisions, Ended
from tests.services.influxdb import InfluxDb, Record


class StoredSession(NamedTuple):
    """A row of `session`; `has_ended` by its `stopped_at`. Nanoseconds, kilowatt-hours, seconds."""

    serial: str
    started_at: int
    energy_kwh: float
    duration_s: float
    has_ended: bool


class Online(NamedTuple):
    """Of a charger: how many seconds it was online, and how many its rows are about."""

    online_s: float
    counted_s: float


class Answers(NamedTuple):
    """What a store says."""

    sessions: Sequence[StoredSession]
    energy: Mapping[ChargerDay, float]
    online: Mapping[str, Online]
    decisions: Mapping[Decisions, Ended]


_SESSIONS_SQL = """
SELECT charger, time, energy_kwh, duration_s, stopped_at <> '' FROM session WHERE time >= :first AND time < :until"""
_ENERGY_SQL = """
SELECT charger, day.name, sum(energy_kwh) FROM day JOIN charger_hour ON time >= day.begins AND time < day.ends
WHERE time >= :first AND time < :until GROUP BY charger, day.name"""
_ONLINE_SQL = """
SELECT charger, sum(online_s), 3600.0 * count(*) FROM charger_hour WHERE time >= :first AND time < :until
GROUP BY charger"""
_DECISIONS_SQL = """
SELECT command, firmware, time - time % 3600000000000 AS hour, count(*), sum(failed) FROM command_outcome
WHERE refuted = 0 AND time >= :first AND time < :until GROUP BY command, firmware, hour"""

_SESSIONS_INFLUXQL = "SELECT energy_kwh, duration_s, stopped_at FROM session WHERE {when} GROUP BY charger"
_ENERGY_INFLUXQL = """
SELECT sum(energy_kwh) AS kwh FROM charger_hour WHERE {when} GROUP BY charger, time(1d) TZ('Europe/Oslo')"""
_ONLINE_INFLUXQL = """
SELECT sum(online_s) AS online_s, count(online_s) AS hours FROM charger_hour WHERE {when} GROUP BY charger"""
_DECISIONS_INFLUXQL = """
SELECT count(failed) AS decisions, sum(failed) AS failed FROM command_outcome WHERE {when} AND refuted = 0
GROUP BY time(1h), command, firmware"""


def answers_of_sqlite(path: Path, plan: Fortnight) -> Answers:
    """What SQLite says. Its days are those of a table, since it knows no zones."""
    span = {"first": plan.first, "until": plan.until}
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as store:
        store.execute("CREATE TEMP TABLE day (name TEXT, begins INTEGER, ends INTEGER)")
        store.executemany("INSERT INTO day VALUES (?, ?, ?)", _days(plan))
        return Answers(
            [
                StoredSession(serial, started_at, kwh, seconds, has_ended=bool(ended))
                for serial, started_at, kwh, seconds, ended in store.execute(_SESSIONS_SQL, span)
            ],
            {(serial, date.fromisoformat(day)): kwh for serial, day, kwh in store.execute(_ENERGY_SQL, span)},
            {serial: Online(*seconds) for serial, *seconds in store.execute(_ONLINE_SQL, span)},
            {
                Decisions(command, firmware, hour): Ended(count, int(failed))
                for command, firmware, hour, count, failed in store.execute(_DECISIONS_SQL, span)
            },
        )


def answers_of_influxdb(influxdb: InfluxDb, bucket: str, plan: Fortnight) -> Answers:
    """What InfluxDB says."""

    def ask(influxql: str) -> Sequence[Record]:
        return influxdb.query(bucket, influxql.format(when=f"time >= {plan.first} AND time < {plan.until}"))

    return Answers(
        [
            StoredSession(
                record.tags["charger"],
                int(_number(record, "time")),
                _number(record, "energy_kwh"),
                _number(record, "duration_s"),
                has_ended=bool(record.values["stopped_at"]),
            )
            for record in ask(_SESSIONS_INFLUXQL)
        ],
        {
            (record.tags["charger"], _day(int(_number(record, "time")))): _number(record, "kwh")
            for record in ask(_ENERGY_INFLUXQL)
            if record.values["kwh"] is not None
        },
        {
            record.tags["charger"]: Online(_number(record, "online_s"), 3_600.0 * _number(record, "hours"))
            for record in ask(_ONLINE_INFLUXQL)
        },
        {
            Decisions(record.tags["command"], record.tags["firmware"], int(_number(record, "time"))): Ended(
                int(_number(record, "decisions")), int(_number(record, "failed"))
            )
            for record in ask(_DECISIONS_INFLUXQL)
            if record.values["decisions"]
        },
    )


def _number(record: Record, column: str) -> float:
    value = record.values[column]
    assert isinstance(value, int | float), f"{column} is {value!r}"
    return value


def _day(at: int) -> date:
    return datetime.fromtimestamp(at // S, OSLO).date()


def _days(plan: Fortnight) -> Sequence[tuple[str, int, int]]:
    """The days at Oslo that the fortnight touches: name, begin and end, nanoseconds."""
    day, last = _day(plan.first), _day(plan.until)
    days: list[tuple[str, int, int]] = []
    while day <= last:
        following = day + timedelta(days=1)
        days.append((day.isoformat(), _begin(day), _begin(following)))
        day = following
    return days


def _begin(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=OSLO).astimezone(UTC).timestamp()) * S
