"""Flow: nothing is paused before it has begun, and a partition that gives nothing though messages wait is told of."""

import time
from collections.abc import Iterable
from random import Random

import pytest
from confluent_kafka import TopicPartition

from pipeline.wires.kafka_flow import KafkaFlow
from pipeline.wires.kafka_silence import FLOWED_S, STALLED_S, Partition
from tests.pipeline.scale.bridging import make_topics
from tests.pipeline.wires.test_kafka_consumer import ALL, Member, fill, until
from tests.services.kafka import Kafka

ONE, TWO = ("topic", 1), ("topic", 2)


class Switches:
    """Notes what the library is asked to pause and to resume, and what the time is."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.paused: set[Partition] = set()

    def pause(self, places: Iterable[TopicPartition]) -> None:
        self.paused |= {(place.topic, place.partition) for place in places}

    def resume(self, places: Iterable[TopicPartition]) -> None:
        self.paused -= {(place.topic, place.partition) for place in places}


@pytest.fixture
def switches() -> Switches:
    return Switches()


@pytest.fixture
def flow(switches: Switches) -> KafkaFlow:
    flow = KafkaFlow(switches, lambda: switches.now)
    flow.begin({ONE: 3, TWO: 0})
    return flow


def test_a_partition_is_paused_once_a_message_of_it_came(flow: KafkaFlow, switches: Switches) -> None:
    flow.came(ONE, 7)
    flow.pause()
    assert (flow.is_paused, switches.paused) == (True, {ONE})
    flow.came(TWO, 3)
    assert switches.paused == {ONE, TWO}
    flow.resume()
    assert (flow.is_paused, switches.paused) == (False, set())


def test_one_that_went_and_came_again_has_not_begun(flow: KafkaFlow, switches: Switches) -> None:
    flow.came(ONE, 7)
    flow.end([ONE])
    flow.begin({ONE: 8})
    flow.pause()
    assert switches.paused == set()
    flow.came(("topic", 3), 1)
    assert flow.places.keys() == {ONE, TWO}


def test_one_that_gives_none_of_what_waited_before_is_told_of(flow: KafkaFlow, switches: Switches) -> None:
    flow.came(ONE, 7)
    switches.now += 10 * STALLED_S
    # Only now there is something.
    assert flow.judge(ONE, 0, 10) is None
    switches.now += STALLED_S
    assert flow.judge(ONE, 0, 10) is None
    switches.now += 1
    assert "2 messages of topic, partition 1, wait and none comes" in str(flow.judge(ONE, 0, 10))
    flow.came(ONE, 8)
    assert flow.judge(ONE, 0, 10) is None
    switches.now += STALLED_S + 1
    assert flow.judge(ONE, 0, 10) is not None
    flow.end([ONE])
    flow.begin({ONE: 9})
    assert flow.judge(ONE, 0, 10) is None


def test_one_that_was_done_with_before_waits_for_nothing(flow: KafkaFlow, switches: Switches) -> None:
    flow.begin({ONE: 90, TWO: None})
    for _ in range(3):
        switches.now += 10 * STALLED_S
        assert flow.judge(ONE, 0, 90) is None
        # Where nobody knows from where it is read, nobody knows what waits.
        assert flow.judge(TWO, 0, 5) is None


def test_while_it_is_paused_nothing_is_judged_and_afterwards_not_at_once(flow: KafkaFlow, switches: Switches) -> None:
    assert flow.judge(TWO, 0, 5) is None
    flow.pause()
    switches.now += 3_600
    assert flow.judge(TWO, 0, 5) is None
    flow.resume()
    switches.now += FLOWED_S
    assert flow.judge(TWO, 0, 5) is None
    switches.now += 1
    assert flow.judge(TWO, 0, 5) is not None


def test_who_is_paused_most_of_the_time_finds_it_all_the_same(flow: KafkaFlow, switches: Switches) -> None:
    found = None
    for second in range(2 * int(STALLED_S)):
        flow.resume()
        switches.now += 0.1
        found = found or flow.judge(TWO, 0, 5 + second)
        flow.pause()
        switches.now += 0.9
    assert found is not None


def test_one_that_goes_while_it_is_paused_is_resumed_for_the_library_remembers(
    flow: KafkaFlow, switches: Switches
) -> None:
    flow.came(ONE, 7)
    flow.pause()
    assert switches.paused == {ONE}
    flow.end([ONE, TWO])
    assert switches.paused == set()


@pytest.mark.services
@pytest.mark.parametrize("joins", [6, pytest.param(60, marks=pytest.mark.prove)])
def test_who_pauses_while_partitions_begin_misses_none_of_them(kafka: Kafka, joins: int) -> None:
    """The library forgets one of them at every tenth time or so, if it is paused before it begins."""
    make_topics(kafka)
    fill(kafka, 300)
    random = Random(1)
    for number in range(joins):
        join_and_pause(Member(kafka, 6_000, f"group {number}"), random)


def join_and_pause(member: Member, random: Random) -> None:
    """Pause and go on as it comes, for a second from the moment at which partitions come; then take all there is."""
    member.consumer.pause()
    until(lambda: bool(member.told), member)
    began = time.monotonic()
    while time.monotonic() - began < 1:
        (member.consumer.resume if random.random() < 0.5 else member.consumer.pause)()
        member.taken += member.consumer.take(1 if member.consumer.is_paused else 50, 0.002)
    member.consumer.resume()
    until(lambda: len(member.taken) == 300, member)
    member.consumer.close()


@pytest.mark.services
def test_a_library_that_forgets_a_partition_is_no_good_any_more(kafka: Kafka, monkeypatch: pytest.MonkeyPatch) -> None:
    make_topics(kafka)
    member = Member(kafka)
    until(lambda: set(member.consumer.ours) == ALL, member)
    member.consumer._consumer.pause([TopicPartition(*sorted(ALL)[1])])
    fill(kafka, 30)
    until(lambda: len(member.taken) == 20, member)
    for _ in range(20):
        member.consumer.spans()
    assert member.consumer.fatal is None
    monkeypatch.setattr("pipeline.wires.kafka_silence.SILENT_S", 1.0)
    monkeypatch.setattr("pipeline.wires.kafka_silence.STALLED_S", 2.0)
    monkeypatch.setattr("pipeline.wires.kafka_silence.FLOWED_S", 1.0)

    def is_told() -> bool:
        member.consumer.spans()
        return member.consumer.fatal is not None

    until(is_told, member)
    assert "partition 1, wait and none comes" in str(member.consumer.fatal)
    assert "10 messages" in str(member.consumer.fatal)
    member.consumer.close()


@pytest.mark.services
def test_a_partition_that_goes_while_paused_and_comes_again_is_read_on(kafka: Kafka) -> None:
    make_topics(kafka)
    fill(kafka, 30)
    first = Member(kafka)
    until(lambda: len(first.taken) == 30, first)
    first.consumer.pause()
    second = Member(kafka)
    until(lambda: bool(list(second.consumer.ours)), first, second)
    second.consumer.close()
    until(lambda: set(first.consumer.ours) == ALL, first)
    first.consumer.resume()
    fill(kafka, 30, first=30)
    late = [(partition, offset) for partition in ALL for offset in range(10, 20)]
    until(lambda: {(each.partition, each.offset) for each in first.taken} >= set(late), first)
    first.consumer.close()
