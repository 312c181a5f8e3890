"""The steady bench, for a moment: every message is seen to be stored, of either consumer."""

from pathlib import Path

import pytest

from tests.bench.contenders import USUAL
from tests.bench.steady_cost import OURS, Steady
from tests.services.influxdb import InfluxDb
from tests.services.rabbitmq import RabbitMq


@pytest.mark.services
@pytest.mark.parametrize("name", [OURS, USUAL])
async def test_each_message_has_a_latency(name: str, rabbitmq: RabbitMq, influxdb: InfluxDb, tmp_path: Path) -> None:
    cpu_s, latencies = await Steady(tmp_path, rabbitmq, influxdb).life(name, 200, 6.0)
    assert cpu_s > 0
    assert len(latencies) == 1_200
    assert all(latency > 0 for latency in latencies)
