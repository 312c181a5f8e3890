"""Flow: which partitions of a consumer have begun to give messages, which are paused, and which give none.

Owns when a partition may be paused, and how long messages could come. Must not know groups, or what a message means.

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
from pipeline.wires.kafka_silence import Partition, SilentPartitions, stalled


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
        self._silent = SilentPartitions(clock)
        self._paused: dict[Partition, TopicPartition] = {}

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
        self._next.update(offsets)
        self._places.update((partition, TopicPartition(*partition)) for partition in offsets)
        self._silent.begin(offsets)

    def end(self, partitions: Collection[Partition]) -> None:
        """These are not read any more, as soon as the library is told."""
        paused = [self._paused[partition] for partition in partitions if partition in self._paused]
        for partition in partitions:
            for known in (self._places, self._next, self._paused):
                known.pop(partition, None)
            self._begun.discard(partition)
        self._silent.end(partitions)
        if paused:
            self._consumer.resume(paused)

    def came(self, partition: Partition, offset: int) -> None:
        """A message came."""
        if partition in self._places:
            is_first = partition not in self._begun
            self._begun.add(partition)
            self._next[partition] = offset + 1
            self._silent.came(partition)
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
        """Those of which Kafka is to be asked now whether messages wait, and the answer to be judged."""
        return self._silent.to_ask()

    def judge(self, partition: Partition, begin: int, end: int) -> KafkaUnavailableError | None:
        """Kafka says that a partition has these; words where it said so before, and none of them has come since."""
        offset = self._next[partition]
        waiting = 0 if offset is None else end - max(offset, begin)
        if self.is_paused or not self._silent.has_stalled(partition, waiting, self._flowed()):
            return None
        return stalled(partition, waiting)

    def _pause(self, partitions: Iterable[Partition]) -> None:
        places = {partition: self._places[partition] for partition in partitions}
        if places:
            self._paused.update(places)
            self._consumer.pause(list(places.values()))

    def _flowed(self) -> float:
        """For how long it was not paused, seconds."""
        return self._flowed_s + (0.0 if self._began_at is None else self._clock() - self._began_at)
