"""A stage for the whole program: a simulated stream in a real queue, a store, and what the oracle says of it."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pipeline.assembly import STATE_FILE, STORE_FILE
from pipeline.core.decode import reject
from pipeline.replay_lines import from_line, to_line
from pipeline.simulator.fleet import Fleet, FleetPlan
from pipeline.simulator.quirks import Quirks
from pipeline.wires.amqp_address import address_of_url
from pipeline.wires.amqp_carried import as_carried
from pipeline.wires.amqp_publish import publish_stream
from pipeline.wires.state import RejectLimits, StateFile, WhenFull
from schemas.delivery import Delivery
from schemas.reject import RejectReason
from tests.facts_alone import facts_alone
from tests.oracle.reading import Oracle, Reading
from tests.oracle.stores import Rows, difference, rows_of_sqlite
from tests.services.influxdb import InfluxDb
from tests.services.rabbitmq import RabbitMq

QUEUE = "Operator_1.Q"
STEP_NS = 60 * 10**9
LIMITS = RejectLimits(10**12, 10**18, WhenFull.STOP)


class Stream(NamedTuple):
    """A simulated stream, and what must become of it: rows, and rejects by key with their reason."""

    deliveries: Sequence[Delivery]
    reading: Reading
    rejects: Mapping[str, str]


def simulate(count: int, chargers: int, seed: int) -> Stream:
    """Exactly `count` deliveries with all quirks, as AMQP carries them."""
    fleet = Fleet(FleetPlan(seed=seed, chargers=chargers), Quirks.all())
    now = FleetPlan().start
    deliveries: list[Delivery] = []
    while len(deliveries) < count:
        now += STEP_NS
        deliveries += map(as_carried, fleet.advance(now))
    del deliveries[count:]
    lines = [to_line(delivery) for delivery in deliveries]
    reading = Oracle().read_stream(lines)
    rejects = {
        reject(from_line(lines[place]), RejectReason(reason), "").key: reason for place, reason in reading.rejects
    }
    return Stream(deliveries, reading, rejects)


class Stage:
    """A queue in a virtual host of its own and, unless rows go to SQLite, a bucket of its own."""

    def __init__(self, folder: Path, rabbitmq: RabbitMq, vhost: str, influxdb: InfluxDb | None = None) -> None:
        self.folder = folder
        self.rabbitmq = rabbitmq
        self.vhost = vhost
        self.influxdb = influxdb
        self.bucket = influxdb.add_bucket() if influxdb is not None else ""
        self.data_dir = folder / "data"
        self.others: dict[str, str] = {}

    def settings(self, **others: str) -> dict[str, str]:
        """The settings of a worker here."""
        influx = {}
        if self.influxdb is not None:
            influx = {
                "INFLUX_URL": self.influxdb.url,
                "INFLUX_ORG": self.influxdb.org,
                "INFLUX_BUCKET": self.bucket,
                "INFLUX_TOKEN": self.influxdb.token,
            }
        usual = {
            "AMQP_URL": self.rabbitmq.url(vhost=self.vhost),
            "AMQP_QUEUE": QUEUE,
            "DATA_DIR": str(self.data_dir),
            "LOG_FORMAT": "text",
        }
        return {name: value for name, value in {**usual, **influx, **others}.items() if value}

    def fill(self, deliveries: Sequence[Delivery]) -> None:
        """Put deliveries into the queue, each confirmed."""
        address = address_of_url(self.rabbitmq.url(vhost=self.vhost))
        asyncio.run(publish_stream(address, QUEUE, deliveries))

    def waiting(self) -> int:
        """Messages in the queue that no consumer has."""
        return self.rabbitmq.queue_length(self.vhost, QUEUE)

    def is_drained(self) -> bool:
        """Whether every message was acknowledged."""
        return self.waiting() == 0 and self.rabbitmq.unacknowledged(self.vhost, QUEUE) == 0

    def rows(self) -> Rows:
        """What the store holds of facts."""
        rows = (
            rows_of_influxdb(self.influxdb, self.bucket)
            if self.influxdb
            else rows_of_sqlite(self.data_dir / STORE_FILE)
        )
        return facts_alone(rows)

    def read(self, *measurements: str) -> Rows:
        """What the store holds of these measurements, every field of it."""
        if self.influxdb:
            return rows_of_influxdb(self.influxdb, self.bucket, measurements)
        return rows_of_sqlite(self.data_dir / STORE_FILE, measurements)

    def rejects(self) -> dict[str, str]:
        """What the rejects hold, those of other workers included: key and reason."""
        return {**self.others, **self.rejects_in(self.data_dir)}

    @staticmethod
    def rejects_in(folder: Path) -> dict[str, str]:
        """What the rejects of a DATA_DIR hold."""
        with StateFile.open(folder / STATE_FILE, LIMITS) as state:
            return {kept.key: kept.reason.value for kept in state.rejects()}

    def faults(self, stream: Stream) -> list[str]:
        """Where store and rejects differ from what they must hold, in words; the first twenty."""
        found = difference(stream.reading.rows, self.rows())
        rejects = self.rejects()
        found += [f"missing reject {key}: {stream.rejects[key]}" for key in stream.rejects.keys() - rejects.keys()]
        found += [f"extra reject {key}: {rejects[key]}" for key in rejects.keys() - stream.rejects.keys()]
        both = rejects.keys() & stream.rejects.keys()
        found += [f"reject {key}: {rejects[key]}" for key in both if rejects[key] != stream.rejects[key]]
        return found[:20]


def rows_of_influxdb(influxdb: InfluxDb, bucket: str, only: Collection[str] = ()) -> Rows:
    """Every row of a bucket, or of some measurements, read back by InfluxQL."""
    rows: Rows = {}
    names = [str(shown.values["name"]) for shown in influxdb.query(bucket, "SHOW MEASUREMENTS")]
    for name in only or names:
        for record in influxdb.query(bucket, f'SELECT * FROM "{name}" GROUP BY *'):
            tags = dict(record.tags)
            charger = tags.pop("charger")
            values = dict(record.values)
            time = int(str(values.pop("time")))
            fields = {
                field: value if isinstance(value, str) else float(value)
                for field, value in values.items()
                if value is not None
            }
            key = (record.measurement, charger, tuple(sorted((tag, text) for tag, text in tags.items() if text)), time)
            rows[key] = fields
    return rows
