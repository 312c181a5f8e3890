"""A stopped store under load: what waits is in the broker, and the worker's memory stays bounded."""

import asyncio
import time
from itertools import cycle, islice
from pathlib import Path
from threading import Event, Thread

import pytest

from pipeline.wires.amqp_address import address_of_url
from pipeline.wires.amqp_publish import publish_stream
from tests.campaigns.running import RunningWorker
from tests.campaigns.stage import QUEUE, Stage, simulate
from tests.services.influxdb import InfluxDb
from tests.services.rabbitmq import RabbitMq

pytestmark = [pytest.mark.services, pytest.mark.prove]

RATE = 5_000
OUTAGE_S = 600
LOOK_S = 30
MOST_GROWTH_MIB = 150


def resident_mib(pid: int) -> float:
    """The memory of a process, MiB."""
    lines = Path(f"/proc/{pid}/status").read_text("utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1_024


def test_memory_is_bounded_while_the_store_is_stopped(rabbitmq: RabbitMq, influxdb: InfluxDb, tmp_path: Path) -> None:
    stream = simulate(100_000, 500, seed=7)
    vhost = rabbitmq.add_vhost()
    stage = Stage(tmp_path, rabbitmq, vhost, influxdb)
    stage.fill(())
    worker = RunningWorker(tmp_path, stage.settings())
    address = address_of_url(rabbitmq.url(vhost=vhost))
    endless = cycle(stream.deliveries)
    is_over = Event()
    published = 0

    def offer() -> None:
        nonlocal published
        began = time.monotonic()
        while not is_over.is_set():
            due = int((time.monotonic() - began) * RATE) - published
            if due < RATE // 5:
                time.sleep(0.05)
                continue
            published += asyncio.run(publish_stream(address, QUEUE, islice(endless, due)))

    worker.start()
    offering = Thread(target=offer)
    offering.start()
    try:
        worker.until(lambda: worker.delivered() > 10 * RATE)
        flowing = resident_mib(worker.pid)
        influxdb.stop()
        stopped_at = time.monotonic()
        figures = []
        while time.monotonic() - stopped_at < OUTAGE_S:
            time.sleep(LOOK_S)
            figures.append(resident_mib(worker.pid))
            waits = stage.waiting()
            print(f"{time.monotonic() - stopped_at:.0f} s: {figures[-1]:.0f} MiB, {published} published, {waits} wait")
        is_over.set()
        offering.join()
        influxdb.start()
        seconds = worker.until(stage.is_drained, patience_s=900)
        print(f"{flowing:.0f} MiB in flow, at most {max(figures):.0f} MiB in {OUTAGE_S} s without a store, ", end="")
        print(
            f"{resident_mib(worker.pid):.0f} MiB after the backlog of {published} messages, drained in {seconds:.0f} s"
        )
        assert max(figures) < flowing + MOST_GROWTH_MIB
        assert worker.end() == 0
    finally:
        is_over.set()
        offering.join()
        worker.kill()
        influxdb.settle()
    assert stage.faults(stream) == []
    rabbitmq.delete_vhost(vhost)
