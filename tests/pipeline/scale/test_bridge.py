"""The bridge at a real Kafka: acknowledged is what is confirmed, trouble is sat out, and the end is orderly.

The source is scripted, so that each fault comes at its moment. With a real broker: test_bridge_assembly.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from time import monotonic

import pytest

from pipeline.core.backoff import Backoff
from pipeline.core.stream_records import StreamReader
from pipeline.core.watermark import SLACK_NS
from pipeline.meters import Meters
from pipeline.scale.bridge import Bridge, BridgeParts, BridgePatience
from pipeline.scale.bridge_lane import Lane
from pipeline.scale.bridge_progress import BridgeProgress
from pipeline.scale.trouble import KAFKA_IS_NOT_WELL
from pipeline.wires.kafka_fault import KafkaUnavailableError
from pipeline.wires.kafka_producer import KafkaProducer
from pipeline.wires.source import SourceState, Token
from schemas.delivery import Delivery
from schemas.meters import WorkerState
from schemas.observation import Observation
from schemas.stream import Tick, Topic
from tests.pipeline.scale.bridging import PARTITIONS, START, S, decoder, make_topics, maker, messages, options
from tests.pipeline.scale.slow_producers import Holding, Late
from tests.pipeline.scripted_source import ScriptedSource
from tests.services.kafka import Kafka
from tests.waiting import until

pytestmark = pytest.mark.services

HANGS_S = 40
PATIENCE = BridgePatience(again=Backoff(0.01, 0.01), away_s=0.3, anew_s=3_600, tick_s=0.05)


class Bench:
    """A bridge with everything around it."""

    def __init__(self, kafka: Kafka, patience: BridgePatience, window: int) -> None:
        self.kafka = kafka
        self.source = ScriptedSource()
        self.meters = Meters()
        self.begun = 0
        self.makes: type[KafkaProducer] = KafkaProducer
        self.faults: list[KafkaUnavailableError] = []
        lane = Lane(self.source, decoder(), maker(), is_operators=True)
        progress = BridgeProgress("bridge-1")
        self.bridge = Bridge(BridgeParts([lane], maker(), progress, self.meters, self.begin, window), patience)

    def begin(self) -> KafkaProducer:
        self.begun += 1
        if self.faults:
            raise self.faults.pop(0)
        producer = self.makes(options(self.kafka), "test")
        silence = producer.probe()
        if silence is not None:
            producer.close()
            raise silence
        return producer

    async def acknowledged(self, token: Token) -> None:
        await until(lambda: token in self.source.acknowledged)

    async def delivered_again(self, messages: Sequence[Delivery]) -> None:
        """As the broker does with what went back, as often as it does."""
        await until(lambda: self.source.is_wanted)
        token = self.source.deliver(messages, redelivered=len(messages))
        await until(lambda: token in self.source.acknowledged or not self.source.is_wanted)
        if token not in self.source.acknowledged:
            await self.delivered_again(messages)

    @property
    def state(self) -> tuple[WorkerState, str]:
        gauges = self.meters.snapshot().gauges
        return gauges.state, gauges.words

    def values(self) -> list[float]:
        """Of the observations in their topic."""
        found = [StreamReader().read(each.value or b"", "") for each in self.kafka.read(Topic.OBSERVATIONS.value)]
        values = [each.value for read in found for each in read.records if isinstance(each, Observation)]
        return sorted(value for value in values if isinstance(value, float))

    def ticks(self) -> list[Tick]:
        """Of one partition."""
        found = [each.value for each in self.kafka.read(Topic.TRACK.value) if each.partition == 0]
        records = [record for value in found for record in StreamReader().read(value or b"", "").records]
        return [record for record in records if isinstance(record, Tick)]


@asynccontextmanager
async def bridging(
    kafka: Kafka,
    patience: BridgePatience = PATIENCE,
    window: int = 1_000,
    arrange: Callable[[Bench], None] = lambda _: None,
) -> AsyncIterator[Bench]:
    """A bridge at work, stopped in order at the end."""
    make_topics(kafka)
    bench = Bench(kafka, patience, window)
    arrange(bench)
    async with asyncio.timeout(HANGS_S):
        work = asyncio.create_task(bench.bridge.run())
        await until(lambda: "resume" in bench.source.events)
        yield bench
        await bench.bridge.stop()
        await work


def floats(count: int, first: int = 0) -> list[float]:
    return [float(number) for number in range(first, first + count)]


async def test_what_kafka_has_is_acknowledged_in_order(kafka: Kafka) -> None:
    async with bridging(kafka) as bench:
        tokens = [bench.source.deliver(messages(7, first)) for first in range(0, 700, 7)]
        await bench.acknowledged(tokens[-1])
    assert bench.values() == floats(700)
    assert bench.source.acknowledged == sorted(bench.source.acknowledged)
    counts = bench.meters.snapshot().counts
    assert (counts.delivered, counts.written) == (700, 700)
    assert bench.source.events[-2:] == ["cancel", "stop"]


async def test_a_tick_tells_how_far_it_is_and_the_last_one_that_all_is_there(kafka: Kafka) -> None:
    async with bridging(kafka) as bench:
        token = bench.source.deliver(messages(20))
        await bench.acknowledged(token)
        kept = len(bench.ticks())
        await until(lambda: len(bench.ticks()) > kept + 1)
    *_, before, last = bench.ticks()
    expected = START + 19 * S
    assert (before.watermark, before.settled_at, before.is_last) == (expected - SLACK_NS, expected, False)
    assert last == before._replace(number=before.number + 1, at=last.at, is_last=True)
    assert {each.partition for each in kafka.read(Topic.TRACK.value)} == set(range(PARTITIONS))


async def test_while_kafka_is_away_nothing_is_acknowledged_and_no_more_is_taken_than_fits(kafka: Kafka) -> None:
    async with bridging(kafka, window=30) as bench:
        first = bench.source.deliver(messages(10))
        await bench.acknowledged(first)
        await until(lambda: bench.state[0] is WorkerState.CONSUMING)
        await asyncio.to_thread(kafka.kill)
        tokens = [bench.source.deliver(messages(10, number)) for number in range(10, 110, 10)]
        await until(lambda: "see that Kafka runs" in bench.state[1])
        await until(lambda: bench.source.waiting == 7)
        await until(lambda: (bench.meters.snapshot().gauges.kafka_in_flight or 0) >= 30)
        assert bench.state[0] is WorkerState.RETRYING
        assert bench.source.acknowledged == [first]
        await asyncio.to_thread(kafka.start)
        await bench.acknowledged(tokens[-1])
        await until(lambda: bench.state[0] is WorkerState.CONSUMING)
    assert bench.values() == floats(110)


SOON_ANEW, SOON_BACK = PATIENCE._replace(ask_s=0.5, anew_s=3.0), PATIENCE._replace(hand_back_s=3.0)


@pytest.mark.parametrize(("how", "patience"), [("kill", SOON_ANEW), ("pause", SOON_ANEW), ("kill", SOON_BACK)])
async def test_after_long_without_confirmation_deliveries_go_back_and_a_new_producer_begins(
    kafka: Kafka, how: str, patience: BridgePatience
) -> None:
    async with bridging(kafka, patience) as bench:
        begun = bench.begun
        await asyncio.to_thread(getattr(kafka, how))
        lost = bench.source.deliver(messages(10))
        await until(lambda: not bench.source.is_wanted)
        assert bench.state[0] is WorkerState.RETRYING
        await asyncio.to_thread(kafka.start if how == "kill" else kafka.resume)
        await bench.delivered_again(messages(10))
        assert bench.begun > begun
        assert lost not in bench.source.acknowledged
    assert set(bench.values()) == set(floats(10))


async def test_where_kafka_answers_and_confirms_nothing_deliveries_stay_for_long(kafka: Kafka) -> None:
    def arrange(bench: Bench) -> None:
        bench.makes = Holding

    async with bridging(kafka, PATIENCE._replace(ask_s=0.1, anew_s=2.0), arrange=arrange) as bench:
        began = monotonic()
        token = bench.source.deliver(messages(10))
        await until(lambda: bench.state[0] is WorkerState.RETRYING)
        assert "confirms nothing" in bench.state[1]
        # Longer than an answer may be missing.
        await until(lambda: bench.bridge._heard_at - began > 3.0)
        assert isinstance(bench.bridge._producer, Holding)
        bench.bridge._producer.let_go()
        await bench.acknowledged(token)
        assert (bench.begun, bench.source.epoch) == (1, token.epoch)
    assert bench.values() == floats(10)


async def test_a_kafka_that_confirms_late_is_told_of_once_until_it_is_in_time_again(
    kafka: Kafka, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO, "pipeline.scale.trouble")

    def arrange(bench: Bench) -> None:
        bench.makes = Late

    async with bridging(kafka, arrange=arrange) as bench:
        for number in range(40):
            token = bench.source.deliver(messages(1, number))
            await until(lambda: bench.source.waiting == 0)
            await asyncio.sleep(0.05)
        assert len(bench.source.acknowledged) > 10
        assert bench.state[0] is WorkerState.RETRYING
        assert len(caplog.messages) == 1
        monkeypatch.setattr(Late, "late_s", 0.0)
        await bench.acknowledged(token)
        await until(lambda: bench.state[0] is WorkerState.CONSUMING)
    assert [KAFKA_IS_NOT_WELL in message for message in caplog.messages] == [True, False]


async def test_what_fails_for_good_goes_back_whole_and_a_new_producer_begins(kafka: Kafka) -> None:
    async with bridging(kafka) as bench:
        begun = bench.begun
        await asyncio.to_thread(kafka.delete_topics, [Topic.OBSERVATIONS.value])
        lost = bench.source.deliver(messages(10))
        await until(lambda: bench.begun > begun)
        assert lost not in bench.source.acknowledged
        await asyncio.to_thread(make_topics, kafka)
        await until(lambda: bench.source.is_wanted)
        again = bench.source.deliver(messages(10), redelivered=10)
        await bench.acknowledged(again)
    assert lost not in bench.source.acknowledged
    assert bench.values() == floats(10)


async def test_it_waits_for_kafka_before_it_consumes(kafka: Kafka) -> None:
    def arrange(bench: Bench) -> None:
        bench.faults = [KafkaUnavailableError("no topics", needs_operator=True)] * 3

    async with bridging(kafka, arrange=arrange) as bench:
        assert bench.begun == 4
        assert bench.source.events == ["hand back: waiting for Kafka", "resume"]
        await until(lambda: bench.state[0] is WorkerState.CONSUMING)


async def test_it_can_be_stopped_while_it_waits_for_kafka(kafka: Kafka) -> None:
    bench = Bench(kafka, PATIENCE._replace(again=Backoff(3_600, 3_600)), 100)
    bench.faults = [KafkaUnavailableError("away")] * 1_000
    async with asyncio.timeout(HANGS_S):
        work = asyncio.create_task(bench.bridge.run())
        await until(lambda: bench.begun > 0 and bench.state[0] is WorkerState.RETRYING)
        begun = bench.begun
        bench.bridge.reload()
        await until(lambda: bench.begun > begun)
        await bench.bridge.stop()
        await work
    assert bench.source.events[-1] == "stop"


async def test_a_lost_channel_is_not_acknowledged(kafka: Kafka) -> None:
    async with bridging(kafka) as bench:
        await asyncio.to_thread(kafka.pause)
        lost = bench.source.deliver(messages(5))
        await until(lambda: not bench.source.waiting)
        bench.source.lose_channel()
        await asyncio.to_thread(kafka.resume)
        again = bench.source.deliver(messages(5), redelivered=5)
        await bench.acknowledged(again)
        assert not bench.source.is_current(lost)


async def test_who_does_not_consume_is_silent_and_still_knows_that_kafka_answers(kafka: Kafka) -> None:
    async with bridging(kafka) as bench:
        bench.source.turn(SourceState.STANDBY, "another consumer has it")
        await until(lambda: bench.state[0] is WorkerState.STANDBY)
        assert bench.meters.snapshot().gauges.store_answered_at is not None
        kept = len(await asyncio.to_thread(bench.ticks))
        await asyncio.sleep(4 * PATIENCE.tick_s)
        assert len(await asyncio.to_thread(bench.ticks)) <= kept + 1
