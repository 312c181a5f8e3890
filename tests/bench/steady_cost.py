"""How soon a message is stored when they trickle, and what that costs: Chargeline and the usual consumer in turns.

`make bench` prints the figures. So many messages a second are published in bursts, 50 ms apart. A message is stored
when InfluxDB's answer to the request that carried its row passes a line in front of it. Latency is from just before it
was published until then: broker, consumer, and store together. CPU time is that of the consumer's process. The first
seconds do not count: connections are made then, and code and tables are warmed up.
"""

import argparse
import asyncio
import os
import re
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles
from typing import NamedTuple

import aio_pika
import orjson
from pamqp.commands import Basic

from tests.bench.contenders import CONTENDERS, USUAL, Place
from tests.bench.measured_process import MeasuredProcess
from tests.bench.queue_watch import QueueWatch
from tests.bench.run_cost import servers
from tests.bench.store_line import store_line
from tests.services.influxdb import InfluxDb
from tests.services.process import ServiceError, free_ports
from tests.services.rabbitmq import RabbitMq

OURS = "run into InfluxDB"
BURST_S = 0.05
SETTLING_S = 4
CHARGERS = 500
PATIENCE_S = 60.0
MS = 1_000.0
US = 1e6
NUMBER = re.compile(rb"total_power_kw=(\d+)")


class Figures(NamedTuple):
    """Of one life: CPU microseconds a message, and latencies, milliseconds."""

    cpu_us: float
    p50_ms: float
    p99_ms: float
    most_ms: float


async def publish(
    url: str, queue: str, a_second: int, seconds: float, on_settled: Callable[[], None] = lambda: None
) -> dict[int, float]:
    """Publish numbered messages at this rate; when each was, `time.monotonic`. `on_settled`: SETTLING_S are over."""
    sent: dict[int, float] = {}
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel(publisher_confirms=False)
        exchange = await channel.declare_exchange("steady", aio_pika.ExchangeType.FANOUT, auto_delete=True)
        await (await channel.declare_queue(queue, durable=True)).bind(exchange)
        send: Callable[..., Awaitable[object]] = (await channel.get_underlay_channel()).basic_publish
        began = time.monotonic()
        while len(sent) < a_second * seconds:
            now = datetime.now(UTC).isoformat()
            properties = Basic.Properties(content_type="application/json", headers={"ArrivalTime": now})
            for number in range(len(sent), len(sent) + round(a_second * BURST_S)):
                body = {"Id": 120, "Name": "TotalPower", "Timestamp": f"{now[:19]}Z", "Value": number}
                key = f"EH{number % CHARGERS:06}.O.120"
                sent[number] = time.monotonic()
                await send(
                    orjson.dumps(body), exchange=exchange.name, routing_key=key, properties=properties, wait=False
                )
            if len(sent) == a_second * SETTLING_S:
                on_settled()
            await asyncio.sleep(began + len(sent) / a_second - time.monotonic())
    return sent


class Steady:
    """The servers, and a folder for what lives leave."""

    def __init__(self, folder: Path, rabbitmq: RabbitMq, influxdb: InfluxDb) -> None:
        self._folder = folder
        self._rabbitmq = rabbitmq
        self._influxdb = influxdb
        self._lives = 0

    async def life(self, name: str, a_second: int, seconds: float) -> tuple[float, Sequence[float]]:
        """CPU seconds of one life of a contender once it is settled, and the latency of each message, seconds."""
        contender = CONTENDERS[name]
        self._lives += 1
        folder = self._folder / f"life{self._lives}"
        folder.mkdir()
        (port,) = free_ports(1)
        with self._vhost() as vhost:
            place = Place(self._rabbitmq, vhost, "Q", self._influxdb, self._influxdb.add_bucket(), folder, port)
            await publish(place.amqp_url, place.queue, a_second, 0)
            async with (
                store_line(self._influxdb.url, NUMBER) as line,
                QueueWatch(place.amqp_url, place.queue, PATIENCE_S) as watch,
            ):
                inherited = {name: value for name, value in os.environ.items() if not name.startswith("CHARGELINE_")}
                environment = {
                    **inherited,
                    **{
                        name: line.url if name.endswith("INFLUX_URL") else value
                        for name, value in contender.environment(place).items()
                    },
                }
                process = MeasuredProcess(name, contender.words, environment, self._folder / "contenders.log")
                try:

                    async def has_consumer() -> bool:
                        return await watch.consumers() == 1

                    async def has_all() -> bool:
                        return len(line.stored) >= len(sent)

                    await watch.until(has_consumer, process.check)
                    settled: list[float] = []
                    sent = await publish(
                        place.amqp_url, place.queue, a_second, seconds, lambda: settled.append(process.cpu_s)
                    )
                    await watch.until(has_all, process.check)
                    cpu_s = process.cpu_s - settled[0]
                    await asyncio.to_thread(process.end)
                except TimeoutError:
                    raise ServiceError(f"{name} stored {len(line.stored)} of {len(sent)} messages") from None
                finally:
                    process.kill()
        return cpu_s, [line.stored[number] - sent[number] for number in sent]

    @contextmanager
    def _vhost(self) -> Iterator[str]:
        """One to live in, gone once all that were connected to it have left."""
        vhost = self._rabbitmq.add_vhost()
        try:
            yield vhost
        finally:
            self._rabbitmq.delete_vhost(vhost)

    async def figures(self, name: str, a_second: int, seconds: float) -> Figures:
        """Those of one life."""
        cpu_s, latencies = await self.life(name, a_second, seconds)
        settled = sorted(latencies[a_second * SETTLING_S :])
        hundredths = quantiles(settled, n=100)
        return Figures(cpu_s / len(settled) * US, median(settled) * MS, hundredths[-1] * MS, settled[-1] * MS)


async def main() -> None:
    """Print a line for each life, and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--a-second", type=int, default=2_000)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    costs: dict[str, list[float]] = {USUAL: [], OURS: []}
    sys.stdout.write(f"{options.a_second} messages a second in bursts 50 ms apart, {options.seconds:g} s\n")
    with servers() as (folder, rabbitmq, influxdb):
        steady = Steady(folder, rabbitmq, influxdb)
        for _ in range(options.rounds):
            for name, of_name in costs.items():
                figures = await steady.figures(name, options.a_second, options.seconds)
                of_name.append(figures.cpu_us)
                sys.stdout.write(
                    f"  {name:36} published to stored: p50 {figures.p50_ms:5.0f} ms, p99 {figures.p99_ms:5.0f} ms, "
                    f"most {figures.most_ms:5.0f} ms; CPU {figures.cpu_us:6.1f} µs a message, "
                    f"{figures.cpu_us / US * options.a_second:5.1%} of a core\n"
                )
                sys.stdout.flush()
    ratio = median(costs[OURS]) / median(costs[USUAL])
    sys.stdout.write(f"  CPU: {ratio:.2f} of the usual consumer's\n")


if __name__ == "__main__":
    asyncio.run(main())
