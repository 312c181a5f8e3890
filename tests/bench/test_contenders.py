"""The contenders: each drains a real queue, and its end and what it left are seen."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.bench.contenders import CONTENDERS, RAW, holds
from tests.bench.core_cost import usual_messages
from tests.bench.run_cost import Ring
from tests.services.influxdb import InfluxDb
from tests.services.rabbitmq import RabbitMq

COUNT = 2_000


@pytest.mark.services
async def test_each_contender_drains_its_queue_and_leaves_what_it_must(
    rabbitmq: RabbitMq, influxdb: InfluxDb, tmp_path: Path
) -> None:
    messages = usual_messages(COUNT, 1)
    expected = {name: contender.expected(messages) for name, contender in CONTENDERS.items()}
    lives = await Ring(tmp_path, rabbitmq, influxdb, list(CONTENDERS)).round(messages, expected, 1)
    assert {name: life.messages for name, life in lives.items()} == dict.fromkeys(CONTENDERS, COUNT)
    assert lives[RAW].cpu_s < min(life.cpu_s for name, life in lives.items() if name != RAW)


@pytest.mark.services
async def test_a_profile_names_the_stages_that_every_message_passes(
    rabbitmq: RabbitMq, influxdb: InfluxDb, tmp_path: Path
) -> None:
    name = "run into InfluxDB"
    messages = usual_messages(20_000, 1)
    expected = await asyncio.to_thread(CONTENDERS[name].expected, messages)
    profile = await Ring(tmp_path, rabbitmq, influxdb, [name]).profile(name, messages, expected)
    assert {"decode", "deliveries out of the stream", "gzip", "HTTP to InfluxDB"} <= set(
        map(_stage, profile.splitlines())
    )


def _stage(line: str) -> str:
    return line[:34].strip()


@pytest.mark.parametrize(
    ("content", "is_all"), [({"a.b": 2, "c.d": 9}, True), ({"a.b": 1}, False), ({}, False), ({"a.b": 3}, False)]
)
def test_all_that_is_expected_must_be_there_and_no_more_of_it(content: Mapping[str, int], is_all: bool) -> None:
    assert holds(content, {"a.b": 2}) is is_all
