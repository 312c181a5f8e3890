"""Faust at a real Kafka: what comes and in which order, what is kept, and how partitions change hands."""

import asyncio
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from pipeline.wires.faust_app import FollowingEndedError
from pipeline.wires.faust_table import key_in, partition_of
from pipeline.wires.kafka_options import client_options
from schemas.stream import Topic
from tests.pipeline.scale.bridging import PARTITIONS, make_topics
from tests.pipeline.scale.writing import produce
from tests.pipeline.wires.following import HANGS_S, Follower, following, numbers
from tests.services.kafka import Kafka
from tests.waiting import until

ROOT = Path(__file__).parents[3]


@pytest.mark.services
async def test_messages_come_in_the_order_of_their_partition(kafka: Kafka, tmp_path: Path) -> None:
    make_topics(kafka)
    produce(kafka, numbers(3_000))
    async with following(kafka, tmp_path) as follower:
        await until(lambda: len(follower.taken) == 3_000)
        assert follower.ours == {0, 1, 2}
        found = defaultdict(list)
        for taken in follower.taken:
            found[taken.partition].append((taken.offset, taken.value))
        for partition in range(PARTITIONS):
            assert found[partition] == [
                (offset, str(PARTITIONS * offset + partition).encode()) for offset in range(1_000)
            ]


@pytest.mark.services
async def test_what_is_kept_is_there_in_the_next_life_and_what_was_dropped_is_not(kafka: Kafka, tmp_path: Path) -> None:
    make_topics(kafka)
    async with following(kafka, tmp_path) as follower:
        await until(lambda: follower.ours == {0, 1, 2})
        table = follower.topic.table
        for partition in range(PARTITIONS):
            for number in range(50):
                table[key_in(partition, f"entry {number}")] = f"{partition} {number}".encode()
        del table[key_in(1, "entry 7")]
        table[key_in(2, "entry 0")] = b"changed"
        await until(lambda: follower.is_kept)
    stored = kafka.read(Topic.STATE.value)
    assert {each.partition: each.key for each in stored if each.value is None} == {1: b"1 entry 7"}
    assert all(partition_of(each.key or b"") == each.partition for each in stored)
    async with following(kafka, tmp_path) as follower:
        produce(kafka, numbers(3))
        await until(lambda: len(follower.taken) == 3)
        kept = [dict(follower.topic.kept(partition)) for partition in range(PARTITIONS)]
        assert kept[0] == {f"entry {number}": f"0 {number}".encode() for number in range(50)}
        assert len(kept[1]) == len(follower.topic.kept(1)) == 49
        assert "entry 7" not in kept[1]
        assert kept[2]["entry 0"] == b"changed"


async def until_taken(kafka: Kafka, count: int, *followers: Follower, first_number: int = 0) -> None:
    """Until these messages came to one of them. What the library passes over is seen at the next message."""
    wanted = {str(number).encode() for number in range(first_number, first_number + count)}
    more = 10_000
    while not wanted <= {taken.value for follower in followers for taken in follower.taken}:
        produce(kafka, numbers(3, more))
        more += 3
        await asyncio.sleep(0.2)


@pytest.mark.services
async def test_partitions_change_hands_with_what_is_kept_of_them(kafka: Kafka, tmp_path: Path) -> None:
    make_topics(kafka)
    async with following(kafka, tmp_path) as first:
        await until(lambda: first.ours == {0, 1, 2})
        for partition in range(PARTITIONS):
            first.topic.table[key_in(partition, "entry 0")] = b"by the first"
        await until(lambda: first.is_kept)
        async with following(kafka, tmp_path) as second:
            await until(lambda: bool(second.ours) and len(first.ours) + len(second.ours) == PARTITIONS)
            assert not first.ours & second.ours
            assert first.told.count("given_up") >= 3
            produce(kafka, numbers(30))
            await until_taken(kafka, 30, first, second)
            for follower in (first, second):
                assert {partition_of(key) for key in follower.topic.table.data} == follower.ours
                assert {dict(follower.topic.kept(each))["entry 0"] for each in follower.ours} == {b"by the first"}
            for partition in second.ours:
                second.topic.table[key_in(partition, "entry 0")] = b"by the second"
            await until(lambda: second.is_kept)
            theirs = second.ours
        await until(lambda: first.ours == {0, 1, 2})
        produce(kafka, numbers(3, first=1_000))
        await until_taken(kafka, 3, first, first_number=1_000)
        for partition in range(PARTITIONS):
            by = b"by the second" if partition in theirs else b"by the first"
            assert dict(first.topic.kept(partition)) == {"entry 0": by}


@pytest.mark.services
async def test_a_login_is_used_and_a_wrong_one_ends_it_without_showing_the_password(
    kafka: Kafka, tmp_path: Path
) -> None:
    make_topics(kafka)
    produce(kafka, numbers(3))
    host, _, port = kafka.sasl_brokers.rpartition(":")
    login = {
        **client_options([(host, int(port))]),
        "security.protocol": "sasl_plaintext",
        "sasl.mechanism": "PLAIN",
        "sasl.username": kafka.user,
    }
    follower = Follower(kafka, tmp_path, {**login, "sasl.password": kafka.password})
    running = asyncio.create_task(follower.topic.run())
    async with asyncio.timeout(HANGS_S):
        await until(lambda: len(follower.taken) == 3)
        await follower.topic.stop()
        await running
        follower.producer.close()
        wrong = Follower(kafka, tmp_path, {**login, "sasl.password": "hunter2"})
        with pytest.raises(FollowingEndedError) as caught:
            await wrong.topic.run()
        assert "hunter2" not in str(caught.value)
        await wrong.topic.stop()
        wrong.producer.close()


LIVES = """
import asyncio, gc, sys, weakref
from pathlib import Path
from types import SimpleNamespace
from tests.pipeline.wires.following import Follower
from tests.waiting import until

async def live():
    follower = Follower(SimpleNamespace(brokers=sys.argv[1]), Path(sys.argv[2]))
    running = asyncio.create_task(follower.topic.run())
    await until(lambda: len(follower.taken) == 3)
    running.cancel()
    await asyncio.wait([running])
    await follower.topic.stop()
    follower.producer.close()
    return [weakref.ref(each) for each in (follower.topic, follower.topic.table, follower.topic._app)]

async def lives():
    left = await live()
    await until(lambda: asyncio.all_tasks() == {asyncio.current_task()})
    return left

left = asyncio.run(lives())
gc.collect()
print([each() is None for each in left])
"""


@pytest.mark.services
def test_nothing_is_left_of_one_that_was_stopped(kafka: Kafka, tmp_path: Path) -> None:
    make_topics(kafka)
    produce(kafka, numbers(3))
    # In a process of its own: the test runner holds what was logged.
    words = [sys.executable, "-c", LIVES, kafka.brokers, str(tmp_path)]
    said = subprocess.run(words, cwd=ROOT, check=True, capture_output=True, text=True, timeout=HANGS_S)
    assert said.stdout == "[True, True, True]\n"


@pytest.mark.services
async def test_where_nobody_listens_it_ends(kafka: Kafka, tmp_path: Path) -> None:
    follower = Follower(kafka, tmp_path, client_options([("127.0.0.1", 1)]))
    with pytest.raises(FollowingEndedError):
        await follower.topic.run()
    await follower.topic.stop()
    follower.producer.close()
