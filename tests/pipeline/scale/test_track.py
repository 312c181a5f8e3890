"""The tracker at a real Kafka: what is committed is durable, whatever ends a life, and what fails harms nobody else."""

import asyncio
import functools
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from random import Random

import pytest

from pipeline.core.atomic_entries import AtomicEntries
from pipeline.core.stream_messages import StreamMessage
from pipeline.scale.confirmed_sender import ConfirmedSender
from pipeline.scale.round_plan import TrackPatience
from pipeline.wires.faust_table import key_in
from pipeline.wires.kafka_fault import KafkaUnavailableError
from pipeline.wires.kafka_producer import KafkaProducer, Parcel
from schemas.measurement import COMMAND, COMMAND_OUTCOME
from schemas.reject import RejectReason
from schemas.stream import Topic
from tests.pipeline.core.derivation_samples import answered, sent
from tests.pipeline.core.partition_samples import COUNT
from tests.pipeline.scale.bridging import make_topics, options
from tests.pipeline.scale.tracker_life import Life, Parts, living
from tests.pipeline.scale.tracking import Feed, Hours, derived_rows, difference, known, rejects_in
from tests.pipeline.scale.writing import produce
from tests.pipeline.wires.following import committed
from tests.services.kafka import Kafka
from tests.waiting import until, until_asked


class BreakingSender(ConfirmedSender):
    """Ends as a process that is killed does: before some entry, which may be any of a round, the mark included."""

    random = Random(7)

    def keep(self, topic: str, partition: int, key: bytes, content: bytes | None) -> None:
        if self.random.random() < 0.002:
            self.end(KafkaUnavailableError("killed"))
        super().keep(topic, partition, key, content)


class BreakingAfterRows(ConfirmedSender):
    """Ends when the rows of a round are sent, and nothing of it is kept yet."""

    rounds = 0

    async def send(self, messages: Sequence[StreamMessage]) -> None:
        await super().send(messages)
        BreakingAfterRows.rounds += bool(messages)
        if BreakingAfterRows.rounds % 7 == 6:
            BreakingAfterRows.rounds += 1
            self.end(KafkaUnavailableError("killed"))


class BreakingAfterTimeOuts(ConfirmedSender):
    """Ends when it was said of a command that it timed out, and nothing of that is kept yet."""

    async def send(self, messages: Sequence[StreamMessage]) -> None:
        await super().send(messages)
        if any(b"timed_out" in message.value and b"command_outcome" in message.value for message in messages):
            self.end(KafkaUnavailableError("killed"))


def commands(count: int, at: float = 0) -> list[StreamMessage]:
    """As many commands, each of a charger of its own."""
    return Hours().records([sent(f"r{number}", at, f"EH{number:03}") for number in range(count)])


def states(kafka: Kafka) -> dict[str, str]:
    """Each charger's command as it is known last."""
    rows = known(derived_rows(kafka))
    return {key[1]: str(fields["state"]) for key, fields in rows.items() if key[0] == COMMAND}


async def holds_rows(kafka: Kafka) -> bool:
    """Whether any row was sent, asked without holding the loop up."""
    return await asyncio.to_thread(kafka.count, Topic.DERIVED.value) > 0


def is_over(life: Life) -> bool:
    """Whether it ended by itself, or has nothing left to do."""
    return life.tracker.over.is_set() or life.is_done


@pytest.mark.services
@pytest.mark.parametrize("sender", [BreakingSender, BreakingAfterRows])
async def test_lives_that_end_anywhere_in_a_round_say_together_what_one_derivation_says(
    kafka: Kafka, tmp_path: Path, sender: type[ConfirmedSender]
) -> None:
    make_topics(kafka)
    feed = Feed()
    for batch in feed.batches():
        produce(kafka, batch)
    lives = 0
    is_done = False
    while not is_done:
        lives += 1
        # In the end one comes through.
        parts = Parts(sender=sender if lives < 8 else ConfirmedSender)
        async with living(kafka, tmp_path, parts) as life:
            before = committed(kafka)
            await until(functools.partial(is_over, life))
            is_done = life.is_done
        for partition, offset in committed(kafka).items():
            assert offset >= before[partition]
    assert lives > 2
    assert difference(kafka, feed.rows()) == {}


@pytest.mark.services
async def test_nothing_is_committed_that_is_not_kept(kafka: Kafka, tmp_path: Path) -> None:
    class Never(ConfirmedSender):
        """Rows are sent, and nothing is ever kept."""

        async def all_kept(self) -> None:
            await until(lambda: False)

    make_topics(kafka)
    produce(kafka, commands(30))
    async with living(kafka, tmp_path, Parts(sender=Never)) as life:
        await until_asked(lambda: holds_rows(kafka))
        assert life.tracker.in_flight > 0
    assert set(committed(kafka).values()) == {-1001}
    async with living(kafka, tmp_path) as life:
        await until(lambda: life.is_done)
    assert len(states(kafka)) == 30
    assert sum(committed(kafka).values()) == kafka.count(Topic.TRACK.value)


@pytest.mark.services
async def test_what_cannot_be_read_is_rejected_with_its_place(kafka: Kafka, tmp_path: Path) -> None:
    make_topics(kafka)
    odd = [StreamMessage(Topic.TRACK.value, 1, b"x", value) for value in (b"", b"{", b'{"v":99,"kind":"tick"}')]
    produce(kafka, [*odd, *commands(10)])
    async with living(kafka, tmp_path) as life:
        await until(lambda: life.is_done)
    found = rejects_in(kafka)
    assert {each.routing_key for each in found} == {f"{Topic.TRACK.value}/1/{offset}" for offset in range(3)}
    assert RejectReason.VERSION in {each.reason for each in found}
    assert len(states(kafka)) == 10


@pytest.mark.services
async def test_state_of_a_newer_version_is_held_with_words_and_nothing_is_lost(kafka: Kafka, tmp_path: Path) -> None:
    make_topics(kafka)
    entries = AtomicEntries().round({"dream 1": b"{}"}, {})
    produce_state(kafka, 1, entries)
    produce(kafka, commands(40))
    async with living(kafka, tmp_path) as life:
        await until(life.tracker.over.is_set)
        fault = life.tracker.fault
        assert fault is not None
        assert fault.needs_operator
        assert "chargeline.state, partition 1," in str(fault)
        assert "unknown kind is kept: dream" in str(fault)
    assert committed(kafka)[1] == -1001
    assert rejects_in(kafka) == []
    produce_state(kafka, 1, [("dream 1", None), ("mark", None)])
    async with living(kafka, tmp_path) as life:
        await until(lambda: life.is_done)
    assert len(states(kafka)) == 40


@pytest.mark.services
async def test_one_that_was_held_still_ends_its_life(kafka: Kafka, tmp_path: Path) -> None:
    make_topics(kafka)
    produce(kafka, commands(10))
    async with living(kafka, tmp_path, Parts(patience=TrackPatience(session_s=2.0))) as life:
        await until(lambda: life.is_done)
        hold_still(1.5)
        await until(life.tracker.over.is_set)
        assert "held still" in str(life.tracker.fault)


@pytest.mark.services
async def test_waiting_long_for_kafka_is_no_standstill_of_ours(kafka: Kafka, tmp_path: Path) -> None:
    class Slow(ConfirmedSender):
        """Kafka takes longer than a process may be held still."""

        async def send(self, messages: Sequence[StreamMessage]) -> None:
            await super().send(messages)
            await asyncio.sleep(1.5)

    make_topics(kafka)
    produce(kafka, commands(10))
    async with living(kafka, tmp_path, Parts(sender=Slow, patience=TrackPatience(session_s=2.0))) as life:
        await until(lambda: life.is_done)
        assert life.tracker.fault is None


@pytest.mark.services
async def test_time_outs_come_by_ticks_alone_and_an_answer_in_time_prevents_them(kafka: Kafka, tmp_path: Path) -> None:
    make_topics(kafka)
    bridge = Hours()
    asked = [sent(f"r{number}", 0, f"EH{number:03}") for number in range(30)]
    replies = [answered(1, serial=f"EH{number:03}") for number in range(0, 30, 3)]
    async with living(kafka, tmp_path) as life:
        # Whatever blocks the loop would hold the tracker still.
        await asyncio.to_thread(produce, kafka, [*bridge.records(asked), *bridge.until(40)])
        await until(lambda: life.records >= 30 and life.is_done)
        assert set((await asyncio.to_thread(states, kafka)).values()) == {"published"}
        # They answered in time; it came late.
        await asyncio.to_thread(produce, kafka, [*bridge.records(replies), *bridge.until(90)])
        await until(lambda: life.records >= 40 + 6 * COUNT and life.is_done)
    found = states(kafka)
    assert {serial for serial, state in found.items() if state == "accepted"} == {reply.serial for reply in replies}
    assert sorted(found.values()) == ["accepted"] * 10 + ["timed_out"] * 20


@pytest.mark.services
async def test_a_time_out_said_too_early_is_taken_back_by_the_next_life(kafka: Kafka, tmp_path: Path) -> None:
    make_topics(kafka)
    bridge = Hours()
    asked = [sent(f"r{number}", 0, f"EH{number:03}") for number in range(9)]
    produce(kafka, [*bridge.records(asked), *bridge.until(90)])
    async with living(kafka, tmp_path, Parts(sender=BreakingAfterTimeOuts)) as life:
        await until(life.tracker.over.is_set)
    assert "timed_out" in {outcome for _, outcome in decisions(kafka)}
    produce(kafka, bridge.records([answered(1, serial=each.serial) for each in asked]))
    # All that the life before has taken, and the answers, in one round.
    async with living(kafka, tmp_path, Parts(patience=TrackPatience(round_s=2.0, session_s=4.0))) as life:
        await until(lambda: life.is_done)
    assert decisions(kafka) == {(each.serial, "accepted") for each in asked}


def decisions(kafka: Kafka) -> set[tuple[str, str]]:
    """Of each charger's command, what was decided and not taken back."""
    return {(key[1], dict(key[2])["outcome"]) for key in known(derived_rows(kafka)) if key[0] == COMMAND_OUTCOME}


def produce_state(kafka: Kafka, partition: int, entries: Iterable[tuple[str, bytes | None]]) -> None:
    """Put entries where the tracker keeps its own."""
    producer, parcel = KafkaProducer(options(kafka), "test"), Parcel()
    for key, content in entries:
        producer.keep(Topic.STATE.value, partition, key_in(partition, key), content, parcel)
    while not parcel.is_confirmed:
        producer.poll(0.1)
    producer.close()


def hold_still(seconds: float) -> None:
    """What a signal would do to the loop."""
    time.sleep(seconds)
