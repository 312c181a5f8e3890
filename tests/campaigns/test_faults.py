"""Faults in the middle of a run: nothing is missing, nothing is extra, and work goes on by itself.

`make prove` takes 200,000 deliveries through each fault and prints how long it took to go on; `make test` a few
thousand through those that need neither waiting nor rights of their own. Each fault comes when the queue still holds
enough that at least 1,000 deliveries follow it.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

from tests.campaigns.running import RunningWorker
from tests.campaigns.stage import QUEUE, Stage, Stream, simulate
from tests.services.influxdb import InfluxDb
from tests.services.rabbitmq import RabbitMq, fresh_name

pytestmark = pytest.mark.services

SMALL, LARGE = 15_000, 200_000
MUCH = 500_000
"""A worker is through with 20,000 messages before it can be killed for the first time."""
AFTER = 1_000
OUTAGE_S = 120
KILLS = 20
DISK_MIB = 64


class Scene(NamedTuple):
    """Where a fault happens: a queue that was filled, and a worker that drains it."""

    stage: Stage
    worker: RunningWorker
    size: int

    def drain_to(self, share: float) -> None:
        """Let the worker take this share of the stream."""
        self.worker.until(lambda: self.worker.delivered() >= self.size * share)

    def goes_on(self) -> float:
        """Wait until something is delivered again; after how many seconds it was. Much must be left to deliver."""
        assert self.stage.waiting() >= AFTER, "the fault came too late to show anything"
        before = self.worker.delivered()
        return self.worker.until(lambda: self.worker.delivered() > before)


@pytest.fixture(scope="module")
def streams() -> Callable[[int], Stream]:
    """Streams by size, each simulated once."""
    made: dict[int, Stream] = {}

    def stream(size: int) -> Stream:
        if size not in made:
            made[size] = simulate(size, size // 1_000, seed=size + 1)
        return made[size]

    return stream


@contextmanager
def staged(stream: Stream, folder: Path, rabbitmq: RabbitMq, influxdb: InfluxDb | None) -> Iterator[Stage]:
    """A queue with a stream in it; at the end everything must be where the oracle says."""
    vhost = rabbitmq.add_vhost()
    stage = Stage(folder, rabbitmq, vhost, influxdb)
    stage.fill(stream.deliveries)
    yield stage
    assert stage.faults(stream) == []
    rabbitmq.delete_vhost(vhost)


@contextmanager
def at_work(stage: Stage, stream: Stream, **settings: str) -> Iterator[Scene]:
    """A worker that drains a stage to its end. A small stream is drained in small steps, so that faults are in time."""
    size = len(stream.deliveries)
    steps = {"BATCH": "50", "PREFETCH": "100"} if size == SMALL else {}
    worker = RunningWorker(stage.folder, stage.settings(**steps, **settings))
    worker.start()
    try:
        yield Scene(stage, worker, size)
        worker.until(stage.is_drained, patience_s=600)
        assert worker.end() == 0
    finally:
        worker.kill()
    assert "Traceback" not in worker.log.read_text("utf-8", "replace")


@pytest.mark.parametrize(
    ("size", "kills"), [(SMALL, 2), pytest.param(MUCH, KILLS, marks=pytest.mark.prove)], ids=["2", "20"]
)
def test_killed_at_any_moment(
    rabbitmq: RabbitMq,
    influxdb: InfluxDb,
    tmp_path: Path,
    streams: Callable[[int], Stream],
    size: int,
    kills: int,
) -> None:
    random = Random(size)
    waits = []
    with staged(streams(size), tmp_path, rabbitmq, influxdb) as stage, at_work(stage, streams(size)) as scene:
        worker = scene.worker
        for _ in range(kills):
            worker.until(lambda: worker.delivered() > 0)
            time.sleep(random.uniform(0, 0.3))
            worker.kill()
            worker.start()
            waits.append(scene.goes_on())
    print(f"kill -9, {kills} times: on after {max(waits):.1f} s at most, its start included")


@pytest.mark.prove
def test_the_store_stopped_for_two_minutes(
    rabbitmq: RabbitMq, influxdb: InfluxDb, tmp_path: Path, streams: Callable[[int], Stream]
) -> None:
    with staged(streams(LARGE), tmp_path, rabbitmq, influxdb) as stage, at_work(stage, streams(LARGE)) as scene:
        scene.drain_to(0.2)
        influxdb.stop()
        try:
            scene.worker.until(lambda: scene.worker.metrics().get("chargeline_retries_total", 0) > 0)
            assert scene.worker.readiness()[0] in (200, 503)
            time.sleep(OUTAGE_S)
            assert scene.worker.readiness()[0] == 503
        finally:
            influxdb.start()
        print(f"store stopped for {OUTAGE_S} s: on after {scene.goes_on():.1f} s")


@pytest.mark.prove
def test_the_broker_restarted(
    rabbitmq: RabbitMq, influxdb: InfluxDb, tmp_path: Path, streams: Callable[[int], Stream]
) -> None:
    with staged(streams(LARGE), tmp_path, rabbitmq, influxdb) as stage, at_work(stage, streams(LARGE)) as scene:
        scene.drain_to(0.2)
        rabbitmq.restart()
        print(f"broker restarted: on after {scene.goes_on():.1f} s")


@pytest.mark.parametrize("size", [SMALL, pytest.param(LARGE, marks=pytest.mark.prove)])
def test_the_token_replaced(
    rabbitmq: RabbitMq, influxdb: InfluxDb, tmp_path: Path, streams: Callable[[int], Stream], size: int
) -> None:
    file = tmp_path / "token"
    with staged(streams(size), tmp_path, rabbitmq, influxdb) as stage:
        first, second = (influxdb.add_token(stage.bucket) for _ in range(2))
        file.write_text(first.token)
        with at_work(stage, streams(size), INFLUX_TOKEN="", INFLUX_TOKEN_FILE=str(file)) as scene:
            scene.drain_to(0.2)
            influxdb.delete_token(first.id)
            scene.worker.until(lambda: scene.worker.metrics().get("chargeline_holding") == 1)
            assert "CHARGELINE_INFLUX_TOKEN" in scene.worker.readiness()[1]
            file.write_text(second.token)
            print(f"InfluxDB's token replaced: on after {scene.goes_on():.1f} s")


@pytest.mark.parametrize("size", [SMALL, pytest.param(LARGE, marks=pytest.mark.prove)])
def test_the_password_changed(
    rabbitmq: RabbitMq, influxdb: InfluxDb, tmp_path: Path, streams: Callable[[int], Stream], size: int
) -> None:
    file, user = tmp_path / "url", fresh_name("user")
    with staged(streams(size), tmp_path, rabbitmq, influxdb) as stage:
        rabbitmq.add_user(user, "old", stage.vhost)
        file.write_text(rabbitmq.url(user, "old", stage.vhost))
        with at_work(stage, streams(size), AMQP_URL="", AMQP_URL_FILE=str(file)) as scene:
            scene.drain_to(0.2)
            rabbitmq.change_password(user, "new")
            rabbitmq.close_connections(stage.vhost, "the password changed")
            scene.worker.until(lambda: "see user and password" in scene.worker.readiness()[1])
            file.write_text(rabbitmq.url(user, "new", stage.vhost))
            print(f"AMQP password changed: on after {scene.goes_on():.1f} s")
    rabbitmq.delete_user(user)


@pytest.mark.prove
def test_the_disk_full_and_freed(rabbitmq: RabbitMq, tmp_path: Path, streams: Callable[[int], Stream]) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "tmpfs", disk], check=True)
    try:
        with staged(streams(LARGE), tmp_path, rabbitmq, None) as stage:
            stage.data_dir = disk / "data"
            with at_work(stage, streams(LARGE)) as scene:
                scene.drain_to(0.1)
                ballast = disk / "ballast"
                fill_disk(ballast)
                scene.worker.until(lambda: scene.worker.metrics().get("chargeline_holding") == 1)
                status, words = scene.worker.readiness()
                assert status == 503
                assert "free some disk space" in words
                ballast.unlink()
                print(f"disk full and freed: on after {scene.goes_on():.1f} s")
    finally:
        subprocess.run(["umount", disk], check=True)


@pytest.mark.parametrize("size", [SMALL, pytest.param(LARGE, marks=pytest.mark.prove)])
def test_a_second_worker_stands_by_and_takes_over(
    rabbitmq: RabbitMq, influxdb: InfluxDb, tmp_path: Path, streams: Callable[[int], Stream], size: int
) -> None:
    elsewhere = tmp_path / "second"
    elsewhere.mkdir()
    with staged(streams(size), tmp_path, rabbitmq, influxdb) as stage, at_work(stage, streams(size)) as scene:
        second = RunningWorker(elsewhere, stage.settings(DATA_DIR=str(elsewhere / "data"), BATCH="50", PREFETCH="100"))
        scene.drain_to(0.01)
        second.start()
        try:
            second.until(lambda: "standing by" in second.readiness()[1])
            scene.worker.kill()
            assert stage.waiting() >= AFTER
            seconds = second.until(lambda: second.delivered() > 0)
            print(f"second worker: took over after {seconds:.1f} s")
            assert second.end() == 0
        finally:
            second.kill()
        stage.others.update(Stage.rejects_in(elsewhere / "data"))
        scene.worker.start()


@pytest.mark.parametrize("size", [SMALL, pytest.param(LARGE, marks=pytest.mark.prove)])
def test_ended_in_the_middle_of_a_batch(
    rabbitmq: RabbitMq, influxdb: InfluxDb, tmp_path: Path, streams: Callable[[int], Stream], size: int
) -> None:
    with staged(streams(size), tmp_path, rabbitmq, influxdb) as stage, at_work(stage, streams(size)) as scene:
        scene.drain_to(0.2)
        for number, code in ((signal.SIGTERM, 0), (signal.SIGINT, 130)):
            began = time.monotonic()
            assert scene.worker.end(number) == code
            seconds = time.monotonic() - began
            assert rabbitmq.unacknowledged(stage.vhost, QUEUE) == 0
            scene.worker.start()
            print(f"{number.name}: gone after {seconds:.1f} s, on after {scene.goes_on():.1f} s")


def fill_disk(path: Path) -> None:
    """Write until the disk is full."""
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * 65_536)
        except OSError:
            os.sync()
