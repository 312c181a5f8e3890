"""The role `write` at a real Kafka with a scripted store: what it tells of itself, and how it ends."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from pipeline.core.backoff import Backoff
from pipeline.meters import Meters
from pipeline.scale import write_assembly, write_rejects, write_role
from pipeline.scale.write import WritePatience
from pipeline.scale.write_assembly import make_write
from pipeline.scale.write_role import RolePatience, WriteRole
from pipeline.settings import load_settings
from schemas.measurement import PIPELINE
from schemas.meters import Gauges, MetersSnapshot, WorkerState
from schemas.stream import Topic
from tests.pipeline.scale.bridging import PARTITIONS, S, make_topics, messages
from tests.pipeline.scale.slow_producers import Late
from tests.pipeline.scale.writing import (
    ScriptedStore,
    alert,
    away,
    derived,
    facts,
    observed,
    produce,
    rejects_in,
    unreadable,
)
from tests.pipeline.test_check_kafka import change
from tests.services.kafka import Kafka
from tests.waiting import until

HANGS_S = 60
PATIENCE = RolePatience(again=Backoff(0.05, 0.05), metrics_s=0.5)
HOUR = 3_600 * S
OFTEN = 10


class Bench:
    """A role at work, and what it says."""

    def __init__(self, kafka: Kafka, patience: RolePatience) -> None:
        settings = load_settings(
            {
                "CHARGELINE_KAFKA_BROKERS": kafka.brokers,
                "CHARGELINE_KAFKA_PARTITIONS": str(PARTITIONS),
                "CHARGELINE_BATCH": "100",
            }
        )
        self.store = ScriptedStore()
        self.meters = Meters()
        write_patience = WritePatience(pause_s=0.2, revoke_s=5.0, twin_s=2.0)
        self.role: WriteRole = make_write(settings, self.store, self.meters, write_patience, patience, 2_000)

    @property
    def snapshot(self) -> MetersSnapshot:
        return self.meters.snapshot()

    @property
    def gauges(self) -> Gauges:
        return self.snapshot.gauges


@asynccontextmanager
async def working(
    kafka: Kafka, patience: RolePatience = PATIENCE, arrange: Callable[[Bench], None] = lambda _: None
) -> AsyncIterator[Bench]:
    """A role at work, stopped at the end."""
    bench = Bench(kafka, patience)
    arrange(bench)
    async with asyncio.timeout(HANGS_S), asyncio.TaskGroup() as tasks:
        tasks.create_task(bench.role.run())
        try:
            yield bench
        finally:
            bench.store.gate.set()
            await bench.role.stop()


@pytest.mark.services
async def test_what_is_done_is_metered_with_the_lag_of_each_partition(kafka: Kafka) -> None:
    make_topics(kafka)
    produce(kafka, [*facts(messages(250)), *derived([alert(1, 1.0)])])
    async with working(kafka) as bench:
        await until(lambda: bench.snapshot.counts.delivered == 251)
        assert bench.snapshot.counts.written == 251
        assert bench.snapshot.counts.rebalances == 1
        await until(lambda: len(bench.snapshot.lags) == 3 * PARTITIONS or sum(bench.snapshot.lags.values()) == 0)
        assert (bench.gauges.state, bench.gauges.kafka_in_flight) == (WorkerState.CONSUMING, 0)
        assert (bench.gauges.is_connected, bench.gauges.is_consuming, bench.gauges.backlog) == (True, True, 0)
        assert bench.gauges.store_answered_at is not None
    assert observed(bench.store.content) == 250
    assert bench.gauges.state is WorkerState.STOPPING


@pytest.mark.services
async def test_rows_about_itself_are_written_where_no_message_comes(kafka: Kafka) -> None:
    make_topics(kafka)
    async with working(kafka) as bench:
        await until(lambda: sum(measurement == PIPELINE for measurement, *_ in bench.store.content) == 3)
        assert bench.snapshot.counts.delivered == 0


@pytest.mark.services
async def test_trouble_of_the_store_is_told_and_ends(kafka: Kafka) -> None:
    make_topics(kafka)
    produce(kafka, facts(messages(250)))
    patience = PATIENCE._replace(again=Backoff(3_600, 3_600))

    async with working(kafka, patience, lambda bench: bench.store.faults.append(away(needs_operator=True))) as bench:
        await until(lambda: bench.gauges.state is WorkerState.HOLDING)
        assert bench.gauges.words == "away"
        # What is at hand and what waits is told meanwhile.
        await until(lambda: bench.gauges.backlog == 250 and (bench.gauges.kafka_in_flight or 0) >= 100)
        bench.role.reload()
        await until(lambda: bench.snapshot.counts.delivered == 250)
        assert bench.store.reloads == 1
        assert bench.gauges.state is WorkerState.CONSUMING
        assert bench.snapshot.counts.retries == 1


@pytest.mark.services
async def test_a_kafka_that_goes_is_told_and_waited_for(kafka: Kafka) -> None:
    make_topics(kafka)
    async with working(kafka) as bench:
        await until(lambda: bench.gauges.is_consuming)
        kafka.kill()
        await until(lambda: bench.gauges.state is WorkerState.RETRYING)
        assert "see that Kafka runs" in bench.gauges.words
        kafka.start()
        produce(kafka, facts(messages(50)))
        await until(lambda: bench.snapshot.counts.delivered == 50 and bench.gauges.state is WorkerState.CONSUMING)


@pytest.mark.services
async def test_who_finds_all_partitions_taken_stands_by_and_takes_over(kafka: Kafka) -> None:
    make_topics(kafka)
    async with working(kafka) as first:
        await until(lambda: first.gauges.is_consuming)
        async with working(kafka) as second, working(kafka) as third, working(kafka) as fourth:
            rest = [second, third, fourth]
            await until(lambda: sum(bench.gauges.is_connected for bench in rest) == len(rest))
            # Every topic has as many partitions as there are writers less one: topics are shared out alike.
            produce(kafka, facts(messages(250)))
            every = [first, *rest]
            await until(lambda: sum(bench.snapshot.counts.delivered for bench in every) == 250)
    assert sum(observed(bench.store.content) for bench in every) == 250


@pytest.mark.services
async def test_what_is_at_hand_is_done_before_it_ends_and_given_up_where_it_cannot_be(kafka: Kafka) -> None:
    make_topics(kafka)
    produce(kafka, facts(messages(50)))
    async with working(kafka) as bench:
        bench.store.gate.clear()
        await until(lambda: bench.gauges.kafka_in_flight == 50)
    assert observed(bench.store.content) == 50
    produce(kafka, facts(messages(50, first=50)))
    async with working(kafka) as bench:
        bench.store.faults += [away() for _ in range(1_000)]
        await until(lambda: bench.snapshot.counts.retries > 0 and bench.gauges.kafka_in_flight == 50)
    assert not bench.store.content
    async with working(kafka) as bench:
        await until(lambda: bench.snapshot.counts.delivered == 50)


@pytest.mark.services
@pytest.mark.parametrize("is_back", [True, False])
async def test_who_is_told_to_stop_while_it_waits_tries_once_more_and_leaves(kafka: Kafka, is_back: bool) -> None:
    make_topics(kafka)
    produce(kafka, facts(messages(50)))
    faults = [away(retry_after_ns=HOUR)] * (1 if is_back else 2)
    async with working(kafka, RolePatience(), lambda bench: bench.store.faults.extend(faults)) as bench:
        await until(lambda: bench.snapshot.counts.retries == 1 and bench.gauges.kafka_in_flight == 50)
    assert not bench.store.faults
    assert observed(bench.store.content) == (50 if is_back else 0)


@pytest.mark.services
async def test_what_kafka_refuses_is_told_once_until_it_takes_it(
    kafka: Kafka, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asks it something has an answer meanwhile."""
    caplog.set_level(logging.INFO, write_role.__name__)
    monkeypatch.setattr(write_role, "_LOOK_S", 0.0)
    make_topics(kafka)
    change(kafka, Topic.REJECTS, "max.message.bytes", "1")
    produce(kafka, [unreadable()])
    seen = set[WorkerState]()
    async with working(kafka) as bench:
        await until(lambda: bench.gauges.state is WorkerState.HOLDING)
        assert "Message size too large" in bench.gauges.words

        def was_tried_often() -> bool:
            seen.add(bench.gauges.state)
            return bench.snapshot.counts.retries > OFTEN

        await until(was_tried_often)
        assert seen == {WorkerState.HOLDING}
        assert told_of_trouble(caplog) == [True]
        make_topics(kafka)
        await until(lambda: bench.snapshot.counts.delivered == 1 and bench.gauges.state is WorkerState.CONSUMING)
    assert told_of_trouble(caplog) == [True, False]
    assert len(rejects_in(kafka)) == 1


@pytest.mark.services
async def test_rejects_that_kafka_does_not_confirm_are_told_of_until_it_does(
    kafka: Kafka, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO, write_role.__name__)
    monkeypatch.setattr(write_role, "_LOOK_S", 0.0)
    monkeypatch.setattr(write_rejects, "_AWAY_S", 0.1)
    monkeypatch.setattr(write_assembly, "KafkaProducer", Late)
    monkeypatch.setattr(Late, "late_s", 3.0)
    make_topics(kafka)
    produce(kafka, [unreadable()])
    async with working(kafka) as bench:
        await until(lambda: "confirms nothing of what was rejected" in bench.gauges.words)
        assert bench.gauges.state is WorkerState.RETRYING
        await until(lambda: bench.snapshot.counts.delivered == 1 and bench.gauges.state is WorkerState.CONSUMING)
    assert told_of_trouble(caplog) == [True, False]
    monkeypatch.setattr(Late, "late_s", HOUR)
    monkeypatch.setattr(write_rejects, "_ANEW_S", HOUR)
    produce(kafka, [unreadable()])
    async with working(kafka) as bench:
        await until(lambda: bench.gauges.state is WorkerState.RETRYING)
    assert len(rejects_in(kafka)) == 1


@pytest.mark.services
async def test_a_kafka_that_comes_back_does_not_shorten_the_pause_of_the_store(kafka: Kafka) -> None:
    make_topics(kafka)
    fault = away(retry_after_ns=HOUR)
    async with working(kafka, RolePatience(), lambda bench: bench.store.faults.append(fault)) as bench:
        await until(lambda: bench.gauges.words == "away")
        kafka.kill()
        await until(lambda: "see that Kafka runs" in bench.gauges.words)
        kafka.start()
        await until(lambda: bench.gauges.words == "away")
        assert bench.store.requests == 1
    assert bench.store.batches


def told_of_trouble(caplog: pytest.LogCaptureFixture) -> list[bool]:
    """What the role said: whether it was of trouble, or that it is over."""
    return [each.levelno >= logging.WARNING for each in caplog.records if each.name == write_role.__name__]
