"""A scaled-out Chargeline of real processes, between a real queue, a real Kafka and a real InfluxDB.

Owns the processes of each role, and when all that came is done with. Must not know what is in a row.
"""

import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pipeline.wires.kafka_options import client_options
from pipeline.wires.kafka_topics import TopicKeeper, TopicPlan
from tests.campaigns.running import RunningWorker
from tests.services.kafka import Kafka

ROLES = ("bridge", "track", "write")
PARTITIONS = 3
PATIENCE_S = 300.0


class Scaled:
    """So many processes of each role, which run from the first moment to the last, but for what a test does to them."""

    def __init__(self, folder: Path, settings: Mapping[str, str], kafka: Kafka, count: int) -> None:
        """Topics are made; nothing runs before `running`."""
        host, _, port = kafka.brokers.rpartition(":")
        TopicKeeper(client_options([(host, int(port))])).create(TopicPlan(PARTITIONS, 1, 86_400 * 10**9))
        ours = {"KAFKA_BROKERS": kafka.brokers, "KAFKA_PARTITIONS": str(PARTITIONS), "KAFKA_REPLICATION": "1"}
        shared = {"AMQP_SHARE": "on"} if count > 1 else {}
        self.processes: dict[str, list[RunningWorker]] = {}
        for role in ROLES:
            self.processes[role] = []
            for number in range(count):
                place = folder / f"{role}-{number}"
                place.mkdir(parents=True)
                worker = RunningWorker(place, {**settings, **ours, **shared}, "--role", role)
                self.processes[role].append(worker)

    @contextmanager
    def running(self) -> Iterator[None]:
        """All of them run in here, and end in order afterwards."""
        everybody = [worker for workers in self.processes.values() for worker in workers]
        for worker in everybody:
            worker.start()
        try:
            yield
            for worker in everybody:
                assert worker.end(signal.SIGTERM) == 0, worker.story()
        finally:
            for worker in everybody:
                worker.kill()
        for worker in everybody:
            assert "Traceback" not in worker.log.read_text("utf-8", "replace"), worker.story()

    def lag(self, role: str) -> float | None:
        """Messages that wait for a role; None where one of its processes does not say."""
        lags = [worker.metrics().get("chargeline_kafka_lag") for worker in self.processes[role]]
        known = [lag for lag in lags if lag is not None]
        return sum(known) if len(known) == len(lags) else None

    def total(self, role: str, name: str) -> float:
        """A metric over all processes of a role."""
        return sum(worker.metrics().get(name, 0.0) for worker in self.processes[role])

    def story(self) -> str:
        """The ends of all logs."""
        return "\n".join(f"== {worker.log}\n{worker.story()}" for each in self.processes.values() for worker in each)

    def until_idle(self, patience_s: float = PATIENCE_S) -> None:
        """Wait until nothing waits for `track` and `write` any more. Fails where that never comes."""
        began = time.monotonic()
        while any(self.lag(role) != 0 for role in ("track", "write")):
            if time.monotonic() - began > patience_s:
                lags = {role: self.lag(role) for role in ("track", "write")}
                raise AssertionError(f"lags after {patience_s:.0f} s: {lags}\n{self.story()}")
            time.sleep(0.2)
