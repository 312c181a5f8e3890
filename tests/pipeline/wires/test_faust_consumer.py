"""Faust's consumer at a real Kafka: what is done with is committed, nothing else; and it ends without Kafka's help."""

import asyncio
import time
from pathlib import Path

import pytest
from faust.types import TP

from pipeline.wires.faust_consumer import DoneConsumer
from schemas.stream import Topic
from tests.pipeline.scale.bridging import make_topics
from tests.pipeline.scale.writing import produce
from tests.pipeline.wires.following import Follower, committed, following, numbers
from tests.services.kafka import Kafka
from tests.waiting import until

NOTHING = -1001
TRACK, STATE = TP(Topic.TRACK.value, 1), TP(Topic.STATE.value, 1)
STOPS_S = 7.0


@pytest.mark.services
async def test_nothing_is_committed_but_what_is_done_with(kafka: Kafka, tmp_path: Path) -> None:
    make_topics(kafka)
    produce(kafka, numbers(30))
    async with following(kafka, tmp_path) as follower:
        await until(lambda: len(follower.taken) == 30)
        # The library passed all of it and has committed since, if it ever does.
        await asyncio.sleep(2.5)
        assert committed(kafka) == {0: NOTHING, 1: NOTHING, 2: NOTHING}
        follower.topic.done(1, 4)
        await until(lambda: committed(kafka)[1] == 4)
        follower.topic.done(2, 7)
    assert committed(kafka) == {0: NOTHING, 1: 4, 2: 7}
    async with following(kafka, tmp_path) as follower:
        await until(lambda: len(follower.taken) == 19)
        assert sorted(taken.offset for taken in follower.taken if taken.partition == 1) == list(range(4, 10))
        assert follower.topic.lags() == {0: 10, 1: 6, 2: 3}
        follower.topic.done(1, 10)
        assert follower.topic.lags()[1] == 0
    assert committed(kafka)[1] == 10


@pytest.mark.services
@pytest.mark.parametrize("how", ["killed", "paused"])
async def test_it_ends_soon_while_kafka_is_away(kafka: Kafka, tmp_path: Path, how: str) -> None:
    make_topics(kafka)
    produce(kafka, numbers(3))
    follower = Follower(kafka, tmp_path)
    running = asyncio.create_task(follower.topic.run())
    await until(lambda: len(follower.taken) == 3)
    follower.topic.done(0, 1)
    if how == "killed":
        kafka.kill()
    else:
        kafka.pause()
    began = time.monotonic()
    await follower.topic.stop()
    await running
    assert time.monotonic() - began < STOPS_S
    follower.producer.close()
    kafka.settle()
    # Whoever comes next finds a Kafka that takes something again.
    await asyncio.to_thread(produce, kafka, numbers(3))


@pytest.mark.services
async def test_how_much_is_left_is_not_said_before_it_is_known(kafka: Kafka, tmp_path: Path) -> None:
    make_topics(kafka)
    follower = Follower(kafka, tmp_path)
    assert follower.topic.lags() == {}
    follower.producer.close()


@pytest.mark.services
async def test_what_the_client_leaves_behind_is_not_printed(
    kafka: Kafka, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    make_topics(kafka)
    async with following(kafka, tmp_path) as follower:
        await until(lambda: follower.ours == {0, 1, 2})
        consumer = follower.topic._app.consumer
        assert isinstance(consumer, DoneConsumer)
        loop = consumer._thread.thread_loop
        said = {"message": "Task exception was never retrieved", "exception": OSError("hunter2")}
        with caplog.at_level("DEBUG", logger="faust"):
            loop.call_soon_threadsafe(loop.call_exception_handler, said)
            await until(lambda: "hunter2" in caplog.text)
        assert {record.levelname for record in caplog.records if "hunter2" in record.getMessage()} == {"DEBUG"}


async def only_fetcher(follower: Follower) -> DoneConsumer:
    """Its consumer, from which nobody else fetches from now on, and which has read all of 40 entries of partition 1."""
    await until(lambda: follower.ours == {0, 1, 2})
    await follower.keep_entries(40, [1])
    await until(lambda: not follower.topic._app.rebalancing)
    await follower.topic._app._fetcher.stop()
    consumer = follower.topic._app.consumer
    assert isinstance(consumer, DoneConsumer)
    assert len((await consumer._thread.getmany({STATE}, 5.0))[STATE]) == 40
    return consumer


@pytest.mark.services
@pytest.mark.parametrize("asked", [TRACK, STATE])
async def test_a_fetch_that_lives_on_while_partitions_change_hands_costs_nothing(
    kafka: Kafka, tmp_path: Path, asked: TP
) -> None:
    make_topics(kafka)
    async with following(kafka, tmp_path) as follower:
        consumer, active = await only_fetcher(follower), {asked}
        fetching = asyncio.create_task(consumer._thread.getmany(active, 5.0))
        await asyncio.sleep(0.5)
        # As it is in a rebalance: nothing is to be taken, and the changelog is to be read from its beginning.
        consumer.stop_flow()
        active.clear()
        await consumer._thread.seek_wait({STATE: 0})
        consumer.resume_flow()
        assert await fetching == {}
        restored = await consumer._thread.getmany({STATE}, 5.0)
        assert [record.offset for record in restored[STATE]] == list(range(40))


@pytest.mark.services
async def test_who_wants_none_any_more_is_not_given_all(kafka: Kafka, tmp_path: Path) -> None:
    make_topics(kafka)
    async with following(kafka, tmp_path) as follower:
        consumer, active = await only_fetcher(follower), {TRACK}
        fetching = asyncio.create_task(consumer._thread.getmany(active, 3.0))
        await asyncio.sleep(0.5)
        active.clear()
        await consumer._thread.seek_wait({STATE: 0})
        assert await fetching == {}
        assert await consumer._thread.getmany(active, 3.0) == {}
