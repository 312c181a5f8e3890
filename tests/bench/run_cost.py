"""What `chargeline run` costs from queue to store, next to the usual consumer and to the limit, in one interleaved run.

`make bench` prints the table. In each round each contender drains the same simulated messages from a queue of its own,
filled before it starts, in a process of its own, in an order that changes with the round, while the others are not
there. CPU time is that of the contender's process, user and system together; what a life with an empty queue takes is
taken off. That of the broker and of InfluxDB is what their processes took meanwhile. Wall time is from the moment the
first message has left the queue to the moment the last one is acknowledged, by the contender's own gauge; of the usual
consumer, which acknowledges before it stores, to the moment its last row is there. Both moments are looked for every
20 ms (`queue_watch`), for all in the same way, and the gauge only once the queue is empty. After each drain every field
that facts have must hold as many values as it must: Chargeline's by the oracle, the usual consumer's by the coarser
stamps that it has. With PROFILE=1 one more life of each of ours is profiled.
"""

import argparse
import asyncio
import json
import os
import platform
import sys
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from schemas.delivery import Delivery
from tests.bench.contenders import CONTENDERS, RAW, USUAL, Place, holds
from tests.bench.core_cost import usual_messages
from tests.bench.cost_table import Life, table
from tests.bench.measured_process import MeasuredProcess
from tests.bench.queue_watch import QueueWatch
from tests.bench.server_cost import cpu_s_of
from tests.bench.stage_profile import stage_table
from tests.bench.store_content import Content
from tests.services.fill_queue import fill_queues
from tests.services.http import demand
from tests.services.influxdb import InfluxDb
from tests.services.process import ServiceError, free_ports
from tests.services.rabbitmq import RabbitMq

PATIENCE_S = 300.0
IDLE_ROUNDS = 2
"""Rounds in which lives with an empty queue are measured: they differ little."""

BROKER, STORE = "rabbitmq", "influxdb"


class Ring:
    """The broker and the server that contenders meet in, and a folder for all that they leave."""

    def __init__(self, folder: Path, rabbitmq: RabbitMq, influxdb: InfluxDb, names: Sequence[str]) -> None:
        self._folder = folder
        self._rabbitmq = rabbitmq
        self._influxdb = influxdb
        self._names = names
        self._idle: dict[str, float] = {}
        self._lives = 0

    async def round(self, messages: Sequence[Delivery], expected: Mapping[str, Content], turn: int) -> dict[str, Life]:
        """One life of each contender, beginning with the one whose `turn` it is."""
        if turn < IDLE_ROUNDS:
            for name in self._names:
                idle = (await self.live(name, [], {})).cpu_s
                self._idle[name] = min(idle, self._idle.get(name, idle))
        order = list(self._names)
        turn %= len(order)
        lives = {}
        for name in order[turn:] + order[:turn]:
            lives[name] = await self.live(name, messages, expected[name])
        return {name: lives[name]._replace(idle_cpu_s=self._idle[name]) for name in self._names}

    async def profile(self, name: str, messages: Sequence[Delivery], expected: Content) -> str:
        """The stages of one more life, whose own figures say nothing."""
        out = self._folder / "profile.json"
        words = (sys.executable, "-m", "tests.bench.stage_profile", str(out), "run")
        await self.live(name, messages, expected, words)
        spent = Counter({str(stage): int(ns) for stage, ns in json.loads(out.read_bytes()).items()})
        return f"{name}\n{stage_table(spent, len(messages))}"

    async def live(
        self, name: str, messages: Sequence[Delivery], expected: Content, words: Sequence[str] | None = None
    ) -> Life:
        """Start a contender on a queue of its own, let it drain that, see what it stored, and end it."""
        contender = CONTENDERS[name]
        self._lives += 1
        folder = self._folder / f"life{self._lives}"
        folder.mkdir()
        vhost = self._rabbitmq.add_vhost()
        (port,) = free_ports(1)
        place = Place(self._rabbitmq, vhost, "Q", self._influxdb, self._influxdb.add_bucket(), folder, port)
        await fill_queues(place.amqp_url, (place.queue,), messages)
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("CHARGELINE_")}
        environment = {**inherited, **contender.environment(place)}
        before = self._servers()
        process = MeasuredProcess(name, words or contender.words, environment, self._folder / "contenders.log")
        try:
            async with QueueWatch(place.amqp_url, place.queue, PATIENCE_S) as watch:
                wall_s = await self._drained(watch, process, len(messages), lambda: contender.is_done(place, expected))
                after = self._servers()
                await watch.until(_asked(lambda: holds(contender.content(place), expected)), process.check)
            usage = await asyncio.to_thread(process.end)
        except TimeoutError:
            found = contender.content(place)
            differing = {field for field in expected if expected[field] != found.get(field)}
            missing = ", ".join(f"{field}: {found.get(field)} of {expected[field]}" for field in sorted(differing))
            raise ServiceError(f"{name} does not get done; values that the store holds: {missing or 'all'}") from None
        finally:
            process.kill()
            self._influxdb.delete_bucket(place.bucket)
            self._rabbitmq.delete_vhost(vhost)
        broker, influxdb = (later - earlier for later, earlier in zip(after, before, strict=True))
        return Life(len(messages), 0.0, usage.cpu_s, wall_s, usage.peak_bytes, broker, influxdb)

    @staticmethod
    async def _drained(watch: QueueWatch, process: MeasuredProcess, count: int, is_done: Callable[[], bool]) -> float:
        """Seconds from the first message that left until all is done."""

        async def has_consumer() -> bool:
            return await watch.consumers() == 1

        async def has_begun() -> bool:
            return await watch.length() < count

        async def is_empty() -> bool:
            return await watch.length() == 0

        if not count:
            return await watch.until(has_consumer, process.check)
        began = await watch.until(has_begun, process.check)
        await watch.until(is_empty, process.check)
        return await watch.until(_asked(is_done), process.check) - began

    def _servers(self) -> tuple[float, float]:
        return cpu_s_of(self._folder / BROKER), cpu_s_of(self._folder / STORE)


def _asked(question: Callable[[], bool]) -> Callable[[], Awaitable[bool]]:
    async def ask() -> bool:
        return await asyncio.to_thread(question)

    return ask


@contextmanager
def servers() -> Iterator[tuple[Path, RabbitMq, InfluxDb]]:
    """A folder, and servers of our own in it."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name, ExitStack() as running:
        folder = Path(name)
        for server in (BROKER, STORE):
            (folder / server).mkdir()
        rabbitmq = RabbitMq.own(folder / BROKER)
        running.callback(rabbitmq.close)
        influxdb = InfluxDb.own(folder / STORE)
        running.callback(influxdb.close)
        yield folder, rabbitmq, influxdb


def surroundings(rabbitmq: RabbitMq, influxdb: InfluxDb) -> str:
    """What the figures depend on beside the contenders: cores, which all share, and versions."""
    version = str(json.loads(demand("GET", f"{influxdb.url}/health"))["version"]).removeprefix("v")
    return (
        f"{os.cpu_count()} cores for contender and servers together; RabbitMQ {rabbitmq.ctl('version').strip()}, "
        f"InfluxDB {version}, Python {platform.python_version()}"
    )


async def main() -> None:
    """Print a line while each round runs, and the table of all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--messages", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="*", default=[""], help="ends of the names of contenders that take part")
    options = parser.parse_args()
    names = [name for name in CONTENDERS if any(name.endswith(part) for part in options.only)]
    messages = usual_messages(options.messages, options.seed)
    contents = {expects: expects(messages) for expects in {CONTENDERS[name].expected for name in names}}
    expected = {name: contents[CONTENDERS[name].expected] for name in names}
    lives: dict[str, list[Life]] = {name: [] for name in names}
    with servers() as (folder, rabbitmq, influxdb):
        ring = Ring(folder, rabbitmq, influxdb, names)
        for turn in range(options.rounds):
            for contender, life in (await ring.round(messages, expected, turn)).items():
                lives[contender].append(life)
            costs = "   ".join(f"{each[-1].cpu_us:.1f} µs {each[-1].rate:,.0f}/s" for each in lives.values())
            sys.stderr.write(f"round {turn + 1} of {options.rounds}: {costs}\n")
        sys.stdout.write(f"{len(messages):,} messages, {options.rounds} rounds, from a queue to the store\n")
        sys.stdout.write(f"{table(lives, USUAL, RAW)}\n{surroundings(rabbitmq, influxdb)}\n")
        if os.environ.get("PROFILE"):
            for name in (name for name in names if name not in (RAW, USUAL)):
                sys.stdout.write(f"\n{await ring.profile(name, messages, expected[name])}\n")


if __name__ == "__main__":
    asyncio.run(main())
