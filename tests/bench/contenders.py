"""The contenders of `run_cost`: how each is started, what it must leave in its store, and how it is seen to be done.

Must not know rounds, clocks, or what anything cost.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from schemas.delivery import Delivery
from tests.bench.store_content import Content, by_the_oracle, by_usual_stamps, content_of_bucket, content_of_file
from tests.campaigns.running import PROGRAM
from tests.services.http import request
from tests.services.influxdb import InfluxDb
from tests.services.process import LOOPBACK
from tests.services.rabbitmq import RabbitMq


class Place(NamedTuple):
    """Where one life of a contender works: its queue, an empty bucket, an empty folder, and a port for its HTTP."""

    rabbitmq: RabbitMq
    vhost: str
    queue: str
    influxdb: InfluxDb
    bucket: str
    folder: Path
    port: int

    @property
    def amqp_url(self) -> str:
        return self.rabbitmq.url(vhost=self.vhost)


class Contender(NamedTuple):
    """One way from the queue to a store.

    `environment`  the variables that tell it where it works.
    `expected`     what the store must hold of these messages.
    `content`      what the store holds.
    `is_done`      whether the last message is acknowledged, and stored; asked when the queue is empty.
    """

    words: Sequence[str]
    environment: Callable[[Place], Mapping[str, str]]
    expected: Callable[[Sequence[Delivery]], Content]
    content: Callable[[Place], Content]
    is_done: Callable[[Place, Content], bool]


def environment_of_usual(place: Place) -> Mapping[str, str]:
    return {
        "AMQP_URL": place.amqp_url,
        "AMQP_QUEUE": place.queue,
        "INFLUX_URL": place.influxdb.url,
        "INFLUX_TOKEN": place.influxdb.token,
        "INFLUX_ORG": place.influxdb.org,
        "INFLUX_BUCKET": place.bucket,
    }


def environment_into_sqlite(place: Place) -> Mapping[str, str]:
    return {
        "CHARGELINE_AMQP_URL": place.amqp_url,
        "CHARGELINE_AMQP_QUEUE": place.queue,
        "CHARGELINE_DATA_DIR": str(place.folder),
        "CHARGELINE_HTTP": f"{LOOPBACK}:{place.port}",
    }


def environment_into_influxdb(place: Place) -> Mapping[str, str]:
    return {
        **environment_into_sqlite(place),
        "CHARGELINE_INFLUX_URL": place.influxdb.url,
        "CHARGELINE_INFLUX_TOKEN": place.influxdb.token,
        "CHARGELINE_INFLUX_ORG": place.influxdb.org,
        "CHARGELINE_INFLUX_BUCKET": place.bucket,
    }


def environment_over_tls(place: Place) -> Mapping[str, str]:
    return {
        **environment_into_influxdb(place),
        "CHARGELINE_AMQP_URL": place.rabbitmq.url(vhost=place.vhost, tls=True),
        "CHARGELINE_AMQP_CA_FILE": str(place.rabbitmq.authority),
    }


def through_aio_pika(environment: Callable[[Place], Mapping[str, str]]) -> Callable[[Place], Mapping[str, str]]:
    return lambda place: {**environment(place), "CHARGELINE_AMQP_READER": "aio-pika"}


def content_in_influxdb(place: Place) -> Content:
    return content_of_bucket(place.influxdb, place.bucket)


def content_in_sqlite(place: Place) -> Content:
    return content_of_file(place.folder)


def nothing(_: object) -> Content:
    return {}


def has_acknowledged(place: Place, _: Content) -> bool:
    """By the worker's own gauge."""
    metrics = request("GET", f"http://{LOOPBACK}:{place.port}/metrics").body
    return b"\nchargeline_unacknowledged_messages 0.0\n" in metrics


def has_stored(place: Place, expected: Content) -> bool:
    return holds(content_in_influxdb(place), expected)


def has_emptied(_place: Place, _expected: Content) -> bool:
    """A bare socket acknowledges what it received at once."""
    return True


def holds(content: Content, expected: Content) -> bool:
    """Whether there is what was expected; what follows from facts may be there, too."""
    return all(content.get(field, 0) == count for field, count in expected.items())


def ours(
    environment: Callable[[Place], Mapping[str, str]],
    content: Callable[[Place], Content],
    program: Sequence[str] = PROGRAM,
) -> Contender:
    return Contender((*program, "run"), environment, by_the_oracle, content, has_acknowledged)


RAW, USUAL = "raw socket, nothing read", "aio-pika + Point + influxdb-client"
CONTENDERS: Mapping[str, Contender] = {
    RAW: Contender(
        (sys.executable, "-m", "tests.bench.raw_drain"), environment_of_usual, nothing, nothing, has_emptied
    ),
    USUAL: Contender(
        (sys.executable, "-m", "tests.bench.usual_consumer"),
        environment_of_usual,
        by_usual_stamps,
        content_in_influxdb,
        has_stored,
    ),
    "run into InfluxDB": ours(environment_into_influxdb, content_in_influxdb),
    "run into InfluxDB, no chronicle": ours(
        environment_into_influxdb, content_in_influxdb, (sys.executable, "-m", "tests.bench.no_chronicle")
    ),
    "run into InfluxDB, over TLS": ours(environment_over_tls, content_in_influxdb),
    "run into InfluxDB, aio-pika": ours(through_aio_pika(environment_into_influxdb), content_in_influxdb),
    "run into SQLite": ours(environment_into_sqlite, content_in_sqlite),
    "run into SQLite, aio-pika": ours(through_aio_pika(environment_into_sqlite), content_in_sqlite),
}
