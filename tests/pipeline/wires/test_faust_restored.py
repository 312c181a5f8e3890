"""What is restored: a table that was not read to its end is told of, and not relied on; at a real Kafka too."""

import asyncio
from collections.abc import Awaitable, Collection, Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from faust.tables.manager import TableManager
from faust.types import TP

from pipeline.wires import faust_app, faust_restored
from pipeline.wires.faust_consumer import DoneConsumer, Fetched
from pipeline.wires.faust_restored import Restorable, Restoration
from pipeline.wires.faust_table import key_in
from pipeline.wires.kafka_fault import ReadAgainError
from tests.pipeline.scale.bridging import make_topics
from tests.pipeline.scale.writing import produce
from tests.pipeline.wires.following import Follower, following, numbers, until_told
from tests.services.kafka import Kafka
from tests.waiting import until

ONE = TP("state", 1)
ENTRIES, AT_ONCE, SLOW_S = 900, 10, 0.05


class Answering:
    """A Kafka that has so many entries, does not answer at first, and in whose answer partitions may change hands."""

    def __init__(self, end: int, silent: int = 0) -> None:
        self.end = end
        self.silent = silent
        self.asked = self.sought = 0
        self.changes: Restoration | None = None

    async def highwaters(self, *partitions: TP) -> Mapping[TP, int]:
        self.asked += 1
        if self.asked <= self.silent:
            raise TimeoutError
        if self.changes is not None:
            self.changes.begin_anew()
        return dict.fromkeys(partitions, self.end)

    async def perform_seek(self) -> None:
        self.sought += 1


class Read:
    """A recovery that has read so far, and puts it into the table when asked."""

    def __init__(self, last: int | None) -> None:
        self.active_offsets: dict[TP, int | None] = {ONE: last}
        self.signal_recovery_start = asyncio.Event()
        self.flushed = 0

    def flush_buffers(self) -> None:
        self.flushed += 1


@pytest.mark.parametrize(("last", "end"), [(None, 0), (-1, 0), (0, 1), (6, 7), (9, 7)])
def test_what_was_read_to_its_end_is_relied_on(last: int | None, end: int) -> None:
    kafka, read = Answering(end), Read(last)
    restoration = Restoration(read)
    assert not restoration.is_over
    asyncio.run(restoration.see(kafka, {ONE}))
    assert (restoration.is_over, kafka.asked, kafka.sought, read.flushed) == (True, 1, 1, 1)
    restoration.begin_anew()
    assert not restoration.is_over


def test_who_has_no_partition_asks_for_none() -> None:
    kafka, restoration = Answering(7), Restoration(Read(None))
    asyncio.run(restoration.see(kafka, ()))
    assert (restoration.is_over, kafka.asked, kafka.sought) == (True, 0, 0)


@pytest.mark.parametrize(("last", "end", "read"), [(None, 1, 0), (-1, 7, 0), (5, 7, 6)])
def test_what_was_not_read_to_its_end_is_told_of(last: int | None, end: int, read: int) -> None:
    restoration = Restoration(Read(last))
    with pytest.raises(ReadAgainError, match=f"state, partition 1, was read up to {read} of {end}"):
        asyncio.run(restoration.see(Answering(end), {ONE}))
    assert not restoration.is_over


def test_what_is_said_of_a_recovery_that_was_cut_short_is_not_believed() -> None:
    kafka, read = Answering(7), Read(2)
    read.signal_recovery_start.set()
    restoration = Restoration(read)
    asyncio.run(restoration.see(kafka, {ONE}))
    assert (restoration.is_over, kafka.asked) == (False, 0)


def test_kafka_is_asked_until_it_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faust_restored, "_AGAIN_S", 0.0)
    kafka, restoration = Answering(7, silent=3), Restoration(Read(6))
    asyncio.run(restoration.see(kafka, {ONE}))
    assert (restoration.is_over, kafka.asked) == (True, 4)


def test_where_partitions_change_hands_meanwhile_nothing_is_known() -> None:
    restoration, kafka = Restoration(Read(2)), Answering(7)
    kafka.changes = restoration
    asyncio.run(restoration.see(kafka, {ONE}))
    assert not restoration.is_over


def test_who_is_ended_asks_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faust_restored, "_AGAIN_S", 0.01)
    kafka, restoration = Answering(7, silent=1_000_000), Restoration(Read(6))

    async def ended() -> None:
        asking = asyncio.create_task(restoration.see(kafka, {ONE}))
        await until(lambda: kafka.asked > 2)
        restoration.begin_anew()
        await asking

    asyncio.run(ended())
    assert not restoration.is_over


@pytest.mark.services
async def test_who_gets_no_partition_is_at_rest(kafka: Kafka, tmp_path: Path) -> None:
    make_topics(kafka)
    async with AsyncExitStack() as group:
        members = [await group.enter_async_context(following(kafka, tmp_path)) for _ in range(4)]

        def is_at_rest() -> bool:
            return sorted(len(each.ours) for each in members) == [0, 1, 1, 1] and all(
                each.topic.is_restored and not each.topic._app.rebalancing for each in members
            )

        await until(is_at_rest)


@pytest.mark.services
async def test_a_table_that_the_library_takes_for_empty_is_not_relied_on(kafka: Kafka, tmp_path: Path) -> None:
    make_topics(kafka)
    async with following(kafka, tmp_path) as follower:
        await until(lambda: follower.ours == {0, 1, 2})
        await follower.keep_entries(40, [1])
    follower = Follower(kafka, tmp_path)
    tables = follower.topic._app.tables
    assert isinstance(tables, TableManager)

    async def unanswered(*_: object) -> None:
        """Kafka did not say in time what there is."""

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables.recovery, "_build_highwaters", unanswered)
        running = asyncio.create_task(follower.topic.run())
        produce(kafka, numbers(3))
        words = await until_told(follower, running)
    assert words == "Kafka: chargeline.state, partition 1, was read up to 0 of 40; it is read again"
    assert follower.taken == []


@pytest.mark.services
async def test_no_message_is_taken_before_the_table_is_restored(
    kafka: Kafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_topics(kafka)
    produce(kafka, numbers(30))
    follower = Follower(kafka, tmp_path)
    answers = asyncio.Event()
    compare = Restoration._ends

    async def late(self: Restoration, consumer: Restorable, changelogs: Collection[TP]) -> Mapping[TP, int] | None:
        # The library lets messages through, as it may where they waited when partitions changed hands.
        app = follower.topic._app
        app.consumer.resume_partitions(app.consumer.assignment())
        app.flow_control.resume()
        app.consumer.resume_flow()
        await answers.wait()
        return await compare(self, consumer, changelogs)

    monkeypatch.setattr(Restoration, "_ends", late)
    running = asyncio.create_task(follower.topic.run())
    await until(lambda: frozenset({0, 1, 2}) in follower.told)
    await asyncio.sleep(3)
    assert follower.taken == []
    answers.set()
    await until(lambda: len(follower.taken) == 30)
    await follower.topic.stop()
    await running
    follower.producer.close()


@pytest.mark.services
async def test_what_was_kept_last_is_restored_whatever_stood_there_before(
    kafka: Kafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_topics(kafka)
    async with following(kafka, tmp_path) as follower:
        await until(lambda: follower.ours == {0, 1, 2})
        table = follower.topic.table
        for number in range(ENTRIES):
            table[key_in(1, f"entry {number % 7}")] = str(number).encode()
        del table[key_in(1, "entry 3")]
        await until(lambda: follower.is_kept)
        kept = dict(follower.topic.kept(1))
    assert len(kept) == 6
    monkeypatch.setattr(faust_app, "_RECORDS", AT_ONCE)
    async with following(kafka, tmp_path) as follower:
        await until(lambda: follower.ours == {0, 1, 2})
        assert dict(follower.topic.kept(1)) == kept


@pytest.mark.services
async def test_where_partitions_change_hands_while_the_table_is_restored_nothing_is_missed(
    kafka: Kafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_topics(kafka)
    async with following(kafka, tmp_path) as follower:
        await until(lambda: follower.ours == {0, 1, 2})
        await follower.keep_entries(ENTRIES, [0, 1, 2])
    restore = DoneConsumer._restore

    async def slowly(
        self: DoneConsumer, wanted: set[TP] | None, fetching: Awaitable[Mapping[TP, list[Fetched]]]
    ) -> Mapping[TP, list[Fetched]]:
        restored = await restore(self, wanted, fetching)
        # The library may stop taking messages between what is there already and what it is told of.
        await asyncio.sleep(SLOW_S)
        return restored

    monkeypatch.setattr(DoneConsumer, "_restore", slowly)
    monkeypatch.setattr(faust_app, "_RECORDS", AT_ONCE)
    async with following(kafka, tmp_path) as first:
        await until(lambda: first.topic.table.restored > ENTRIES // 10)
        async with following(kafka, tmp_path) as second:
            await until(lambda: bool(second.ours) and len(first.ours) + len(second.ours) == 3)
            assert first.topic.table.restored < ENTRIES
            for each in (first, second):
                kept = sum(len(each.topic.kept(partition)) for partition in each.ours)
                assert kept == len(each.ours) * ENTRIES // 3
                assert each.topic._fault is None
