"""What `chargeline run` costs from queue to store, next to the usual consumer, in one interleaved run.

`make bench` prints the table. Each round publishes the same simulated messages once, to a queue for each contender;
then each drains its queue in a process of its own, in an order that changes with the round, while the others are not
there. CPU time is that of the contender's process, user and system together, without the broker and the server; what a
life with an empty queue takes is taken off. After each drain every field of every measurement must hold as many values
as it must: Chargeline's by the oracle, the usual consumer's by the coarser stamps that it has.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from schemas.delivery import Delivery
from tests.bench.core_cost import usual_messages
from tests.bench.cost_table import Life, table
from tests.bench.measured_process import MeasuredProcess
from tests.bench.store_content import Content, by_the_oracle, by_usual_stamps, content_of_bucket, content_of_file
from tests.campaigns.running import PROGRAM
from tests.services.fill_queue import fill_queues
from tests.services.influxdb import InfluxDb
from tests.services.process import LOOPBACK, ServiceError, free_ports
from tests.services.rabbitmq import RabbitMq

PATIENCE_S = 300.0
POLL_S = 0.1


class Place(NamedTuple):
    """Where one life of a contender works: its queue, an empty bucket, and an empty folder."""

    amqp_url: str
    queue: str
    influxdb: InfluxDb
    bucket: str
    folder: Path


class Contender(NamedTuple):
    """One way from the queue to a store.

    `environment`  the variables that tell it where it works.
    `expected`     what the store must hold of these messages.
    `content`      what the store holds.
    """

    words: Sequence[str]
    environment: Callable[[Place], Mapping[str, str]]
    expected: Callable[[Sequence[Delivery]], Content]
    content: Callable[[Place], Content]


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
    (port,) = free_ports(1)
    return {
        "CHARGELINE_AMQP_URL": place.amqp_url,
        "CHARGELINE_AMQP_QUEUE": place.queue,
        "CHARGELINE_DATA_DIR": str(place.folder),
        "CHARGELINE_HTTP": f"{LOOPBACK}:{port}",
    }


def environment_into_influxdb(place: Place) -> Mapping[str, str]:
    return {
        **environment_into_sqlite(place),
        "CHARGELINE_INFLUX_URL": place.influxdb.url,
        "CHARGELINE_INFLUX_TOKEN": place.influxdb.token,
        "CHARGELINE_INFLUX_ORG": place.influxdb.org,
        "CHARGELINE_INFLUX_BUCKET": place.bucket,
    }


def content_in_influxdb(place: Place) -> Content:
    return content_of_bucket(place.influxdb, place.bucket)


def content_in_sqlite(place: Place) -> Content:
    return content_of_file(place.folder)


RUN = (*PROGRAM, "run")
CONTENDERS: Mapping[str, Contender] = {
    "aio-pika + Point + influxdb-client": Contender(
        (sys.executable, "-m", "tests.bench.usual_consumer"), environment_of_usual, by_usual_stamps, content_in_influxdb
    ),
    "chargeline run, into InfluxDB": Contender(RUN, environment_into_influxdb, by_the_oracle, content_in_influxdb),
    "chargeline run, into SQLite": Contender(RUN, environment_into_sqlite, by_the_oracle, content_in_sqlite),
}


class Ring:
    """The broker and the server that contenders meet in, and a folder for all that they leave."""

    def __init__(self, folder: Path, rabbitmq: RabbitMq, influxdb: InfluxDb) -> None:
        self._folder = folder
        self._rabbitmq = rabbitmq
        self._influxdb = influxdb
        self._lives = 0

    def round(self, messages: Sequence[Delivery], expected: Mapping[str, Content], turn: int) -> dict[str, Life]:
        """One life of each contender, beginning with the one whose `turn` it is."""
        vhost = self._rabbitmq.add_vhost()
        queues = {name: f"{place}.Q" for place, name in enumerate(CONTENDERS)}
        url = self._rabbitmq.url(vhost=vhost)
        asyncio.run(fill_queues(url, tuple(queues.values()), ()))
        idle = {name: self._live(name, vhost, queues[name], 0, {}) for name in CONTENDERS}
        asyncio.run(fill_queues(url, tuple(queues.values()), messages))
        order = list(CONTENDERS)
        turn %= len(order)
        lives = {
            name: self._live(name, vhost, queues[name], len(messages), expected[name])
            for name in order[turn:] + order[:turn]
        }
        self._rabbitmq.delete_vhost(vhost)
        return {name: life._replace(idle_cpu_s=idle[name].cpu_s) for name, life in lives.items()}

    def _live(self, name: str, vhost: str, queue: str, messages: int, expected: Content) -> Life:
        """Start a contender, let it drain its queue, see what it stored, and end it."""
        contender = CONTENDERS[name]
        self._lives += 1
        folder = self._folder / f"life{self._lives}"
        folder.mkdir()
        place = Place(self._rabbitmq.url(vhost=vhost), queue, self._influxdb, self._influxdb.add_bucket(), folder)
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("CHARGELINE_")}
        log = self._folder / "contenders.log"
        process = MeasuredProcess(name, contender.words, {**inherited, **contender.environment(place)}, log)
        try:
            self._until(process, lambda: self._rabbitmq.consumers(vhost, queue) == 1)
            began = time.monotonic()
            self._until(process, lambda: self._rabbitmq.queue_length(vhost, queue) == 0)
            self._until(process, lambda: contender.content(place) == expected)
            wall_s = time.monotonic() - began
            self._until(process, lambda: self._rabbitmq.unacknowledged(vhost, queue) == 0)
            usage = process.end()
        except TimeoutError:
            found = contender.content(place)
            differing = {field for field in {*expected, *found} if expected.get(field) != found.get(field)}
            words = ", ".join(f"{field}: {found.get(field)} of {expected.get(field)}" for field in sorted(differing))
            raise ServiceError(f"{name} does not get done; values that the store holds: {words or 'as many'}") from None
        finally:
            process.kill()
        self._influxdb.delete_bucket(place.bucket)
        return Life(messages, 0.0, usage.cpu_s, wall_s, usage.peak_bytes)

    @staticmethod
    def _until(process: MeasuredProcess, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not holds():
            process.check()
            if time.monotonic() > deadline:
                raise TimeoutError
            time.sleep(POLL_S)


@contextmanager
def servers() -> Iterator[tuple[Path, RabbitMq, InfluxDb]]:
    """A folder, and servers of our own in it."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name, ExitStack() as running:
        folder = Path(name)
        for server in ("rabbitmq", "influxdb"):
            (folder / server).mkdir()
        rabbitmq = RabbitMq.own(folder / "rabbitmq")
        running.callback(rabbitmq.close)
        influxdb = InfluxDb.own(folder / "influxdb")
        running.callback(influxdb.close)
        yield folder, rabbitmq, influxdb


def main() -> None:
    """Print a line while each round runs, and the table of all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--messages", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    messages = usual_messages(options.messages, options.seed)
    expected = {name: contender.expected(messages) for name, contender in CONTENDERS.items()}
    lives: dict[str, list[Life]] = {name: [] for name in CONTENDERS}
    with servers() as (folder, rabbitmq, influxdb):
        ring = Ring(folder, rabbitmq, influxdb)
        for turn in range(options.rounds):
            for contender, life in ring.round(messages, expected, turn).items():
                lives[contender].append(life)
            costs = "   ".join(f"{of_contender[-1].cpu_us:.1f}" for of_contender in lives.values())
            sys.stderr.write(f"round {turn + 1}: {costs}\n")
    sys.stdout.write(f"{len(messages)} messages, {options.rounds} rounds, from a queue to the store, rows counted\n")
    sys.stdout.write(f"{table(lives)}\n")


if __name__ == "__main__":
    main()
