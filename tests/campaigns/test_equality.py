"""A stream with all quirks, in a real queue, drained by `chargeline run`: the stores hold what the oracle says.

`make test` takes 15,000 deliveries through, `make prove` 200,000.
"""

from pathlib import Path

import pytest

from tests.campaigns.running import RunningWorker
from tests.campaigns.stage import Stage, Stream, simulate
from tests.oracle.stores import Rows, difference
from tests.services.influxdb import InfluxDb
from tests.services.rabbitmq import RabbitMq

pytestmark = pytest.mark.services

COUNTS = [
    pytest.param(15_000, 12, id="15000"),
    pytest.param(200_000, 200, id="200000", marks=pytest.mark.prove),
]


@pytest.mark.parametrize(("count", "chargers"), COUNTS)
def test_both_stores_hold_what_the_oracle_says(
    rabbitmq: RabbitMq, influxdb: InfluxDb, tmp_path: Path, count: int, chargers: int
) -> None:
    stream = simulate(count, chargers, seed=count)
    in_influxdb = drain(stream, tmp_path / "influxdb", rabbitmq, influxdb)
    in_sqlite = drain(stream, tmp_path / "sqlite", rabbitmq, None)
    assert difference(in_influxdb, in_sqlite) == []


def drain(stream: Stream, folder: Path, rabbitmq: RabbitMq, influxdb: InfluxDb | None) -> Rows:
    """Publish a stream, drain it, and see that everything is where it must be; the rows."""
    folder.mkdir()
    vhost = rabbitmq.add_vhost()
    stage = Stage(folder, rabbitmq, vhost, influxdb)
    stage.fill(stream.deliveries)
    worker = RunningWorker(folder, stage.settings())
    count = len(stream.deliveries)
    worker.start()
    try:
        seconds = worker.until(lambda: worker.delivered() >= count)
        worker.until(stage.is_drained)
        metrics = worker.metrics()
        assert worker.end() == 0
    finally:
        worker.kill()
    assert stage.faults(stream) == []
    assert metrics["chargeline_written_total"] == stream.reading.written
    assert metrics["chargeline_rejected_total"] == len(stream.reading.rejects)
    assert metrics["chargeline_delivered_total"] == count
    rows = stage.rows()
    print(f"{folder.name}: {count} deliveries in {seconds:.1f} s, {len(rows)} rows, {len(stream.rejects)} rejects")
    rabbitmq.delete_vhost(vhost)
    return rows
