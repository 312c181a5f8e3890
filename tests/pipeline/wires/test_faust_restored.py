"""What is restored: a table that was not read to its end is told of, and not relied on; at a real Kafka too."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest
from faust.tables.manager import TableManager
from faust.types import TP

from pipeline.wires import faust_restored
from pipeline.wires.faust_restored import RestoredPartitions
from pipeline.wires.faust_table import key_in
from pipeline.wires.kafka_fault import KafkaUnavailableError
from tests.pipeline.scale.bridging import make_topics
from tests.pipeline.scale.writing import produce
from tests.pipeline.wires.following import Follower, following, numbers, until_told
from tests.services.kafka import Kafka
from tests.waiting import until

ONE = TP("state", 1)


class Answering:
    """A Kafka that has so many entries, does not answer at first, and in whose answer partitions may change hands."""

    def __init__(self, end: int, silent: int = 0) -> None:
        self.end = end
        self.silent = silent
        self.asked = 0
        self.changes: RestoredPartitions | None = None

    async def highwaters(self, *partitions: TP) -> Mapping[TP, int]:
        self.asked += 1
        if self.asked <= self.silent:
            raise TimeoutError
        if self.changes is not None:
            self.changes.begin_anew()
        return dict.fromkeys(partitions, self.end)


@pytest.mark.parametrize(("last", "end"), [(None, 0), (-1, 0), (0, 1), (6, 7), (9, 7)])
def test_what_was_read_to_its_end_is_relied_on_and_asked_about_once(last: int | None, end: int) -> None:
    kafka, restored = Answering(end), RestoredPartitions({ONE: last})
    for asked in (1, 1):
        assert asyncio.run(restored.is_whole(kafka, ONE))
        assert kafka.asked == asked
    restored.begin_anew()
    assert asyncio.run(restored.is_whole(kafka, ONE))
    assert kafka.asked == 2


@pytest.mark.parametrize(("last", "end", "read"), [(None, 1, 0), (-1, 7, 0), (5, 7, 6)])
def test_what_was_not_read_to_its_end_is_told_of(last: int | None, end: int, read: int) -> None:
    with pytest.raises(KafkaUnavailableError, match=f"state, partition 1: {read} of {end} entries were read"):
        asyncio.run(RestoredPartitions({ONE: last}).is_whole(Answering(end), ONE))


def test_kafka_is_asked_until_it_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faust_restored, "_AGAIN_S", 0.0)
    kafka = Answering(7, silent=3)
    assert asyncio.run(RestoredPartitions({ONE: 6}).is_whole(kafka, ONE))
    assert kafka.asked == 4


def test_where_partitions_change_hands_meanwhile_nothing_is_known() -> None:
    restored, kafka = RestoredPartitions({ONE: 2}), Answering(7)
    kafka.changes = restored
    assert not asyncio.run(restored.is_whole(kafka, ONE))
    kafka.changes = None
    with pytest.raises(KafkaUnavailableError):
        asyncio.run(restored.is_whole(kafka, ONE))


@pytest.mark.services
async def test_a_table_that_the_library_takes_for_empty_is_not_relied_on(kafka: Kafka, tmp_path: Path) -> None:
    make_topics(kafka)
    async with following(kafka, tmp_path) as follower:
        await until(lambda: follower.ours == {0, 1, 2})
        for number in range(40):
            follower.topic.table[key_in(1, f"entry {number}")] = b"kept"
        await until(lambda: follower.is_kept)
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
    assert words == "Kafka: chargeline.state, partition 1: 0 of 40 entries were read; they are read again"
    assert all(taken.partition != 1 for taken in follower.taken)
