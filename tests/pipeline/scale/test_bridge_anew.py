"""A bridge that begins anew while it waits for something else, at a real Kafka: nothing is done with what is over."""

import logging

import pytest

from pipeline.scale.trouble import KAFKA_IS_NOT_WELL
from pipeline.wires.kafka_fault import KafkaUnavailableError
from pipeline.wires.source import SourceState
from tests.pipeline.scale.bridging import messages
from tests.pipeline.scale.slow_producers import Refusing
from tests.pipeline.scale.test_bridge import HANGS_S, PATIENCE, Bench, bridging, floats
from tests.services.kafka import Kafka
from tests.waiting import until


@pytest.mark.services
async def test_who_begins_anew_while_it_acknowledges_leaves_the_old_producer_alone(
    kafka: Kafka, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "pipeline.scale.trouble")

    def arrange(bench: Bench) -> None:
        bench.makes = Refusing

    async with bridging(kafka, PATIENCE._replace(away_s=HANGS_S), arrange=arrange) as bench:
        old = bench.bridge._producer
        assert isinstance(old, Refusing)
        bench.source.gate.clear()
        bench.source.deliver(messages(1))
        await until(lambda: bench.meters.snapshot().counts.delivered == 1)
        old.refuses = True
        bench.faults = [KafkaUnavailableError("refused")]
        bench.source.deliver(messages(1, 1))
        await until(lambda: not bench.source.is_wanted)
        old.refuses = False
        # The real one says a moment later that it does not consume any more.
        bench.source.turn(SourceState.CONSUMING, "")
        bench.source.gate.set()
        await bench.delivered_again(messages(2))
        kept = len(bench.ticks())
        await until(lambda: len(bench.ticks()) > kept + 1)
    assert [KAFKA_IS_NOT_WELL in message for message in caplog.messages] == [True, False]


@pytest.mark.services
async def test_who_cannot_send_a_tick_begins_anew(kafka: Kafka) -> None:
    def arrange(bench: Bench) -> None:
        bench.makes = Refusing

    async with bridging(kafka, arrange=arrange) as bench:
        await bench.acknowledged(bench.source.deliver(messages(1)))
        old = bench.bridge._producer
        assert isinstance(old, Refusing)
        old.refuses = True
        await until(lambda: bench.begun == 2)
        await bench.delivered_again(messages(1, 1))
    assert bench.values() == floats(2)
