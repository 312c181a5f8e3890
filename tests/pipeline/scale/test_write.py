"""The writer at a real Kafka with a scripted store: what is committed is written, and derived rows never go back."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from pipeline.core.partition import Partitions
from pipeline.core.rows import RowMaker
from pipeline.scale.write import WritePatience, Writer, WriterParts
from pipeline.scale.write_batch import TOPICS, MessageReader
from pipeline.scale.write_rejects import RejectSender
from pipeline.wires.kafka_consumer import Assignments, KafkaConsumer, Mark
from pipeline.wires.kafka_fault import KafkaUnavailableError
from pipeline.wires.kafka_producer import KafkaProducer
from pipeline.wires.kafka_silence import Partition
from schemas.reject import RejectReason
from schemas.stream import Topic
from tests.pipeline.scale.bridging import CATALOGUE, PARTITIONS, make_topics, messages, options
from tests.pipeline.scale.writing import (
    ScriptedStore,
    alert,
    away,
    derived,
    facts,
    observed,
    produce,
    rejects_in,
    unreadable,
)
from tests.services.kafka import Kafka

PATIENCE_S = 60.0
PATIENCE = WritePatience(pause_s=0.2, revoke_s=5.0, twin_s=3.0, fence_s=1.0)
SESSION_MS = 2_000
TEST_GROUP = "test.write"
ALL = {(topic, partition) for topic in TOPICS for partition in range(PARTITIONS)}


class Looking:
    """Looks at what the group has committed, without being a member."""

    def __init__(self, kafka: Kafka) -> None:
        self._kafka = kafka

    def marks(self) -> Mapping[Partition, Mark | None]:
        """By one who joins when all are gone."""
        found: dict[Partition, Mark | None] = {}

        class Listener:
            def given(self, marks: Mapping[Partition, Mark | None]) -> None:
                found.update(marks)

            def taken_away(self, partitions: Sequence[Partition]) -> None:
                """Nothing."""

            def lost(self, partitions: Sequence[Partition]) -> None:
                """Nothing."""

        consumer = KafkaConsumer(options(self._kafka), "look", TEST_GROUP, TOPICS, Listener(), SESSION_MS)
        consumer.pause()
        until(lambda: set(found) == ALL, lambda: consumer.take(1, 0.05))
        consumer.close()
        return found


class Bench:
    """A writer with a store of its own, in a thread of its own where it is asked for."""

    def __init__(self, kafka: Kafka, store: ScriptedStore, most: int, patience: WritePatience) -> None:
        def begin(listener: Assignments) -> KafkaConsumer:
            return KafkaConsumer(options(kafka), "test", TEST_GROUP, TOPICS, listener, SESSION_MS)

        sender = RejectSender(lambda: KafkaProducer(options(kafka), "test"), Partitions(PARTITIONS))
        self.store = store
        self.thread = ThreadPoolExecutor(max_workers=1)
        reader = MessageReader(RowMaker(CATALOGUE))
        self.writer = Writer(WriterParts(begin, reader, store, sender, self.thread, most, 0.05), patience)
        self.faults: list[Exception] = []
        self.reported = 0

    def round(self, *, may_try: bool = True, is_stopping: bool = False) -> None:
        self.writer.round(may_try=may_try, is_stopping=is_stopping)
        if self.writer.fault is not None:
            self.faults.append(self.writer.fault)
        self.reported += sum(written.report.delivered for written in self.writer.take_written())

    def until(self, holds: Callable[[], bool]) -> None:
        until(holds, self.round)

    def end(self) -> None:
        """Leave in order, with nothing at hand."""
        until(lambda: self.writer.is_idle, lambda: self.round(is_stopping=True))
        self.writer.leave()


def until(holds: Callable[[], bool], do: Callable[[], object] = lambda: time.sleep(0.02)) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        do()
        assert time.monotonic() < deadline, "in vain"


@contextmanager
def writing(
    kafka: Kafka, store: ScriptedStore | None = None, most: int = 100, patience: WritePatience = PATIENCE
) -> Iterator[Bench]:
    bench = Bench(kafka, ScriptedStore() if store is None else store, most, patience)
    bench.writer.join()
    try:
        yield bench
    finally:
        bench.store.gate.set()
        bench.writer.leave()
        bench.thread.shutdown()


@contextmanager
def beside(bench: Bench) -> Iterator[None]:
    """Its rounds go on in a thread meanwhile."""
    is_over = threading.Event()

    def work() -> None:
        while not is_over.is_set():
            bench.round()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


@pytest.mark.services
def test_what_is_in_the_topics_is_in_the_store_and_then_committed(kafka: Kafka) -> None:
    make_topics(kafka)
    rows = [alert(time_, 1.0, charger) for time_ in range(50) for charger in ("EH1", "-")]
    produce(kafka, [*facts(messages(300)), *derived(rows)])
    with writing(kafka) as bench:
        bench.until(lambda: bench.reported == 400)
        assert observed(bench.store.content) == 300
        assert max(map(len, bench.store.batches)) <= 100
        bench.end()
        content = bench.store.content
    assert sum(measurement == "alert" for measurement, *_ in content) == 100
    marks = Looking(kafka).marks()
    assert sum(mark.offset for mark in marks.values() if mark is not None) == 400
    assert {mark.words for (topic, _), mark in marks.items() if topic == Topic.DERIVED and mark} == {"settled"}


BEGINNING = 3 * PARTITIONS
"""So many may come though nothing is wanted: the first message of each partition."""


@pytest.mark.services
def test_nothing_is_committed_before_the_store_has_it_and_the_next_batch_is_read_meanwhile(kafka: Kafka) -> None:
    make_topics(kafka)
    produce(kafka, facts(messages(300)))
    with writing(kafka, most=50) as bench:
        bench.store.gate.clear()
        # One is being written, one is full; then partitions are paused, and nothing more is taken.
        bench.until(lambda: bench.writer.consumer is not None and bench.writer.consumer.is_paused)
        assert 100 <= bench.writer.in_flight <= 100 + BEGINNING
        assert bench.reported == 0
        assert not any(mark.offset for mark in bench.writer.progress.due().values())
        bench.store.gate.set()
        bench.until(lambda: bench.reported == 300)
        bench.end()
    sizes = [len(batch) for batch in bench.store.batches]
    assert sum(sizes) == 300
    assert max(sizes) <= 50 + BEGINNING


@pytest.mark.services
def test_trouble_of_the_store_longer_than_the_session_costs_neither_partitions_nor_rows(kafka: Kafka) -> None:
    make_topics(kafka)
    produce(kafka, facts(messages(300)))
    with writing(kafka, most=50) as bench:
        bench.store.faults += [away(), away(needs_operator=True)]
        bench.until(lambda: len(bench.faults) == 1)
        began = time.monotonic()
        while time.monotonic() - began < 1.5 * SESSION_MS / 1_000:
            bench.round(may_try=False)
        assert len(bench.faults) == 1
        assert 100 <= bench.writer.in_flight <= 100 + BEGINNING
        bench.until(lambda: bench.reported == 300)
        assert len(bench.faults) == 2
        assert bench.writer.rebalances == 1
        bench.end()
    assert observed(bench.store.content) == 300


@pytest.mark.services
def test_refused_and_unreadable_messages_are_rejects_and_their_neighbours_rows(kafka: Kafka) -> None:
    make_topics(kafka)
    produce(kafka, [*facts(messages(10)), unreadable(), *derived([alert(1, 1.0)])])
    with writing(kafka) as bench:
        bench.store.bad = {"alert"}
        bench.until(lambda: bench.reported == 12)
        bench.end()
    assert observed(bench.store.content) == 10
    found = {each.reason: each for each in rejects_in(kafka)}
    assert set(found) == {RejectReason.VERSION, RejectReason.STORE}
    assert found[RejectReason.VERSION].body == unreadable().value
    assert found[RejectReason.VERSION].routing_key.startswith("chargeline.observations partition 1 offset ")
    assert found[RejectReason.STORE].detail == "refused"


@pytest.mark.services
def test_what_is_refused_is_committed_only_once_it_is_among_the_rejects(kafka: Kafka) -> None:
    make_topics(kafka)
    kafka.delete_topics([Topic.REJECTS.value])
    produce(kafka, derived([alert(1, 1.0)]))
    with writing(kafka) as bench:
        bench.store.bad = {"alert"}
        bench.until(lambda: any(isinstance(fault, KafkaUnavailableError) for fault in bench.faults))
        assert bench.reported == 0
        make_topics(kafka)
        bench.until(lambda: bench.reported == 1)
        bench.end()
    assert len(rejects_in(kafka)) == 1
    # Written once: what is wanting was only the reject.
    assert len(bench.store.batches) == 1


@pytest.mark.services
def test_a_partition_is_given_up_when_the_write_under_way_is_done_and_committed(kafka: Kafka) -> None:
    make_topics(kafka)
    produce(kafka, derived(alert(time_, 1.0, f"EH{time_}") for time_ in range(60)))
    store = ScriptedStore()
    with writing(kafka, store) as first:
        store.gate.clear()
        first.until(lambda: first.writer.in_flight == 60)
        # From its beginning it is a member of the group: before, it could have some of the 60.
        with writing(kafka) as second:
            with beside(second):
                # It waits for the partitions that have a write under way.
                began = time.monotonic()
                threading.Timer(1.0, store.gate.set).start()
                first.until(lambda: second.writer.rebalances > 0 and first.writer.is_idle)
                assert time.monotonic() - began >= 1.0
            first.end()
            second.end()
    assert len(store.content) == 60
    assert not second.store.content


@pytest.mark.services
def test_what_a_writer_left_without_an_answer_is_said_again_by_its_heir(kafka: Kafka) -> None:
    make_topics(kafka)
    produce(kafka, derived([alert(1, 1.0), alert(2, 1.0)]))
    store = ScriptedStore()
    with writing(kafka, store) as former:
        former.store.faults.append(away(may_come_later=True))
        former.until(lambda: len(former.faults) == 1)
        former.writer.leave()
        with writing(kafka, store) as heir:
            heir.until(lambda: heir.reported == 2)
            produce(kafka, derived([alert(1, 0.0)]))
            heir.until(lambda: heir.reported == 3)
            store.arrive()
            assert {time_: fields["active"] for (_, _, _, time_), fields in store.content.items()} == {1: 1.0, 2: 1.0}
            heir.until(lambda: store.content["alert", "EH1", alert(1, 0.0).tags, 1]["active"] == 0.0)
            heir.until(lambda: heir.writer.is_idle)
            heir.end()
    marks = Looking(kafka).marks()
    assert {mark for (topic, _), mark in marks.items() if topic == Topic.DERIVED and mark and mark.offset} == {
        Mark(3, "settled")
    }


@pytest.mark.services
def test_an_unanswered_write_is_said_again_after_all_that_followed(kafka: Kafka) -> None:
    make_topics(kafka)
    produce(kafka, derived([alert(1, 1.0)]))
    with writing(kafka) as bench:
        bench.store.faults.append(away(may_come_later=True))
        bench.until(lambda: bench.reported == 1)
        produce(kafka, derived([alert(1, 0.0)]))
        bench.until(lambda: bench.reported == 2)
        bench.store.arrive()
        key = ("alert", "EH1", alert(1, 0.0).tags, 1)
        assert bench.store.content[key] == {"active": 1.0}
        bench.until(lambda: bench.store.content[key] == {"active": 0.0})
        bench.end()


@pytest.mark.services
def test_a_row_about_the_writer_needs_no_message(kafka: Kafka) -> None:
    make_topics(kafka)
    with writing(kafka) as bench:
        own = alert(7, 1.0, "-")
        bench.writer.say(own)
        bench.until(lambda: bench.store.batches == [[own]])
        bench.end()
