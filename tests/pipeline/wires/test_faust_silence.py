"""Silence of what Faust follows: what Kafka has is asked, and what gives none of it is found, at a real Kafka too."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest
from faust.tables.manager import TableManager
from faust.types import TP

from pipeline.wires import kafka_silence
from pipeline.wires.faust_order import TopicOrder
from pipeline.wires.faust_silence import TopicSilence
from pipeline.wires.kafka_fault import ReadAgainError
from schemas.stream import Topic
from tests.pipeline.scale.bridging import make_topics
from tests.pipeline.scale.writing import produce
from tests.pipeline.wires.following import Follower, lose_patience, numbers, until_told
from tests.services.kafka import Kafka
from tests.waiting import until

ONE, TWO = TP("t", 1), TP("t", 2)


class Answering:
    """A Kafka that has messages from `first` to `last`, of which `done` is committed, or that does not answer."""

    def __init__(self, done: int | None = None, first: int = 0, last: int = 0) -> None:
        self.done = done
        self.first = first
        self.last = last
        self.answers = True
        self.asked = 0
        self.ends: dict[TP, int] = {}

    def committed(self, tp: TP) -> int | None:
        return self.done

    def end(self, tp: TP) -> int | None:
        return self.ends.get(tp)

    async def earliest_offsets(self, *partitions: TP) -> Mapping[TP, int]:
        self.asked += 1
        if not self.answers:
            raise TimeoutError
        return dict.fromkeys(partitions, self.first)

    async def highwaters(self, *partitions: TP) -> Mapping[TP, int]:
        return dict.fromkeys(partitions, self.last)

    async def seek(self, partition: TP, offset: int) -> None:
        raise AssertionError("nothing is read again here")


@pytest.fixture
def silence(monkeypatch: pytest.MonkeyPatch) -> TopicSilence:
    """Of one partition, which is silent at once, and has stalled as soon as something waits."""
    for name in ("SILENT_S", "STALLED_S", "FLOWED_S"):
        monkeypatch.setattr(kafka_silence, name, -1.0)
    silence = TopicSilence(TopicOrder())
    silence.begin_anew(frozenset({ONE}))
    return silence


def look(silence: TopicSilence, kafka: Answering, moved: object = 0, *, is_held_up: bool = False) -> None:
    asyncio.run(silence.look(kafka, moved, 0.0, is_held_up=is_held_up))


@pytest.mark.parametrize(
    ("kafka", "waiting"),
    [
        (Answering(done=None, last=7), 7),
        (Answering(done=5, last=7), 2),
        (Answering(done=5, first=6, last=7), 1),
        (Answering(done=7, last=7), 0),
        (Answering(done=3, first=7, last=7), 0),
        (Answering(), 0),
    ],
)
def test_what_waits_is_what_kafka_still_has_of_what_was_not_taken(
    silence: TopicSilence, kafka: Answering, waiting: int
) -> None:
    if waiting:
        with pytest.raises(ReadAgainError, match=f"^Kafka: {waiting} messages of t, partition 1, wait and none"):
            look(silence, kafka)
    else:
        look(silence, kafka)
    assert (kafka.asked, kafka.ends) == (1, {ONE: kafka.last})


def test_kafka_that_does_not_answer_proves_nothing(silence: TopicSilence) -> None:
    kafka = Answering(last=7)
    kafka.answers = False
    look(silence, kafka)
    assert (kafka.asked, kafka.ends) == (1, {})


def test_what_went_to_others_is_not_asked_about(silence: TopicSilence) -> None:
    kafka = Answering(last=7)
    silence.begin_anew()
    silence.came(ONE)
    look(silence, kafka)
    assert kafka.asked == 0


def test_while_something_else_is_under_way_nothing_stalls(
    silence: TopicSilence, monkeypatch: pytest.MonkeyPatch
) -> None:
    kafka = Answering(last=7)
    monkeypatch.setattr(kafka_silence, "STALLED_S", 0.0)
    for number in range(5):
        look(silence, kafka, number)
        look(silence, kafka, number, is_held_up=True)
    with pytest.raises(ReadAgainError):
        look(silence, kafka, 4)


@pytest.mark.services
async def test_a_partition_that_the_library_keeps_paused_is_told_of(
    kafka: Kafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_topics(kafka)
    produce(kafka, numbers(30))
    follower = Follower(kafka, tmp_path)
    running = asyncio.create_task(follower.topic.run())
    await until(lambda: len(follower.taken) == 30)
    follower.topic._app.consumer.pause_partitions([TP(Topic.TRACK.value, 1)])
    lose_patience(monkeypatch)
    # What the library fetched before it was told is given yet.
    await asyncio.sleep(2)
    before = sum(taken.partition == 1 for taken in follower.taken)
    produce(kafka, numbers(30, first=30))
    words = await until_told(follower, running)
    assert f"{20 - before} messages of chargeline.track, partition 1, wait and none comes" in words
    assert sum(taken.partition != 1 for taken in follower.taken) == 40


@pytest.mark.services
async def test_a_table_that_never_is_restored_is_told_of(
    kafka: Kafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_topics(kafka)
    produce(kafka, numbers(30))
    follower = Follower(kafka, tmp_path)
    lose_patience(monkeypatch)

    async def for_ever(*_: object) -> None:
        await asyncio.Event().wait()

    tables = follower.topic._app.tables
    assert isinstance(tables, TableManager)
    monkeypatch.setattr(tables.recovery, "on_recovery_completed", for_ever)
    running = asyncio.create_task(follower.topic.run())
    words = await until_told(follower, running)
    assert "10 messages of chargeline.track, partition " in words
    assert follower.taken == []
