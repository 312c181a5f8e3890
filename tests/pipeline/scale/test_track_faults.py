"""A tracker that fails at some record, at a real Kafka: that record is rejected, and no other is lost with it."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from pipeline.core.derivation import Derived
from pipeline.core.partition import Partitions
from pipeline.core.stream_messages import StreamMessage
from pipeline.core.stream_records import to_bundle, to_json
from pipeline.scale.confirmed_sender import ConfirmedSender
from pipeline.scale.track_partition import TrackMessage, TrackPartition
from pipeline.wires.kafka_fault import KafkaUnavailableError
from schemas.command import CommandResponse, CommandSent
from schemas.reject import RejectReason
from schemas.stream import Topic
from tests.pipeline.core.derivation_samples import answered, sent
from tests.pipeline.core.partition_samples import COUNT
from tests.pipeline.scale.bridging import make_topics
from tests.pipeline.scale.test_track import commands, states
from tests.pipeline.scale.tracker_life import Parts, living
from tests.pipeline.scale.tracking import Hours, derived_rows, known, rejects_in
from tests.pipeline.scale.writing import produce
from tests.pipeline.wires.following import committed
from tests.services.kafka import Kafka
from tests.waiting import until

POISON = "EH666"
PARTITION = Partitions(COUNT).of(POISON)
CULPRIT = sent("x", 0, POISON)


class PoisonedTake(TrackPartition):
    """Fails at one device's messages, when half of the work is done."""

    def take(self, message: TrackMessage) -> None:
        super().take(message)
        if POISON.encode() in message.value:
            raise ZeroDivisionError


class PoisonedAdvance(TrackPartition):
    """Fails at one device's messages, once it is about rows."""

    def advance(self) -> Derived:
        derived = super().advance()
        if any(POISON.encode() in message.value for message in self.messages):
            raise ZeroDivisionError
        return derived


class BreakingAfterReject(ConfirmedSender):
    """Ends when a reject is sent, and what came with it is not all taken yet."""

    async def send(self, messages: Sequence[StreamMessage]) -> None:
        await super().send(messages)
        if any(message.topic == Topic.REJECTS for message in messages):
            self.end(KafkaUnavailableError("killed"))


def bundle(*records: CommandSent | CommandResponse) -> StreamMessage:
    """Records that a bridge sent together."""
    return StreamMessage(Topic.TRACK.value, PARTITION, b"", to_bundle([to_json(record) for record in records]))


def neighbours(count: int) -> list[str]:
    """Chargers in the partition of the one that makes the program fail."""
    serials = (f"EH{number:03}" for number in range(600))
    return [serial for serial in serials if Partitions(COUNT).of(serial) == PARTITION][:count]


@pytest.mark.services
@pytest.mark.parametrize("partition", [PoisonedTake, PoisonedAdvance])
async def test_a_message_that_makes_the_program_fail_is_rejected_and_no_other(
    kafka: Kafka, tmp_path: Path, partition: type[TrackPartition]
) -> None:
    make_topics(kafka)
    poison = [message for each in ("a", "b") for message in Hours().records([sent(each, 0, POISON)])]
    produce(kafka, [*commands(40), *poison, *commands(40, at=10)])
    async with living(kafka, tmp_path, Parts(partition=partition)) as life:
        await until(lambda: life.is_done)
        assert not life.tracker.over.is_set()
    found = rejects_in(kafka)
    assert {each.reason for each in found} == {RejectReason.INTERNAL}
    assert sorted(each.body for each in found) == sorted(message.value for message in poison)
    assert {each.routing_key for each in found if each.routing_key.startswith(f"{Topic.TRACK.value}/")}
    assert states(kafka).keys() == {f"EH{number:03}" for number in range(40)}


@pytest.mark.services
@pytest.mark.parametrize("partition", [PoisonedTake, PoisonedAdvance])
@pytest.mark.parametrize("count", [2, 9])
async def test_a_record_that_makes_the_program_fail_costs_those_that_came_with_it_nothing(
    kafka: Kafka, tmp_path: Path, partition: type[TrackPartition], count: int
) -> None:
    make_topics(kafka)
    serials, bridge = neighbours(count), Hours()
    asked = [sent(f"r{serial}", 0, serial) for serial in serials]
    replies = [answered(1, serial=serial) for serial in serials]
    together = bundle(*replies[: count // 2], CULPRIT, *replies[count // 2 :])
    produce(kafka, [*bridge.records(asked), together, *bridge.until(90)])
    async with living(kafka, tmp_path, Parts(partition=partition)) as life:
        await until(lambda: life.is_done)
        assert not life.tracker.over.is_set()
    (refused,) = rejects_in(kafka)
    assert (refused.reason, refused.body) == (RejectReason.INTERNAL, bundle(CULPRIT).value)
    assert states(kafka) == dict.fromkeys(serials, "accepted")
    assert life.records == len(asked) + len(replies) + 1 + 3 * COUNT
    assert sum(committed(kafka).values()) == kafka.count(Topic.TRACK.value)


@pytest.mark.services
async def test_one_that_is_killed_while_it_looks_is_followed_by_one_that_looks_again(
    kafka: Kafka, tmp_path: Path
) -> None:
    make_topics(kafka)
    serials, bridge = neighbours(4), Hours()
    replies = [answered(1, serial=serial) for serial in serials]
    produce(kafka, [*bridge.records([sent(f"r{serial}", 0, serial) for serial in serials])])
    async with living(kafka, tmp_path) as life:
        await until(lambda: life.is_done)
    before, rows = committed(kafka)[PARTITION], known(derived_rows(kafka))
    produce(kafka, [bundle(*replies[:2], CULPRIT, *replies[2:]), *bridge.until(90)])
    async with living(kafka, tmp_path, Parts(BreakingAfterReject, PoisonedTake)) as life:
        await until(life.tracker.over.is_set)
    assert committed(kafka)[PARTITION] == before
    assert known(derived_rows(kafka)) != rows
    async with living(kafka, tmp_path, Parts(partition=PoisonedTake)) as life:
        await until(lambda: life.is_done)
    assert {(each.key, each.body) for each in rejects_in(kafka)} == {(rejects_in(kafka)[0].key, bundle(CULPRIT).value)}
    assert states(kafka) == dict.fromkeys(serials, "accepted")
