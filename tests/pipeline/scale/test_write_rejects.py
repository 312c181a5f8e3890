"""Rejects on their way to their topic: confirmed or sent again, and no producer before there is one."""

import pytest

from pipeline.core.partition import Partitions
from pipeline.scale import write_rejects
from pipeline.scale.write_rejects import RejectSender
from pipeline.wires.kafka_fault import KafkaUnavailableError
from pipeline.wires.kafka_producer import KafkaProducer
from schemas.reject import Reject, RejectReason
from schemas.stream import Topic
from tests.pipeline.scale.bridging import PARTITIONS, make_topics, options
from tests.pipeline.scale.writing import rejects_in
from tests.services.kafka import Kafka

ROUNDS = 600


def refused(number: int) -> Reject:
    return Reject(RejectReason.STORE, f"t partition 0 offset {number}", {}, b"{}", None, "bad")


def deliver(sender: RejectSender, *rejects: Reject) -> None:
    batch = object()
    for _ in range(ROUNDS):
        if sender.deliver(batch, rejects, 0.1):
            return
    raise AssertionError("never confirmed")


@pytest.mark.services
def test_rejects_are_there_once_they_are_delivered(kafka: Kafka) -> None:
    make_topics(kafka)
    made = 0

    def begin() -> KafkaProducer:
        nonlocal made
        made += 1
        return KafkaProducer(options(kafka), "test")

    sender = RejectSender(begin, Partitions(PARTITIONS))
    assert sender.deliver(object(), (), 0.0)
    assert (made, sender.trouble) == (0, None)
    rejects = [refused(number) for number in range(20)]
    deliver(sender, *rejects)
    deliver(sender, refused(20))
    assert made == 1
    assert {each.key for each in rejects_in(kafka)} == {refused(number).key for number in range(21)}
    assert len(rejects_in(kafka)) == 21
    sender.close()


@pytest.mark.services
def test_a_producer_that_confirms_nothing_for_long_is_not_believed(
    kafka: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_topics(kafka)
    made: list[KafkaProducer] = []

    def begin() -> KafkaProducer:
        made.append(KafkaProducer(options(kafka), "test"))
        return made[-1]

    sender = RejectSender(begin, Partitions(PARTITIONS))
    deliver(sender, refused(0))
    monkeypatch.setattr(write_rejects, "_AWAY_S", 0.5)
    monkeypatch.setattr(write_rejects, "_ANEW_S", 1.0)
    kafka.pause()
    batch, told = object(), [sender.trouble]

    def wait_in_vain() -> None:
        while not sender.deliver(batch, [refused(1)], 0.1):
            told.append(sender.trouble)

    with pytest.raises(KafkaUnavailableError, match="Kafka confirms nothing of what was rejected") as caught:
        wait_in_vain()
    # It is told before it is sent anew, in the same words, and not at once.
    assert list(dict.fromkeys(map(str, told))) == ["None", str(caught.value)]
    kafka.settle()
    monkeypatch.setattr(write_rejects, "_ANEW_S", 60.0)
    deliver(sender, refused(1))
    assert len(made) == 2
    assert {each.key for each in rejects_in(kafka)} == {refused(number).key for number in range(2)}
    sender.close()


@pytest.mark.services
def test_what_was_not_confirmed_is_sent_again(kafka: Kafka) -> None:
    make_topics(kafka)
    kafka.delete_topics([Topic.REJECTS.value])
    sender = RejectSender(lambda: KafkaProducer(options(kafka), "test"), Partitions(PARTITIONS))
    with pytest.raises(KafkaUnavailableError, match="make the topics"):
        deliver(sender, refused(1))
    make_topics(kafka)
    deliver(sender, refused(1))
    assert [each.key for each in rejects_in(kafka)] == [refused(1).key]
    sender.close()


@pytest.mark.services
def test_a_batch_whose_partitions_went_does_not_stand_for_the_next_one(kafka: Kafka) -> None:
    make_topics(kafka)
    sender = RejectSender(lambda: KafkaProducer(options(kafka), "test"), Partitions(PARTITIONS))
    batch = object()
    assert not sender.deliver(batch, [refused(1), refused(2)], 0.0)
    assert sender.deliver(batch, (), 0.0)
    deliver(sender, refused(3))
    assert refused(3).key in {each.key for each in rejects_in(kafka)}
    sender.close()


def test_where_no_producer_can_be_made_it_is_tried_again_when_asked_again() -> None:
    tries = 0

    def begin() -> KafkaProducer:
        nonlocal tries
        tries += 1
        raise KafkaUnavailableError("away")

    sender = RejectSender(begin, Partitions(PARTITIONS))
    for _ in range(2):
        with pytest.raises(KafkaUnavailableError, match="away"):
            sender.deliver(object(), [refused(1)], 0.0)
    assert tries == 2
