"""What lives of roles have in common: fresh topics, filled or not, and processes that are watched and measured.

Owns the topics, what every role is told, and the processes from their start to their end. Must not know what a role
does, or when it is done.
"""

import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from pipeline.core.stream_messages import StreamMessage
from pipeline.wires.kafka_options import client_options
from pipeline.wires.kafka_producer import KafkaProducer, Parcel
from pipeline.wires.kafka_topics import TopicKeeper, TopicPlan
from tests.bench.measured_process import MeasuredProcess, Usage
from tests.services.http import request
from tests.services.kafka import Kafka
from tests.services.process import LOOPBACK, ServiceError, free_ports

PATIENCE_S = 600.0
PARTITIONS = 12
RETENTION_NS = 86_400 * 10**9
AT_ONCE = 5_000
WORDS = (sys.executable, "-c", "from pipeline.cli import main; main()", "run", "--role")
DELIVERED = re.compile(r"^chargeline_delivered_total (\S+)$", re.MULTILINE)


class Lives:
    """So many processes of one role, each of which listens at one of the ports."""

    def __init__(self, processes: Sequence[MeasuredProcess], ports: Sequence[int]) -> None:
        self._processes = processes
        self._ports = ports

    def check(self) -> None:
        """Raises ServiceError where one has ended by itself."""
        for process in self._processes:
            process.check()

    def until(self, holds: Callable[[], bool], every_s: float) -> float:
        """Wait until this holds; when that was, `time.monotonic`. Raises ServiceError where it is in vain."""
        began = time.monotonic()
        while not holds():
            self.check()
            if time.monotonic() - began > PATIENCE_S:
                raise ServiceError("the processes do not get done")
            time.sleep(every_s)
        return time.monotonic()

    def metrics(self) -> list[str]:
        """What each says of itself; nothing while it does not listen."""
        return [_read(port, "metrics") for port in self._ports]

    def delivered(self) -> list[int | None]:
        """How many messages each is done with, by its own counter; None while it does not listen."""
        found = map(DELIVERED.search, self.metrics())
        return [None if each is None else int(float(each[1])) for each in found]

    def are_ready(self) -> bool:
        """Whether each says that it is ready."""
        return all(_read(port, "readyz") for port in self._ports)

    def end(self) -> Usage:
        """End them all: what they took together, and the memory of the largest. Raises ServiceError."""
        usages = [process.end() for process in self._processes]
        return Usage(sum(usage.cpu_s for usage in usages), max(usage.peak_bytes for usage in usages))


class RoleStage:
    """A Kafka, and a folder for what processes leave."""

    def __init__(self, folder: Path, kafka: Kafka) -> None:
        self._folder = folder
        self._kafka = kafka

    def make_topics(self, messages: Sequence[StreamMessage] = ()) -> None:
        """Topics anew, which hold these messages and nothing else."""
        self._kafka.delete_topics(self._kafka.topics())
        TopicKeeper(self._options()).create(TopicPlan(PARTITIONS, 1, RETENTION_NS))
        self.fill(messages)

    def fill(self, messages: Sequence[StreamMessage]) -> None:
        """Send these to the topics; they are there when this returns."""
        producer, parcel = KafkaProducer(self._options(), "bench"), Parcel()
        for first in range(0, len(messages), AT_ONCE):
            producer.send(messages[first : first + AT_ONCE], parcel)
        while not parcel.is_confirmed:
            producer.poll(0.1)
            if parcel.failure is not None:
                raise ServiceError(str(parcel.failure))
        producer.close()

    def _options(self) -> Mapping[str, str]:
        host, _, port = self._kafka.brokers.rpartition(":")
        return client_options([(host, int(port))])

    @contextmanager
    def lives(self, role: str, count: int, settings: Mapping[str, str]) -> Iterator[Lives]:
        """So many processes of a role, begun at once; none is left behind. `settings` are what only this role needs."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CHARGELINE_")}
        shared = {
            "CHARGELINE_KAFKA_BROKERS": self._kafka.brokers,
            "CHARGELINE_KAFKA_PARTITIONS": str(PARTITIONS),
        }
        ports = free_ports(count)
        processes: list[MeasuredProcess] = []
        try:
            for place, port in enumerate(ports):
                environment = {**kept, **shared, **settings, "CHARGELINE_HTTP": f"{LOOPBACK}:{port}"}
                log = self._folder / f"{role}{place}.log"
                processes.append(MeasuredProcess(role, (*WORDS, role), environment, log))
            yield Lives(processes, ports)
        finally:
            for process in processes:
                process.kill()


def _read(port: int, page: str) -> str:
    try:
        answer = request("GET", f"http://{LOOPBACK}:{port}/{page}")
    except OSError:
        return ""
    return answer.body.decode() if answer.status == 200 else ""
