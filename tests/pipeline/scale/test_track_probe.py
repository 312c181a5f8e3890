"""Whether Kafka is well, as the role `track` sees it: an answer is not enough where something waits to be confirmed."""

import asyncio
import logging

import pytest

from pipeline.scale import track_role
from schemas.meters import WorkerState
from schemas.stream import Topic
from tests.pipeline.scale.bridging import make_topics
from tests.pipeline.scale.test_track import commands
from tests.pipeline.scale.test_track_role import Bench, until_known, working
from tests.pipeline.scale.writing import produce
from tests.pipeline.test_check_kafka import change
from tests.services.kafka import Kafka
from tests.waiting import until


@pytest.mark.services
async def test_a_kafka_that_answers_and_takes_nothing_is_not_well(
    kafka: Kafka, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    # It is asked whether it answers as often as somebody looks.
    monkeypatch.setattr(track_role, "_PROBE_S", 0.0)
    monkeypatch.setattr(track_role, "_LOOK_S", 0.05)
    make_topics(kafka)
    change(kafka, Topic.DERIVED, "max.message.bytes", "100")
    produce(kafka, commands(30))
    async with working(Bench(kafka.brokers)) as bench:
        await until(lambda: bench.snapshot.counts.connections > 2)
        assert bench.gauges.state is WorkerState.HOLDING
        assert "answers as it should again" not in caplog.text
        await asyncio.to_thread(change, kafka, Topic.DERIVED, "max.message.bytes", "1000000")
        await until_known(kafka, ["published"] * 30)
        await until(lambda: bench.gauges.state is WorkerState.CONSUMING)
        assert caplog.text.count("answers as it should again") == 1
