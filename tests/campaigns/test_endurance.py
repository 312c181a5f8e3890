"""Endurance: an hour at 3,000 messages a second, and six hours of a fleet as fast as it goes: nothing grows.

CHARGELINE_TEST_MINUTES shortens the hour.
"""

import asyncio
import os
import time
from pathlib import Path

import pytest

from pipeline.simulator.fleet import Fleet, FleetPlan
from pipeline.simulator.quirks import Quirks
from pipeline.wires.amqp_address import address_of_url
from pipeline.wires.amqp_carried import as_carried
from pipeline.wires.amqp_publish import publish_stream
from tests.campaigns.endurance import MIB, Crowd, Sample, sample, told, within_s
from tests.campaigns.running import RunningWorker
from tests.campaigns.stage import QUEUE, Stage
from tests.services.influxdb import InfluxDb
from tests.services.rabbitmq import RabbitMq

pytestmark = [pytest.mark.services, pytest.mark.prove]

COPIES = "Operator_1.Copies"
MINUTES = float(os.environ.get("CHARGELINE_TEST_MINUTES", "60"))
A_SECOND = 3_000
SAMPLE_S = 10.0
TOLD_EVERY = 30
MOST_BEHIND = 300 * A_SECOND
"""Whoever is so far behind is too slow; to go on would fill the broker."""
PARTS = 6
MOST_GROWTH = 1.15
"""Of memory, from the end of the second sixth to the end of the last."""
MOST_MORE_FILES = 8
MOST_DISK = 512 * MIB
MOST_LOG = 32 * MIB
"""By which DATA_DIR is more at one look than at another, as SQLite's log comes and goes."""
MOST_LATE_S = 5.0
"""Behind which the crowd may fall; more, and it was not the rate that it is to be."""
MOST_SLOWER = 2.5
"""Within how long 99 % are stored, against the second sixth: the next bound of the histogram."""
HOURS = 6
FLEET = 300
S = 10**9
STEP_NS = 60 * S
MOST_WAITING = 50_000


def test_an_hour_at_3000_a_second(rabbitmq: RabbitMq, influxdb: InfluxDb, tmp_path: Path) -> None:
    vhost = rabbitmq.add_vhost()
    stage = Stage(tmp_path, rabbitmq, vhost, influxdb)
    worker = RunningWorker(tmp_path, stage.settings(COMMAND_QUEUE=COPIES))
    samples: list[Sample] = []
    try:
        with Crowd(rabbitmq.url(vhost=vhost), QUEUE, COPIES, A_SECOND) as crowd:
            worker.start()
            worker.until(lambda: worker.delivered() > A_SECOND)
            began = time.monotonic()
            while time.monotonic() - began < MINUTES * 60:
                look(worker, stage.data_dir, began, samples)
                if samples and len(samples) % TOLD_EVERY == 0:
                    print(*told(samples[-TOLD_EVERY:], 1), flush=True)
                    assert stage.waiting() < MOST_BEHIND
                time.sleep(SAMPLE_S)
        worker.until(stage.is_drained, 600)
        metrics = worker.metrics()
        assert worker.end() == 0
    finally:
        worker.kill()
    print(f"{crowd.published:,} messages, {crowd.commands:,} commands, at most {crowd.late_s:.1f} s behind")
    print("\n".join(told(samples, PARTS)))
    assert crowd.late_s < MOST_LATE_S
    assert crowd.published >= A_SECOND * (MINUTES * 60 - MOST_LATE_S)
    assert metrics["chargeline_delivered_total"] >= crowd.published
    assert_flat(samples)
    second, last = sixth(samples, 1), sixth(samples, PARTS - 1)
    assert within_s(*last, 0.99) <= MOST_SLOWER * within_s(*second, 0.99)
    rabbitmq.delete_vhost(vhost)


def test_six_hours_as_fast_as_it_goes(rabbitmq: RabbitMq, influxdb: InfluxDb, tmp_path: Path) -> None:
    vhost = rabbitmq.add_vhost()
    stage = Stage(tmp_path, rabbitmq, vhost, influxdb)
    stage.fill(())
    worker = RunningWorker(tmp_path, stage.settings())
    plan = FleetPlan(chargers=FLEET, start=time.time_ns() - HOURS * 3_600 * S, busy=2.0, keeps_history=False)
    fleet = Fleet(plan, Quirks.everyday())
    samples: list[Sample] = []
    published = 0
    address = address_of_url(rabbitmq.url(vhost=vhost))
    worker.start()
    try:
        worker.until(lambda: bool(worker.metrics()))
        began = time.monotonic()
        for until in range(plan.start + STEP_NS, plan.start + HOURS * 3_600 * S, STEP_NS):
            said = list(map(as_carried, fleet.advance(until)))
            published += asyncio.run(publish_stream(address, QUEUE, said))
            if not samples or time.monotonic() - began - samples[-1].at_s > SAMPLE_S:
                look(worker, stage.data_dir, began, samples)
                worker.until(lambda: stage.waiting() < MOST_WAITING, 600)
        worker.until(stage.is_drained, 600)
        look(worker, stage.data_dir, began, samples)
        delivered = worker.delivered()
        assert worker.end() == 0
    finally:
        worker.kill()
    print(f"{published:,} messages of {HOURS} hours in {samples[-1].at_s / 60:.1f} min")
    print("\n".join(told(samples, PARTS)))
    assert delivered >= published
    assert_flat(samples)
    rabbitmq.delete_vhost(vhost)


def look(worker: RunningWorker, data_dir: Path, began: float, samples: list[Sample]) -> None:
    seen = sample(worker.pid, worker.url, data_dir, began)
    if seen is not None:
        samples.append(seen)


def sixth(samples: list[Sample], part: int) -> tuple[Sample, Sample]:
    """The first and the last look of a part of the time."""
    end = len(samples) - 1
    return samples[part * end // PARTS], samples[(part + 1) * end // PARTS]


def assert_flat(samples: list[Sample]) -> None:
    """Nothing is more at the end than it was after a third of the time; what is on disk grows ever less."""
    (begun, second), (before, _) = sixth(samples, 1), sixth(samples, PARTS - 1)
    third, last = samples[len(samples) // 3], samples[-1]
    assert last.resident < third.resident * MOST_GROWTH
    assert last.files <= third.files + MOST_MORE_FILES
    assert last.data_dir - before.data_dir <= max(second.data_dir - begun.data_dir, 0) + MOST_LOG
    assert last.data_dir < MOST_DISK
