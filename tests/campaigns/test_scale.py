"""Both shells, one stream: a worker alone, and the roles on a Kafka, end in the same rows in InfluxDB.

`make test` takes 10,000 messages with commands through both, `make prove` 200,000.
"""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from pipeline.core.derivation import Spans
from pipeline.simulator.command_copy import copy_of
from pipeline.simulator.fleet import Fleet, FleetPlan
from pipeline.simulator.quirks import Quirk, Quirks
from pipeline.wires.amqp_carried import as_carried
from schemas.command import CommandSent
from schemas.delivery import Delivery
from schemas.measurement import ALERT, CHARGER_HOUR, CHARGER_SNAPSHOT, COMMAND, COMMAND_OUTCOME, PIPELINE, SESSION
from tests.campaigns.command_ends import taken_back
from tests.campaigns.one_reader import read_one_by_one
from tests.campaigns.running import RunningWorker
from tests.campaigns.scaled import Scaled
from tests.campaigns.stage import QUEUE, rows_of_influxdb
from tests.oracle.stores import Rows, difference
from tests.services.fill_queue import fill_queues
from tests.services.influxdb import InfluxDb
from tests.services.kafka import Kafka
from tests.services.rabbitmq import RabbitMq

pytestmark = pytest.mark.services

COPIES = "Operator_1.Copies"
S = 10**9
HOUR = 3_600 * S
SPANS = Spans(timeout=60 * S, silent_after=1_200 * S, late_data=6 * HOUR)
"""What both are set to where nothing is said."""
LONG_AGO = 12 * HOUR
"""The stream is so old that all its silences were over its deadline before either shell is through."""
STILL_S = 8.0
COUNTS = [
    pytest.param(10_000, 12, id="10000"),
    pytest.param(200_000, 100, id="200000", marks=pytest.mark.prove),
]
QUIRKS = Quirks.all().but({Quirk.REPEATED: 0.01, Quirk.EXPIRES: 0.2, Quirk.SLOW_RESPONSE: 0.02, Quirk.DEAD: 0.05})
OURS = {Quirk.ARRIVAL_MISSING, Quirk.ARRIVAL_UNREADABLE}
"""Where our receipt stands in for it, each shell has its own."""


class Recorded(NamedTuple):
    """What both shells find in their queues, and until when it goes on."""

    deliveries: list[Delivery]
    copies: list[Delivery]
    until: int


def record(count: int, chargers: int, now: int) -> Recorded:
    """At least so many messages of a fleet, with commands of the operator's, from hours ago."""
    begin = (now - LONG_AGO) // HOUR * HOUR
    plan = FleetPlan(seed=count, chargers=chargers, start=begin, busy=4.0, commands_an_hour=6.0)
    fleet = Fleet(plan, QUIRKS.without(OURS))
    recorded = Recorded([], [], 0)
    until = begin
    while len(recorded.deliveries) < count:
        until += 60 * S
        for item in fleet.advance_with_commands(until):
            if isinstance(item, CommandSent):
                recorded.copies.append(copy_of(item))
            else:
                recorded.deliveries.append(as_carried(item))
    assert until < now - 3 * HOUR, "the stream is too young to be over"
    return recorded._replace(until=until)


@pytest.mark.parametrize(("count", "chargers"), COUNTS)
def test_both_shells_end_in_the_same_rows(
    rabbitmq: RabbitMq, influxdb: InfluxDb, kafka: Kafka, tmp_path: Path, count: int, chargers: int
) -> None:
    stream = record(count, chargers, time.time_ns())
    buckets = influxdb.add_bucket(), influxdb.add_bucket()
    vhost = rabbitmq.add_vhost()
    url = rabbitmq.url(vhost=vhost)
    took_s: list[float] = []

    def settings(bucket: str) -> dict[str, str]:
        for queue, deliveries in ((QUEUE, stream.deliveries), (COPIES, stream.copies)):
            asyncio.run(fill_queues(url, (queue,), deliveries, 120.0))
        return {
            "AMQP_URL": url,
            "AMQP_QUEUE": QUEUE,
            "COMMAND_QUEUE": COPIES,
            "DATA_DIR": str(tmp_path / bucket),
            "INFLUX_URL": influxdb.url,
            "INFLUX_ORG": influxdb.org,
            "INFLUX_BUCKET": bucket,
            "INFLUX_TOKEN": influxdb.token,
            "LOG_FORMAT": "text",
        }

    def is_drained() -> bool:
        return all(
            rabbitmq.queue_length(vhost, queue) + rabbitmq.unacknowledged(vhost, queue) == 0
            for queue in (QUEUE, COPIES)
        )

    worker = RunningWorker(tmp_path, settings(buckets[0]))
    worker.start()
    try:
        took_s.append(worker.until(is_drained))
        until_still(lambda: derived_rows(influxdb, buckets[0], stream.until))
        refused = worker.metrics()["chargeline_rejected_total"]
        assert worker.end() == 0
    finally:
        worker.kill()

    scaled = Scaled(tmp_path, settings(buckets[1]), kafka, 1)
    with scaled.running():
        took_s.append(scaled.processes["bridge"][0].until(is_drained))
        scaled.until_idle()
        until_still(lambda: derived_rows(influxdb, buckets[1], stream.until))
        assert scaled.total("bridge", "chargeline_rejected_total") == refused
        assert scaled.total("track", "chargeline_rejected_total") == 0
        assert scaled.total("write", "chargeline_rejected_total") == 0

    alone, together = (rows_of_influxdb(influxdb, bucket) for bucket in buckets)
    assert difference(facts(alone), facts(together)) == []
    expected, found = (derived(rows, stream.until) for rows in (alone, together))
    assert difference(expected, found) == []
    told = read_one_by_one(stream.deliveries, stream.copies, SPANS, stream.until + HOUR)
    for rows in (alone, together):
        assert taken_back(rows) <= taken_back(told), "a time-out was written while its answer lay in the queue"
    kinds = {measurement for measurement, _, _, _ in found}
    assert kinds >= {ALERT, CHARGER_HOUR, CHARGER_SNAPSHOT, COMMAND, COMMAND_OUTCOME, SESSION}
    commands = sum(measurement == COMMAND for measurement, _, _, _ in found)
    print(
        f"{len(stream.deliveries)} messages, {len(stream.copies)} commands: {len(facts(together))} rows of facts, "
        f"{len(found)} derived, {commands} of commands, the same; {refused:.0f} rejects; drained in "
        f"{took_s[0]:.1f} and {took_s[1]:.1f} s"
    )
    rabbitmq.delete_vhost(vhost)


def until_still(look: Callable[[], Rows]) -> None:
    """Wait until rows do not change any more."""
    rows, since = look(), time.monotonic()
    while time.monotonic() - since < STILL_S:
        time.sleep(2.0)
        now = look()
        if now != rows:
            rows, since = now, time.monotonic()


_FOLLOWS = {"alert", "charger_hour", "charger_snapshot", "charger_clock", "command", "command_outcome", "session"}
_OURS_ALONE = {"messages", "round_trip_ms"}
"""Fields that say when a message reached this process, or are approximate."""
_ONLY_WHERE = {"effect_ms": "confirmed", "lateness_ms": "late"}
"""Fields that count only where this one does: a store cannot take a field back."""


def derived_rows(influxdb: InfluxDb, bucket: str, until: int) -> Rows:
    """What follows, as it is now."""
    present = {str(shown.values["name"]) for shown in influxdb.query(bucket, "SHOW MEASUREMENTS")}
    names = sorted(_FOLLOWS & present)
    return derived(rows_of_influxdb(influxdb, bucket, names), until) if names else {}


def facts(rows: Rows) -> Rows:
    """Rows of facts, `paired` and `ref` of responses included: every response was decided on."""
    return {key: fields for key, fields in rows.items() if key[0] not in _FOLLOWS | {PIPELINE}}


def derived(rows: Rows, until: int) -> Rows:
    """Final rows that follow from the stream: what time brings after its end, each shell has to another moment.

    Without what was taken back, and the firmware, which is the one that was known when a row was first written.
    """
    chosen: Rows = {}
    for (measurement, charger, tags, at), fields in rows.items():
        if measurement not in _FOLLOWS or at > until + HOUR:
            continue
        if measurement == COMMAND_OUTCOME and fields["refuted"]:
            continue
        if measurement == ALERT and (
            dict(tags)["kind"] in ("backlog", "rejects", "holding", "stream_silent")
            or (not fields["active"] and not fields["duration_s"])
        ):
            continue
        kept = {name: value for name, value in fields.items() if name not in _OURS_ALONE}
        for name, only_where in _ONLY_WHERE.items():
            if name in kept and not kept.get(only_where):
                del kept[name]
        chosen[measurement, charger, tuple(tag for tag in tags if tag[0] != "firmware"), at] = kept
    return chosen
