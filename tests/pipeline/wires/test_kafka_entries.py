"""Entries of a compacted topic at a real Kafka: what stands is what was sent last, and what was dropped is gone."""

from random import Random

import pytest

from pipeline.core.atomic_entries import AtomicEntries
from pipeline.wires.kafka_entries import EntrySender, read_entries
from pipeline.wires.kafka_fault import KafkaUnavailableError
from pipeline.wires.kafka_options import MOST_MESSAGE_BYTES, client_options
from schemas.stream import Topic
from tests.pipeline.scale.bridging import PARTITIONS, make_topics, options
from tests.services.kafka import Kafka
from tests.services.process import LOOPBACK

pytestmark = pytest.mark.services
STATE = Topic.STATE.value


def test_what_stands_is_what_was_sent_last(kafka: Kafka) -> None:
    make_topics(kafka)
    assert read_entries(options(kafka), STATE, PARTITIONS) == [{}, {}, {}]
    confirmed: list[int] = []
    sender = EntrySender(options(kafka), "test", STATE, confirmed.append)
    many = [(f"key {number}".encode(), str(number).encode()) for number in range(5_000)]
    sender.send(1, many)
    sender.send(2, [(b"a", b"1"), (b"b", b"2"), (b"a", b"3"), (b"b", None)])
    sender.wait()
    sender.close()
    assert confirmed == sorted(confirmed)
    assert confirmed[-1] == 5_004
    assert read_entries(options(kafka), STATE, PARTITIONS) == [{}, dict(many), {b"a": b"3"}]


def test_what_is_longer_than_any_message_may_be_is_kept_whole(kafka: Kafka) -> None:
    make_topics(kafka)
    long = Random(1).randbytes(2 * MOST_MESSAGE_BYTES + 1)
    entries, raw = AtomicEntries(), dict[str, bytes]()
    for content in (long, long[::-1]):
        sender = EntrySender(options(kafka), "test", STATE, lambda _: None)
        sender.send(0, ((key.encode(), part) for key, part in entries.round({"fact a": content}, raw)))
        sender.wait()
        sender.close()
        found, _, _ = read_entries(options(kafka), STATE, PARTITIONS)
        entries, raw = AtomicEntries(), {key.decode(): part for key, part in found.items()}
        assert entries.restore(raw) == {"fact a": content}
        assert not entries.damage


def test_an_entry_that_is_refused_is_told(kafka: Kafka) -> None:
    make_topics(kafka)
    sender = EntrySender(options(kafka), "test", STATE, lambda _: None)
    with pytest.raises(KafkaUnavailableError, match="Message size too large"):
        sender.send(0, [(b"a", bytes(MOST_MESSAGE_BYTES + 1))])
    sender.close()
    sender = EntrySender(options(kafka), "test", "nowhere", lambda _: None)
    sender.send(0, [(b"a", b"1")])
    with pytest.raises(KafkaUnavailableError, match="chargeline topics create"):
        sender.wait()
    sender.close()


def test_a_kafka_that_is_away_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.wires.kafka_entries._ANSWER_S", 1.0)
    with pytest.raises(KafkaUnavailableError, match="see that Kafka runs"):
        read_entries(client_options([(LOOPBACK, 1)]), STATE, 1)
    sender = EntrySender(client_options([(LOOPBACK, 1)]), "test", STATE, lambda _: None)
    sender.send(0, [(b"a", b"1")])
    with pytest.raises(KafkaUnavailableError, match="see that Kafka runs"):
        sender.wait()
    sender.close()
