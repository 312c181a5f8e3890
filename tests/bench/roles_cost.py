"""What each role costs, with one process and with two, next to one worker alone, in one interleaved run.

`make bench` prints the table. The worker takes simulated messages from a queue into InfluxDB; the bridges take the same
ones from a queue into topics; the trackers take what bridges send them of such a fleet; the writers take the typed
streams of the same messages into InfluxDB. Everybody finds everything there at the start, and is alone with the
servers meanwhile, in an order that changes with the round. Figures are for each message, and of `track` for each record
of its topic (`tests.bench.track_cost`). What as many processes take where nothing waits is taken off.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import NamedTuple

from tests.bench.bridge_cost import BridgeRing
from tests.bench.core_cost import usual_messages
from tests.bench.cost_table import MIB, US_PER_S, Life, spread
from tests.bench.run_cost import Ring, surroundings
from tests.bench.store_content import by_the_oracle
from tests.bench.track_cost import BATCH, Stream, TrackRing, tracked_stream
from tests.bench.write_cost import WriteRing, written_stream
from tests.services.influxdb import InfluxDb
from tests.services.kafka import Kafka
from tests.services.rabbitmq import RabbitMq

WORKER = "run into InfluxDB"
PROCESSES = (1, 2)
TRACKED = 4
"""Times as many messages as others get: few of them come to `track`, whose rounds are seconds apart when it is busy."""
HEADING = (
    f"{'':28} {'a second':>24} {'CPU µs each':>20} {'RabbitMQ µs':>11} {'Kafka µs':>8} {'InfluxDB µs':>11} "
    f"{'peak MiB':>8}"
)


class Contender(NamedTuple):
    """`idle`: a life where nothing waits; `live`: one with all the work."""

    idle: Callable[[], Awaitable[Life]]
    live: Callable[[], Awaitable[Life]]


class Servers(NamedTuple):
    """What all meet in; in `folder` each has one of its name."""

    folder: Path
    rabbitmq: RabbitMq
    influxdb: InfluxDb
    kafka: Kafka


def contenders(servers: Servers, count: int, stream: Stream) -> Mapping[str, Contender]:
    """By name; `count` messages, and for the trackers this stream."""
    folder, rabbitmq, influxdb, kafka = servers
    messages = usual_messages(count, 1)
    written, content = written_stream(messages), by_the_oracle(messages)
    alone = Ring(folder, rabbitmq, influxdb, [WORKER])
    bridge, track = BridgeRing(folder, rabbitmq, kafka), TrackRing(folder, kafka)
    write = WriteRing(folder, influxdb, kafka)

    def bridges(processes: int) -> Contender:
        return Contender(lambda: bridge.live([], processes), lambda: bridge.live(messages, processes))

    def trackers(processes: int) -> Contender:
        nothing = Stream((), 0, 0, {})
        return Contender(
            lambda: asyncio.to_thread(track.live, nothing, processes),
            lambda: asyncio.to_thread(track.live, stream, processes),
        )

    def writers(processes: int) -> Contender:
        return Contender(
            lambda: asyncio.to_thread(write.live, [], {}, processes),
            lambda: asyncio.to_thread(write.live, written, content, processes),
        )

    roles = {"bridge": bridges, "track": trackers, "write": writers}
    worker = Contender(lambda: alone.live(WORKER, [], {}), lambda: alone.live(WORKER, messages, content))
    return {
        "one worker alone": worker,
        **{f"{role}, processes: {n}": make(n) for role, make in roles.items() for n in PROCESSES},
    }


def told(lives: Mapping[str, Sequence[Life]]) -> str:
    """A line for each contender: medians and, in brackets, extremes."""
    lines = [HEADING]
    for name, each in lives.items():
        broker = median(life.broker_cpu_s / life.messages for life in each) * US_PER_S
        kafka = median(life.kafka_cpu_s / life.messages for life in each) * US_PER_S
        influxdb = median(life.influxdb_cpu_s / life.messages for life in each) * US_PER_S
        lines.append(
            f"{name:28} {spread([life.rate for life in each], ',.0f'):>24} "
            f"{spread([life.cpu_us for life in each], '.1f'):>20} {broker:11.1f} {kafka:8.1f} {influxdb:11.1f} "
            f"{max(life.peak_bytes for life in each) / MIB:8.0f}"
        )
    return "\n".join(lines)


@contextmanager
def running_servers() -> Iterator[Servers]:
    """Servers of our own in a temporary folder."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name, ExitStack() as running:
        folder = Path(name)
        for server in ("rabbitmq", "influxdb", "kafka"):
            (folder / server).mkdir()
        rabbitmq = RabbitMq.own(folder / "rabbitmq")
        running.callback(rabbitmq.close)
        influxdb = InfluxDb.own(folder / "influxdb")
        running.callback(influxdb.close)
        kafka = Kafka.own(folder / "kafka")
        running.callback(kafka.close)
        yield Servers(folder, rabbitmq, influxdb, kafka)


async def main() -> None:
    """Print a line for each life, and the table of all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--messages", type=int, default=200_000)
    parser.add_argument("--batch", type=int, default=BATCH, help="messages a bridge sends at once to `track`")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=[""], help="beginnings of the names of those that take part")
    options = parser.parse_args()
    stream = tracked_stream(TRACKED * options.messages, options.batch)
    with running_servers() as servers:
        everybody = contenders(servers, options.messages, stream)
        names = [name for name in everybody if any(map(name.startswith, options.only))]
        idle = {name: (await everybody[name].idle()).cpu_s for name in names}
        lives: dict[str, list[Life]] = {name: [] for name in names}
        for turn in range(options.rounds):
            first = turn % len(names)
            for name in names[first:] + names[:first]:
                life = (await everybody[name].live())._replace(idle_cpu_s=idle[name])
                lives[name].append(life)
                sys.stderr.write(f"round {turn + 1}, {name}: {life.cpu_us:.1f} µs {life.rate:,.0f}/s\n")
        sys.stdout.write(
            f"{options.messages:,} messages, {options.rounds} rounds; to `track` {stream.records:,} records of "
            f"{stream.messages:,} messages, in {len(stream.sent):,} of its topic\n{told(lives)}\n"
            f"{surroundings(servers.rabbitmq, servers.influxdb)}\n"
        )


if __name__ == "__main__":
    asyncio.run(main())
