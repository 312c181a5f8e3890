"""What `chargeline run --role bridge` costs from queue to topics.

In each round it drains the same simulated messages from a queue that was filled before it started, in a process of its
own. CPU time is that of its process, user and system and the client library's threads together; what a life with an
empty queue takes is taken off. Wall time is from the first message that left the queue until its own counter says that
all are acknowledged. After each round the topics must hold every message.
"""

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from pipeline.wires.kafka_options import client_options
from pipeline.wires.kafka_topics import TopicKeeper, TopicPlan
from schemas.delivery import Delivery
from schemas.stream import Topic
from tests.bench.core_cost import usual_messages
from tests.bench.cost_table import MIB, Life
from tests.bench.measured_process import MeasuredProcess
from tests.bench.queue_watch import QueueWatch
from tests.bench.server_cost import cpu_s_of
from tests.services.fill_queue import fill_queues
from tests.services.http import request
from tests.services.kafka import Kafka
from tests.services.process import LOOPBACK, ServiceError, free_ports
from tests.services.rabbitmq import RabbitMq

PATIENCE_S = 120.0
PARTITIONS = 12
WORDS = (sys.executable, "-c", "from pipeline.cli import main; main()", "run", "--role", "bridge")


class Ring:
    """The broker and Kafka, and a folder for all that a bridge leaves."""

    def __init__(self, folder: Path, rabbitmq: RabbitMq, kafka: Kafka) -> None:
        self._folder = folder
        self._rabbitmq = rabbitmq
        self._kafka = kafka

    async def live(self, messages: Sequence[Delivery]) -> Life:
        """One life on a queue of its own and fresh topics."""
        host, _, port = self._kafka.brokers.rpartition(":")
        self._kafka.delete_topics(self._kafka.topics())
        TopicKeeper(client_options([(host, int(port))])).create(TopicPlan(PARTITIONS, 1, 86_400 * 10**9))
        vhost = self._rabbitmq.add_vhost()
        url = self._rabbitmq.url(vhost=vhost)
        await fill_queues(url, ("Q",), messages)
        (http,) = free_ports(1)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CHARGELINE_")} | {
            "CHARGELINE_AMQP_URL": url,
            "CHARGELINE_AMQP_QUEUE": "Q",
            "CHARGELINE_KAFKA_BROKERS": self._kafka.brokers,
            "CHARGELINE_KAFKA_PARTITIONS": str(PARTITIONS),
            "CHARGELINE_HTTP": f"{LOOPBACK}:{http}",
        }
        before = cpu_s_of(self._folder / "rabbitmq"), cpu_s_of(self._folder / "kafka")
        process = MeasuredProcess("bridge", WORDS, environment, self._folder / "bridge.log")

        async def is_done() -> bool:
            return await asyncio.to_thread(_delivered, http) == len(messages)

        async def has_begun() -> bool:
            return await watch.consumers() == 1 and (not messages or await watch.length() < len(messages))

        try:
            async with QueueWatch(url, "Q", PATIENCE_S) as watch:
                began = await watch.until(has_begun, process.check)
                wall_s = await watch.until(is_done, process.check) - began
            after = cpu_s_of(self._folder / "rabbitmq"), cpu_s_of(self._folder / "kafka")
            usage = await asyncio.to_thread(process.end)
        finally:
            process.kill()
            self._rabbitmq.delete_vhost(vhost)
        kept = sum(self._kafka.count(topic.value) for topic in (Topic.OBSERVATIONS, Topic.RESPONSES, Topic.REJECTS))
        if kept != len(messages):
            raise ServiceError(f"the topics hold {kept} of {len(messages)} messages")
        servers = (later - earlier for later, earlier in zip(after, before, strict=True))
        return Life(len(messages), 0.0, usage.cpu_s, wall_s, usage.peak_bytes, *servers)


def _delivered(port: int) -> int:
    """The bridge's own counter of what it has acknowledged; -1 while it does not listen."""
    try:
        answer = request("GET", f"http://{LOOPBACK}:{port}/metrics")
    except OSError:
        return -1
    lines = answer.body.decode().splitlines()
    return next(int(float(line.split()[1])) for line in lines if line.startswith("chargeline_delivered_total "))


@contextmanager
def servers() -> Iterator[Ring]:
    """Servers of our own in a temporary folder."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name, ExitStack() as running:
        folder = Path(name)
        for server in ("rabbitmq", "kafka"):
            (folder / server).mkdir()
        rabbitmq = RabbitMq.own(folder / "rabbitmq")
        running.callback(rabbitmq.close)
        kafka = Kafka.own(folder / "kafka")
        running.callback(kafka.close)
        yield Ring(folder, rabbitmq, kafka)


async def main() -> None:
    """Print a line for each round, and the medians."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--messages", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    messages = usual_messages(options.messages, 1)
    with servers() as ring:
        idle_s = (await ring.live([])).cpu_s
        lives = []
        for turn in range(options.rounds):
            life = (await ring.live(messages))._replace(idle_cpu_s=idle_s)
            lives.append(life)
            sys.stderr.write(f"round {turn + 1}: {life.cpu_us:.1f} µs {life.rate:,.0f}/s\n")
    count = len(messages)
    sys.stdout.write(
        f"bridge, {count:,} messages: {statistics.median(life.cpu_us for life in lives):.1f} CPU µs a message, "
        f"{statistics.median(life.rate for life in lives):,.0f} messages/s, "
        f"peak {max(life.peak_bytes for life in lives) / MIB:.0f} MiB; RabbitMQ "
        f"{statistics.median(life.broker_cpu_s for life in lives) / count * 1e6:.1f} µs, Kafka "
        f"{statistics.median(life.influxdb_cpu_s for life in lives) / count * 1e6:.1f} µs\n"
    )


if __name__ == "__main__":
    asyncio.run(main())
