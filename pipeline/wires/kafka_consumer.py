"""A consumer: messages of some topics, shared out among all who are of one group.

Owns the client library's consumer and how it is set. Must not know what a message means, or when it is done with.

Nothing is committed but what is asked for, with words that whoever has the partition next is told. Partitions move one
by one (cooperative): what stays with a process is read on meanwhile. Who stops taking is out of the group after a
minute, so whoever can take nothing pauses, and goes on asking. Everything is of one thread: partitions come and go
during `take` and `close`. Only a commit waits in a thread of its own: the library lets it wait for as long as Kafka is
away, and whoever does not go on asking meanwhile keeps the whole group waiting.
"""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from time import monotonic
from typing import NamedTuple, Protocol

from confluent_kafka import Consumer, KafkaException, TopicPartition

from pipeline.wires.kafka_fault import (
    Complaints,
    KafkaUnavailableError,
    error_of,
    explain_kafka_fault,
    needs_operator,
    unavailable,
    without_values,
)
from pipeline.wires.kafka_flow import KafkaFlow
from pipeline.wires.kafka_silence import Partition

_SETTINGS: Mapping[str, str | int | float | bool] = {
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "auto.offset.reset": "earliest",
    "partition.assignment.strategy": "cooperative-sticky",
    # So long does Kafka wait for one who does not answer in a rebalance, too: seen after it was killed.
    "max.poll.interval.ms": 60_000,
    "heartbeat.interval.ms": 1_000,
    # What is fetched ahead is bounded: it is on top of what is taken.
    "queued.min.messages": 20_000,
    "queued.max.messages.kbytes": 32_768,
    "fetch.wait.max.ms": 100,
    "fetch.error.backoff.ms": 100,
    "check.crcs": True,
    "statistics.interval.ms": 0,
}
SESSION_MS = 10_000
"""A process that is not heard of for so long loses its partitions. A broker may not allow less than 6 s."""
_ANSWER_S = 5.0
_PROBE_S = 3.0
_ASKING_S = 10.0
"""For so long all that are asked about together are waited for."""


class Mark(NamedTuple):
    """How far a partition is done with: the offset of the first message that is not, and words for the next owner."""

    offset: int
    words: str


UNKNOWN = Mark(-1, "unknown")
"""What stands for a mark that could not be asked for."""


class Taken(NamedTuple):
    """One message."""

    partition: Partition
    offset: int
    content: bytes


class Assignments(Protocol):
    """Told which partitions are ours. Must raise nothing, and return within a minute."""

    def given(self, marks: Mapping[Partition, Mark | None]) -> None:
        """These are ours now, done with so far; None where nobody ever said how far, or UNKNOWN."""

    def taken_away(self, partitions: Sequence[Partition]) -> None:
        """These go to others when this returns: until then they are ours, and can be committed."""

    def lost(self, partitions: Sequence[Partition]) -> None:
        """These are not ours, and may have been others' for a while."""


class KafkaConsumer:
    """One member of a group, until `close`."""

    def __init__(
        self,
        options: Mapping[str, str],
        client_id: str,
        group: str,
        topics: Sequence[str],
        listener: Assignments,
        session_ms: int = SESSION_MS,
    ) -> None:
        """Joins the group by itself once it is asked for messages. `options` as `client_options` gives them.

        Raises KafkaUnavailableError for options that the library does not take.
        """
        self._complaints = Complaints()
        self._listener = listener
        self._stall: KafkaUnavailableError | None = None
        self._commits = ThreadPoolExecutor(max_workers=1, thread_name_prefix="commit")
        self._unanswered: Future[Sequence[TopicPartition]] | None = None
        self._is_telling = False
        chosen: dict[str, str | int | float | bool] = {"client.id": client_id, **options, **_SETTINGS}
        chosen |= {"group.id": group, "session.timeout.ms": session_ms}
        try:
            self._consumer = Consumer(chosen, error_cb=self._complaints.hear)
            self._flow = KafkaFlow(self._consumer)
            self._consumer.subscribe(
                list(topics), on_assign=self._given, on_revoke=self._taken_away, on_lost=self._lost
            )
        except KafkaException as fault:
            words = without_values(error_of(fault).str(), options.values())
            message = f"Kafka's client does not take its options: {words}; see CHARGELINE_KAFKA_CONFIG_FILE"
            raise KafkaUnavailableError(message, needs_operator=True) from None

    @property
    def ours(self) -> Iterable[Partition]:
        """Partitions that are ours now."""
        return self._flow.places.keys()

    @property
    def is_paused(self) -> bool:
        """Whether nothing is taken."""
        return self._flow.is_paused

    @property
    def trouble(self) -> KafkaUnavailableError | None:
        """What is wrong, if something is known; forgotten with `all_is_well`."""
        return self._complaints.trouble

    @property
    def fatal(self) -> KafkaUnavailableError | None:
        """Why this consumer can do nothing any more."""
        return self._complaints.fatal or self._stall

    def take(self, most: int, wait_s: float) -> list[Taken]:
        """Up to `most` messages, in order within each partition, after at most `wait_s` seconds.

        While paused, none but of partitions that are just beginning (KafkaFlow).

        Partitions come and go during this call, which may then take longer. Of those that went none is returned.
        """
        taken: list[Taken] = []
        try:
            messages = self._consumer.consume(most, wait_s)
        except KafkaException as fault:
            self._complaints.hear(error_of(fault))
            return taken
        ours = self._flow.places
        for message in messages:
            error = message.error()
            if error is not None:
                self._complaints.hear(error)
                continue
            topic, partition, offset = message.topic(), message.partition(), message.offset()
            if topic is None or partition is None or offset is None:
                continue
            # The library drops what came of a partition that went meanwhile, in a thread of its own: perhaps too late.
            if (topic, partition) in ours:
                taken.append(Taken((topic, partition), offset, message.value() or b""))
                self._flow.came((topic, partition), offset)
        return taken

    def pause(self) -> None:
        """Take nothing, and stay in the group; partitions that come are paused, too, behind their first message."""
        self._flow.pause()

    def resume(self) -> None:
        """Take again, from where it was left."""
        self._flow.resume()

    def commit(self, marks: Mapping[Partition, Mark]) -> None:
        """Make durable how far partitions are done with. Blocks for five seconds at most, but in `taken_away`.

        Raises KafkaUnavailableError: then nothing is known. What got no answer in time is waited for by the next one,
        so that none overtakes another.
        """
        wanted = [TopicPartition(*partition, mark.offset, mark.words) for partition, mark in marks.items()]
        if not wanted:
            return
        try:
            answers = self._commit(wanted) if self._is_telling else self._commit_soon(wanted)
        except KafkaException as fault:
            raise unavailable(fault, self._complaints) from fault
        for answer in answers:
            if answer.error is not None:
                words = f"{answer.topic}, partition {answer.partition}: {explain_kafka_fault(answer.error)}"
                raise KafkaUnavailableError(words, needs_operator=needs_operator(answer.error))

    def spans(self) -> Mapping[Partition, tuple[int, int]]:
        """The first offset of each partition, and the one that its next message will have.

        Partitions of which nobody knows are left out. Kafka is asked while paused, and about those that are silent;
        otherwise it told with the messages, and of the first offset perhaps not: then it is 0.
        """
        found: dict[Partition, tuple[int, int]] = {}
        asked = self.ours if self.is_paused else self._flow.to_ask()
        until = monotonic() + _ASKING_S
        for partition, place in self._flow.places.items():
            is_asked = partition in asked and monotonic() <= until
            try:
                answer = self._consumer.get_watermark_offsets(place, _PROBE_S, cached=not is_asked)
            except KafkaException as fault:
                self._complaints.hear(error_of(fault))
                return {}
            begin, end = answer
            if end >= 0:
                found[partition] = max(begin, 0), end
                if is_asked:
                    self._stall = self._stall or self._flow.judge(partition, max(begin, 0), end)
        return found

    def probe(self) -> KafkaUnavailableError | None:
        """Ask Kafka something; why it does not answer, None where it does. Blocks for a few seconds at most."""
        try:
            self._consumer.list_topics(timeout=_PROBE_S)
        except KafkaException as fault:
            return unavailable(fault, self._complaints)
        return None

    def all_is_well(self) -> None:
        """Kafka answers: what was wrong before is over."""
        self._complaints.clear()

    def close(self) -> None:
        """Leave the group: partitions that are ours are taken away first."""
        self._consumer.close()
        self._commits.shutdown(wait=False)
        with suppress(KafkaException, RuntimeError):
            self._flow.end(list(self.ours))

    def _commit_soon(self, places: list[TopicPartition]) -> Sequence[TopicPartition]:
        """In a thread of its own, and once nothing is under way there."""
        until = monotonic() + _ANSWER_S
        if self._unanswered is not None and not wait([self._unanswered], _ANSWER_S).done:
            raise self._silence()
        self._unanswered = self._commits.submit(self._commit, places)
        if not wait([self._unanswered], max(until - monotonic(), 0.0)).done:
            raise self._silence()
        committed, self._unanswered = self._unanswered, None
        return committed.result()

    def _commit(self, places: list[TopicPartition]) -> Sequence[TopicPartition]:
        return self._consumer.commit(offsets=places, asynchronous=False)

    def _silence(self) -> KafkaUnavailableError:
        known = self.trouble
        if known is not None:
            return known
        return KafkaUnavailableError("Kafka does not answer a commit; see that it runs")

    def _given(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        marks: dict[Partition, Mark | None] = {}
        try:
            committed = consumer.committed(places, _ANSWER_S) if places else []
        except KafkaException as fault:
            # The library asks again by itself before it reads; only what we are told of it is missing.
            self._complaints.hear(error_of(fault))
            committed = []
        for place in committed:
            if place.error is None:
                mark = Mark(place.offset, place.metadata or "") if place.offset >= 0 else None
                marks[place.topic, place.partition] = mark
        for place in places:
            marks.setdefault((place.topic, place.partition), UNKNOWN)
        self._listener.given(marks)
        consumer.incremental_assign(places)
        offsets = {each: 0 if mark is None else mark.offset for each, mark in marks.items() if mark != UNKNOWN}
        self._flow.begin({partition: offsets.get(partition) for partition in marks})

    def _taken_away(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        partitions = [(place.topic, place.partition) for place in places]
        # Meanwhile the library answers this thread alone. One that is under way already may overtake what is said here.
        self._is_telling = self._unanswered is None or self._unanswered.done()
        try:
            self._listener.taken_away(partitions)
        finally:
            self._is_telling = False
        self._let_go(consumer, places)

    def _lost(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        self._listener.lost([(place.topic, place.partition) for place in places])
        self._let_go(consumer, places)

    def _let_go(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        with suppress(KafkaException):
            self._flow.end([(place.topic, place.partition) for place in places])
        with suppress(KafkaException):
            consumer.incremental_unassign(places)
