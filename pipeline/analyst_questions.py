"""What analysts ask, and how: twelve questions in InfluxQL and in SQL, and two ways into pandas.

Owns the queries, and their form in the README. `python -m pipeline.analyst_questions` writes them into the README of
the tree it is run in; a test holds the file equal to what it would write, and asks both stores. Must not know stores.

`{when}` stands for a span of time. A decision that was taken back has flags of 0 and no latencies, so that sums and
percentiles leave it out by themselves; to count rows would not. A session whose source is `none` is none, and left out.
Questions about a month of 1,000 chargers are answered within a second, which forbids some: each field, and each
condition on a field, costs a pass over every series.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pipeline.marked_tables import replace_table

MARK = "questions"
ZONE = "Europe/Oslo"
INFLUXQL_WHEN = "time > now() - 14d"
SQL_WHEN = "time > strftime('%s', 'now', '-14 days') * 1000000000"


class Question(NamedTuple):
    """Both queries give the same: first the tags and, where `time_as` names one, that column; then the numbers."""

    words: str
    influxql: str
    sql: str
    time_as: str = ""


_HOUR = "strftime('%Y-%m-%dT%H:00Z', time / 1000000000, 'unixepoch') AS hour"
# Whole hours alone are asked for, and Oslo's clock is changed at a full hour: in summer it is ahead by two of them.
_OSLO_DAY = """date(time / 1000000000 + CASE WHEN datetime(time / 1000000000, 'unixepoch') >=
  datetime(time / 1000000000, 'unixepoch', 'start of year', '+3 months', '-7 days', 'weekday 0', '+1 hour')
  AND datetime(time / 1000000000, 'unixepoch') <
  datetime(time / 1000000000, 'unixepoch', 'start of year', '+10 months', '-7 days', 'weekday 0', '+1 hour')
  THEN 7200 ELSE 3600 END, 'unixepoch') AS day"""
_SPENT = """SELECT sum(offline_s) AS offline, sum(disconnected_s) AS disconnected,
  sum(awaiting_start_s) AS awaiting_start, sum(charging_s) AS charging, sum(completed_s) AS completed,
  sum(error_s) AS error FROM charger_hour WHERE {when}"""


QUESTIONS: Sequence[Question] = (
    Question(
        "Which commands fail, and how?",
        """SELECT sum(failed) AS failed FROM command_outcome
WHERE {when} AND outcome <> 'accepted' GROUP BY command, outcome""",
        """SELECT command, outcome, sum(failed) AS failed FROM command_outcome
WHERE {when} AND outcome <> 'accepted' GROUP BY command, outcome""",
    ),
    Question(
        "Under which firmware do they fail most?",
        """SELECT sum(failed) AS failed, sum(ok) AS ok FROM command_outcome WHERE {when} GROUP BY firmware""",
        """SELECT firmware, sum(failed) AS failed, sum(ok) AS ok FROM command_outcome WHERE {when} GROUP BY firmware""",
    ),
    Question(
        "In which hours do they fail?",
        """SELECT sum(failed) AS failed FROM command_outcome
WHERE {when} AND outcome <> 'accepted' GROUP BY time(1h) fill(none)""",
        """SELECT {hour}, sum(failed) AS failed FROM command_outcome
WHERE {when} AND outcome <> 'accepted' GROUP BY hour""".replace("{hour}", _HOUR),
        "hour",
    ),
    Question(
        "Which chargers refuse or do not answer?",
        """SELECT sum(failed) AS failed, sum(timed_out) AS timed_out FROM command_outcome
WHERE {when} AND outcome <> 'accepted' GROUP BY charger""",
        """SELECT charger, sum(failed) AS failed, sum(timed_out) AS timed_out FROM command_outcome
WHERE {when} AND outcome <> 'accepted' GROUP BY charger""",
    ),
    Question(
        "Within what time are 95 % of the answered commands answered?",
        """SELECT percentile(round_trip_ms, 95) AS p95_ms FROM command_outcome WHERE {when} GROUP BY command""",
        """SELECT command, max(CASE WHEN rank = CAST(number * 0.95 + 0.5 AS INTEGER) THEN round_trip_ms END) AS p95_ms
FROM (SELECT command, round_trip_ms, count(*) OVER (PARTITION BY command) AS number,
  row_number() OVER (PARTITION BY command ORDER BY round_trip_ms) AS rank FROM command_outcome
  WHERE {when} AND round_trip_ms IS NOT NULL) GROUP BY command""",
    ),
    Question(
        "How many answers come after we gave up waiting, and how late?",
        """SELECT count(lateness_ms) AS late, max(lateness_ms) AS worst_ms FROM command_outcome
WHERE {when} GROUP BY command""",
        """SELECT command, count(lateness_ms) AS late, max(lateness_ms) AS worst_ms FROM command_outcome
WHERE {when} AND lateness_ms IS NOT NULL GROUP BY command""",
    ),
    Question(
        f"How much energy did each charger give each day at {ZONE}?",
        f"""SELECT sum(energy_kwh) AS kwh FROM charger_hour
WHERE {{when}} GROUP BY charger, time(1d) fill(none) tz('{ZONE}')""",
        """SELECT charger, {day}, sum(energy_kwh) AS kwh FROM charger_hour
WHERE {when} AND energy_kwh IS NOT NULL GROUP BY charger, day""".replace("{day}", _OSLO_DAY),
        "day",
    ),
    Question(
        "How many sessions had each charger, how long, and of how much?",
        """SELECT count(energy_kwh) AS sessions, median(duration_s) AS median_s, sum(energy_kwh) AS kwh FROM session
WHERE {when} AND source <> 'none' GROUP BY charger""",
        """SELECT charger, count(*) AS sessions,
  avg(CASE WHEN rank IN ((number + 1) / 2, number / 2 + 1) THEN duration_s END) AS median_s, sum(energy_kwh) AS kwh
FROM (SELECT *, count(*) OVER (PARTITION BY charger) AS number,
  row_number() OVER (PARTITION BY charger ORDER BY duration_s) AS rank FROM session
  WHERE {when} AND source <> 'none') GROUP BY charger""",
    ),
    Question(
        "For what share of the time was each charger online?",
        """SELECT sum(online_s) / count(online_s) / 3600 AS share FROM charger_hour WHERE {when} GROUP BY charger""",
        """SELECT charger, sum(online_s) / count(online_s) / 3600 AS share FROM charger_hour WHERE {when}
GROUP BY charger""",
    ),
    Question(
        "Who fell silent, how often and for how long?",
        """SELECT count(duration_s) AS silences, sum(duration_s) AS seconds FROM alert
WHERE {when} AND kind = 'charger_silent' AND active = 0 AND duration_s > 0 GROUP BY charger""",
        """SELECT charger, count(duration_s) AS silences, sum(duration_s) AS seconds FROM alert
WHERE {when} AND kind = 'charger_silent' AND active = 0 AND duration_s > 0 GROUP BY charger""",
    ),
    Question(
        "How is the chargers' time spent?",
        _SPENT,
        _SPENT,
    ),
    Question(
        f"How much power at most, and how late did data come, each day at {ZONE}?",
        f"""SELECT max(max_power_kw) AS kw, max(device_to_cloud_ms_max) AS late_ms FROM charger_hour
WHERE {{when}} GROUP BY time(1d) fill(none) tz('{ZONE}')""",
        """SELECT {day}, max(max_power_kw) AS kw, max(device_to_cloud_ms_max) AS late_ms FROM charger_hour
WHERE {when} GROUP BY day""".replace("{day}", _OSLO_DAY),
        "day",
    ),
)

PANDAS_OF_SQLITE = """import sqlite3

import pandas

with sqlite3.connect("chargeline-data/chargeline.sqlite3") as store:
    sessions = pandas.read_sql("SELECT * FROM session WHERE source <> 'none'", store)
sessions["start"] = pandas.to_datetime(sessions["time"], utc=True).dt.tz_convert("Europe/Oslo")
print(sessions.groupby(sessions["start"].dt.date)["energy_kwh"].sum())
"""

PANDAS_OF_INFLUXDB = """import os

from influxdb_client import InfluxDBClient

settings = {name: os.environ[f"CHARGELINE_INFLUX_{name.upper()}"] for name in ("url", "token", "org")}
flux = f'''from(bucket: "{os.environ["CHARGELINE_INFLUX_BUCKET"]}") |> range(start: 2025-01-01T00:00:00Z)
  |> filter(fn: (r) => r._measurement == "session")
  |> pivot(rowKey: ["_time", "charger"], columnKey: ["_field"], valueColumn: "_value")
  |> filter(fn: (r) => r.source != "none") |> group()'''
with InfluxDBClient(**settings) as client:
    sessions = client.query_api().query_data_frame(flux)
sessions["start"] = sessions["_time"].dt.tz_convert("Europe/Oslo")
print(sessions.groupby(sessions["start"].dt.date)["energy_kwh"].sum())
"""


def questions_block() -> str:
    """The README's block, in Markdown, its last line break included."""
    parts = []
    for number, question in enumerate(QUESTIONS, 1):
        influxql, sql = question.influxql.format(when=INFLUXQL_WHEN), question.sql.format(when=SQL_WHEN)
        parts += [f"**{number}. {question.words}**\n", f"```influx\n{influxql}\n```\n", f"```sqlite\n{sql}\n```\n"]
    parts += ["**In pandas**, from SQLite:\n", f"```python\n{PANDAS_OF_SQLITE}```\n"]
    parts += ["and from InfluxDB:\n", f"```python\n{PANDAS_OF_INFLUXDB}```\n"]
    return "\n" + "\n".join(parts) + "\n"


def write_document(tree: Path) -> None:
    """Write the block of README.md in `tree`. Raises OSError, and ValueError without markers."""
    readme = tree / "README.md"
    readme.write_text(replace_table(readme.read_text("utf-8"), MARK, questions_block()), "utf-8")


if __name__ == "__main__":
    try:
        write_document(Path())
    except (OSError, ValueError) as fault:
        sys.exit(f"{fault}; run this in the folder of README.md")
