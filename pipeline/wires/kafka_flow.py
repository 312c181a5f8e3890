"""Flow: which partitions of a consumer have begun to give messages, which are paused, and which give none.

Owns when a partition may be paused, and when its silence is a fault. Must not know groups, or what a message means.

The library loses the beginning of a partition that is paused before it has begun to be read (librdkafka issue 5591):
nobody is told, and no message of it comes any more. So one is paused only once a message of it came; until then one
message more may come at each look. It also keeps one paused that goes and comes again, so that is resumed as it goes.
Should one be silent in spite of all that while messages wait, the consumer is no good any more.

Messages are counted by their offsets: of a producer with transactions some offsets would be none.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from time import monotonic
from typing import Protocol

from confluent_kafka import TopicPartition

from pipeline.wires.kafka_fault import KafkaUnavailableError

Partition = tuple[str, int]
"""A topic's name, and the partition in it."""

SILENT_S = 15.0
"""Without a message for so long, Kafka is asked whether there is any; and again after as long."""
STALLED_S, FLOWED_S = 60.0, 5.0
"""So long messages may be known to wait while none of them comes, and so much of it must not be paused."""
_MOST_ASKED = 4


class Switches(Protocol):
    """What of the library's consumer is used here."""

    def pause(self, partitions: list[TopicPartition], /) -> None:
        """Fetch nothing of these."""

    def resume(self, partitions: list[TopicPartition], /) -> None:
        """Fetch again."""


class KafkaFlow:
    """That of one consumer."""

    def __init__(self, consumer: Switches, clock: Callable[[], float] = monotonic) -> None:
        """No partition is ours."""
        self._consumer = consumer
        self._clock = clock
        self._began_at: float | None = clock()
        self._flowed_s = 0.0
        self._places: dict[Partition, TopicPartition] = {}
        self._next: dict[Partition, int | None] = {}
        self._begun: set[Partition] = set()
        self._came_at: dict[Partition, float] = {}
        self._asked_at: dict[Partition, float] = {}
        self._paused: dict[Partition, TopicPartition] = {}
        self._doubted: dict[Partition, tuple[float, float]] = {}

    @property
    def places(self) -> Mapping[Partition, TopicPartition]:
        """Partitions that are ours now."""
        return self._places

    @property
    def is_paused(self) -> bool:
        """Whether nothing is to come."""
        return self._began_at is None

    def begin(self, offsets: Mapping[Partition, int | None]) -> None:
        """These are read from now on, each from an offset, or from where nobody knows."""
        now = self._clock()
        self._next.update(offsets)
        self._places.update((partition, TopicPartition(*partition)) for partition in offsets)
        self._came_at.update(dict.fromkeys(offsets, now))
        self._asked_at.update(dict.fromkeys(offsets, now))

    def end(self, partitions: Collection[Partition]) -> None:
        """These are not read any more, as soon as the library is told."""
        paused = [self._paused[partition] for partition in partitions if partition in self._paused]
        for partition in partitions:
            for known in (self._places, self._next, self._came_at, self._asked_at, self._paused, self._doubted):
                known.pop(partition, None)
            self._begun.discard(partition)
        if paused:
            self._consumer.resume(paused)

    def came(self, partition: Partition, offset: int) -> None:
        """A message came."""
        if partition in self._places:
            is_first = partition not in self._begun
            self._begun.add(partition)
            self._next[partition] = offset + 1
            self._came_at[partition] = self._clock()
            self._doubted.pop(partition, None)
            if is_first and self.is_paused:
                self._pause([partition])

    def pause(self) -> None:
        """Let nothing come, as soon as that can be."""
        if self._began_at is not None:
            self._flowed_s += self._clock() - self._began_at
            self._began_at = None
            self._pause(self._begun)

    def resume(self) -> None:
        """Let it come again, from where it was left."""
        if self._began_at is None:
            self._began_at = self._clock()
            paused, self._paused = self._paused, {}
            if paused:
                self._consumer.resume(list(paused.values()))

    def to_ask(self) -> Iterable[Partition]:
        """Partitions without a message for long: whether there are any is to be asked. A few of them at once."""
        now = self._clock()
        silent = [
            partition
            for partition, came_at in self._came_at.items()
            if now - max(came_at, self._asked_at[partition]) > SILENT_S
        ]
        asked = sorted(silent, key=self._asked_at.__getitem__)[:_MOST_ASKED]
        self._asked_at.update(dict.fromkeys(asked, now))
        return asked

    def judge(self, partition: Partition, begin: int, end: int) -> KafkaUnavailableError | None:
        """Kafka says that a partition has these; words where it said so before, and none of them has come since."""
        offset = self._next[partition]
        waiting = 0 if offset is None else end - max(offset, begin)
        if waiting <= 0 or self.is_paused:
            return None
        now, flowed_s = self._clock(), self._flowed()
        since, flowed_before_s = self._doubted.setdefault(partition, (now, flowed_s))
        if now - since <= STALLED_S or flowed_s - flowed_before_s <= FLOWED_S:
            return None
        topic, number = partition
        words = f"{waiting} messages of {topic}, partition {number}, wait and none comes: the group is joined anew"
        return KafkaUnavailableError(f"Kafka: {words}")

    def _pause(self, partitions: Iterable[Partition]) -> None:
        places = {partition: self._places[partition] for partition in partitions}
        if places:
            self._paused.update(places)
            self._consumer.pause(list(places.values()))

    def _flowed(self) -> float:
        """For how long it was not paused, seconds."""
        return self._flowed_s + (0.0 if self._began_at is None else self._clock() - self._began_at)
