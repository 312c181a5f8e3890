"""Every query of the dashboards and alert rules, on a real InfluxDB 2 with a simulated day in it.

None errs, and each answers with rows, or is listed with the reason why not. `make test` asks a small fleet's half day;
`make prove` asks 1,000 chargers' day. The slowest queries are printed with their times: none should take a second.
"""

import time
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import pytest

from tests.campaigns.dashboard_day import SITES, DayPlan, fill
from tests.dashboards.boards import Query, read_boards, read_rules
from tests.dashboards.filled import ALL, Range, fill_in, one_of
from tests.services.influxdb import InfluxDb, Record

pytestmark = pytest.mark.services

HALF_A_DAY = DayPlan(chargers=20, hours=12)
A_DAY_OF_1000 = DayPlan(chargers=50, hours=24, copies=20, busy=1.0)
SHOWN = 10
TRIES = 3
"""The best one is shown: others may use the machine."""
ONE_CHARGER = "EH000001"
EVERYTHING: Mapping[str, str] = {
    "site": ALL,
    "charger": ALL,
    "command": ALL,
    "worker": ALL,
    "zone": "Europe/Oslo",
}
NARROW = {**EVERYTHING, "site": one_of(*filter(None, SITES)), "charger": one_of(ONE_CHARGER, "EH000002")}
QUERIES = [query for board in read_boards().values() for query in board.queries()]
QUERIES += [query for rule in read_rules() for query in rule.queries()]

EMPTY: Mapping[str, str] = {}
"""Queries that are rightly without an answer, by where they stand, and why."""


class Day(NamedTuple):
    """A bucket with a day in it."""

    influxdb: InfluxDb
    bucket: str
    span: Range

    def ask(self, query: Query, variables: Mapping[str, str]) -> list[Record]:
        """The answer to a query, filled in."""
        if query.where.startswith("charger /"):
            variables = {**variables, "charger": ONE_CHARGER}
        return self.influxdb.query(self.bucket, fill_in(query, self.span, variables))


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(HALF_A_DAY, id="20-for-12-h"),
        pytest.param(A_DAY_OF_1000, id="1000-for-a-day", marks=pytest.mark.prove),
    ],
)
def day(request: pytest.FixtureRequest, influxdb: InfluxDb) -> Iterator[Day]:
    bucket = influxdb.add_bucket()
    lived = fill(influxdb, bucket, request.param)
    print(f"\n{lived.rows} rows")
    yield Day(influxdb, bucket, Range(lived.begin, lived.end))
    influxdb.delete_bucket(bucket)


def test_every_query_answers_with_rows(day: Day) -> None:
    silent = {query.where for query in QUERIES if not any(_has_value(each) for each in day.ask(query, EVERYTHING))}
    assert sorted(silent) == sorted(EMPTY)


def test_no_query_errs_when_sites_and_chargers_are_chosen(day: Day) -> None:
    for query in QUERIES:
        day.ask(query, NARROW)


def test_how_long_queries_take(day: Day) -> None:
    took = {query.where: min(_seconds(day, query) for _ in range(TRIES)) for query in QUERIES}
    slowest = sorted(took, key=lambda where: took[where], reverse=True)
    print("\nthe slowest queries:")
    print(*(f"{took[where]:7.3f} s  {where}" for where in slowest[:SHOWN]), sep="\n")


def _seconds(day: Day, query: Query) -> float:
    begun = time.monotonic()
    day.ask(query, EVERYTHING)
    return time.monotonic() - begun


def _has_value(record: Record) -> bool:
    return any(value not in (None, "") for column, value in record.values.items() if column != "time")
