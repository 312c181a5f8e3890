"""The consumer at a real Kafka: partitions come and go with their marks, and nothing is committed but what is asked."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence

import pytest
from confluent_kafka import Consumer, Message, TopicPartition

from pipeline.core.stream_messages import StreamMessage
from pipeline.wires import kafka_consumer
from pipeline.wires.kafka_consumer import KafkaConsumer, Mark, Taken
from pipeline.wires.kafka_fault import KafkaUnavailableError
from pipeline.wires.kafka_options import client_options
from pipeline.wires.kafka_silence import Partition
from schemas.stream import Topic
from tests.pipeline.scale.bridging import PARTITIONS, make_topics, options
from tests.pipeline.scale.writing import produce
from tests.services.kafka import Kafka
from tests.services.process import LOOPBACK, free_ports

PATIENCE_S = 60.0
SESSION_MS = 2_000
HELD_STILL_S = 25.0
TOPIC = Topic.OBSERVATIONS.value
ALL = {(TOPIC, partition) for partition in range(PARTITIONS)}


class Member:
    """One member of a group, and what it was told."""

    def __init__(self, kafka: Kafka, session_ms: int = SESSION_MS, group: str = "test.group") -> None:
        self.told: list[tuple[str, object]] = []
        self.taken: list[Taken] = []
        self.before_it_goes: Callable[[], None] = lambda: None
        self.consumer = KafkaConsumer(options(kafka), "test", group, [TOPIC], self, session_ms)

    def given(self, marks: Mapping[Partition, Mark | None]) -> None:
        self.told.append(("given", dict(marks)))

    def taken_away(self, partitions: Sequence[Partition]) -> None:
        self.before_it_goes()
        self.told.append(("taken away", set(partitions)))

    def lost(self, partitions: Sequence[Partition]) -> None:
        self.told.append(("lost", set(partitions)))

    def take(self, most: int = 100) -> None:
        self.taken += self.consumer.take(most, 0.05)

    @property
    def marks(self) -> dict[Partition, Mark | None]:
        """Every mark that it was given, the latest of each partition."""
        found: dict[Partition, Mark | None] = {}
        for word, content in self.told:
            if word == "given" and isinstance(content, dict):
                found |= content
        return found


def until(holds: Callable[[], bool], *members: Member) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        for member in members:
            member.take()
        assert time.monotonic() < deadline, f"in vain: {[member.told for member in members]}"


def fill(kafka: Kafka, count: int, first: int = 0) -> None:
    numbers = range(first, first + count)
    produce(kafka, [StreamMessage(TOPIC, number % PARTITIONS, b"k", str(number).encode()) for number in numbers])


def reading(kafka: Kafka) -> Member:
    """One that has all three messages of fresh topics, and that no outage of a minute throws out."""
    make_topics(kafka)
    fill(kafka, 3)
    member = Member(kafka, 60_000)
    until(lambda: len(member.taken) == 3, member)
    return member


@pytest.mark.services
def test_messages_come_in_the_order_of_their_partition_from_the_first_on(kafka: Kafka) -> None:
    make_topics(kafka)
    fill(kafka, 300)
    member = Member(kafka)
    until(lambda: len(member.taken) == 300, member)
    for partition in range(PARTITIONS):
        mine = [each for each in member.taken if each.partition == (TOPIC, partition)]
        assert [each.offset for each in mine] == list(range(100))
        assert [int(each.content) for each in mine] == list(range(partition, 300, PARTITIONS))
    assert set(member.consumer.ours) == ALL
    assert member.marks == dict.fromkeys(ALL)
    assert {end for _, end in member.consumer.spans().values()} == {100}
    assert (member.consumer.trouble, member.consumer.fatal, member.consumer.probe()) == (None, None, None)
    member.consumer.close()
    assert member.told[-1] == ("taken away", ALL)


@pytest.mark.services
def test_what_was_committed_is_what_the_next_one_is_given_and_it_begins_there(kafka: Kafka) -> None:
    make_topics(kafka)
    fill(kafka, 30)
    first = Member(kafka)
    until(lambda: len(first.taken) == 30, first)
    first.consumer.commit({(TOPIC, 0): Mark(4, "some words"), (TOPIC, 1): Mark(10, "")})
    # In the last moment, too.
    first.before_it_goes = lambda: first.consumer.commit({(TOPIC, 2): Mark(9, "settled")})
    first.consumer.close()
    second = Member(kafka)
    until(lambda: len(second.taken) == 7, second)
    assert second.marks == {(TOPIC, 0): Mark(4, "some words"), (TOPIC, 1): Mark(10, ""), (TOPIC, 2): Mark(9, "settled")}
    assert sorted(each.offset for each in second.taken) == [4, 5, 6, 7, 8, 9, 9]
    second.consumer.close()


@pytest.mark.services
def test_partitions_move_one_by_one_and_what_stays_is_read_on(kafka: Kafka) -> None:
    make_topics(kafka)
    first = Member(kafka)
    until(lambda: set(first.consumer.ours) == ALL, first)
    second = Member(kafka)
    until(lambda: bool(list(second.consumer.ours)), first, second)
    moved = set(second.consumer.ours)
    assert [content for word, content in first.told if word == "taken away"] == [moved]
    assert set(first.consumer.ours) == ALL - moved
    fill(kafka, 30)
    until(lambda: len(first.taken) + len(second.taken) == 30, first, second)
    assert {each.partition for each in second.taken} == moved
    second.consumer.close()
    until(lambda: set(first.consumer.ours) == ALL, first)
    first.consumer.close()


@pytest.mark.services
def test_who_pauses_stays_in_the_group_and_goes_on_where_it_was(kafka: Kafka) -> None:
    make_topics(kafka)
    fill(kafka, 30)
    member = Member(kafka)
    # One of which nothing came yet would be paused behind its first message, and here many are taken at once.
    until(lambda: {each.partition for each in member.taken} == set(ALL), member)
    had = len(member.taken)
    member.consumer.pause()
    fill(kafka, 30, first=30)
    began = time.monotonic()
    while time.monotonic() - began < 2 * SESSION_MS / 1_000:
        member.take()
    assert len(member.taken) == had
    assert member.consumer.is_paused
    assert member.consumer.spans() == dict.fromkeys(ALL, (0, 20))
    assert [word for word, _ in member.told] == ["given"]
    member.consumer.resume()
    until(lambda: len(member.taken) == 60, member)
    assert len(set(member.taken)) == 60
    member.consumer.close()


@pytest.mark.services
def test_partitions_that_come_while_paused_are_paused_behind_their_first_message(kafka: Kafka) -> None:
    make_topics(kafka)
    fill(kafka, 30)
    member = Member(kafka)
    member.consumer.pause()
    deadline = time.monotonic() + PATIENCE_S
    while len(member.taken) < PARTITIONS and time.monotonic() < deadline:
        member.take(1)
    for _ in range(20):
        member.take(1)
    assert sorted((each.partition, each.offset) for each in member.taken) == [(each, 0) for each in sorted(ALL)]
    member.consumer.resume()
    until(lambda: len(member.taken) == 30, member)
    member.consumer.close()


@pytest.mark.services
def test_a_kafka_that_is_away_is_told_of_and_waited_for(kafka: Kafka) -> None:
    member = reading(kafka)
    kafka.kill()
    until(lambda: "see that Kafka runs" in str(member.consumer.trouble), member)
    assert member.consumer.probe() is not None
    kafka.start()
    fill(kafka, 3, first=3)
    until(lambda: len(member.taken) == 6, member)
    member.consumer.all_is_well()
    assert member.consumer.trouble is None
    member.consumer.close()


@pytest.mark.services
def test_a_commit_does_not_wait_for_a_kafka_that_does_not_answer(kafka: Kafka) -> None:
    member = reading(kafka)
    again = threading.Event()
    kafka.pause()

    def go_on() -> None:
        again.set()
        kafka.resume()

    timer = threading.Timer(HELD_STILL_S, go_on)
    timer.start()
    for offset in (1, 2):
        with pytest.raises(KafkaUnavailableError):
            member.consumer.commit({(TOPIC, 0): Mark(offset, "first")})
    assert not again.is_set()
    timer.join()
    until(lambda: is_committed(member, Mark(3, "last")), member)
    member.consumer.close()
    heir = Member(kafka)
    until(lambda: len(heir.marks) == PARTITIONS, heir)
    assert heir.marks[TOPIC, 0] == Mark(3, "last")
    heir.consumer.close()


def is_committed(member: Member, mark: Mark) -> bool:
    try:
        member.consumer.commit({(TOPIC, 0): mark})
    except KafkaUnavailableError:
        return False
    return True


@pytest.mark.services
def test_a_topic_that_is_missing_is_said_with_the_next_step(kafka: Kafka) -> None:
    member = Member(kafka)
    until(lambda: "make the topics" in str(member.consumer.trouble), member)
    trouble = member.consumer.trouble
    assert trouble is not None
    assert trouble.needs_operator
    member.consumer.close()


def test_options_of_no_use_are_refused_without_their_values() -> None:
    (port,) = free_ports(1)
    wrong = {**client_options([(LOOPBACK, port)]), "security.protocol": "secret-value"}
    with pytest.raises(KafkaUnavailableError, match="does not take its options") as caught:
        KafkaConsumer(wrong, "test", "test.group", [TOPIC], Member.__new__(Member))
    assert "secret-value" not in str(caught.value)
    assert caught.value.needs_operator


def test_what_came_of_a_partition_that_went_meanwhile_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    class Returning(Consumer):
        """It loses a partition in the call that returns what came of it: that is a matter of moments."""

        def consume(self, num_messages: int = 1, timeout: float = -1) -> list[Message]:
            member.consumer._lost(self, [TopicPartition(TOPIC, 1)])
            return [Message(TOPIC, partition, 7, b"k", b"content") for partition in range(PARTITIONS)]

    monkeypatch.setattr(kafka_consumer, "Consumer", Returning)
    (port,) = free_ports(1)
    member = Member.__new__(Member)
    member.told = []
    member.consumer = KafkaConsumer(client_options([(LOOPBACK, port)]), "test", "test.group", [TOPIC], member)
    member.consumer._flow.begin(dict.fromkeys(ALL))
    taken = member.consumer.take(100, 0.0)
    assert taken == [Taken((TOPIC, partition), 7, b"content") for partition in (0, 2)]
    assert member.told == [("lost", {(TOPIC, 1)})]
