"""Silence: which partitions have given no message for long, and when that is a fault although messages wait.

Owns when Kafka is asked about a partition, and for how long its messages may wait. Must not know a client of Kafka.
"""

from collections.abc import Callable, Iterable
from time import monotonic

from pipeline.wires.kafka_fault import ReadAgainError

Partition = tuple[str, int]
"""A topic's name, and the partition in it."""

SILENT_S = 15.0
"""Without a message for so long, Kafka is asked whether there is any; and again after as long."""
STALLED_S, FLOWED_S = 60.0, 5.0
"""So long messages may be known to wait while none of them comes, though for so much of it they could."""
_MOST_ASKED = 4


class SilentPartitions:
    """Those of one consumer."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        """No partition is ours. `clock` counts seconds."""
        self._clock = clock
        self._came_at: dict[Partition, float] = {}
        self._asked_at: dict[Partition, float] = {}
        self._doubted: dict[Partition, tuple[float, float]] = {}

    def begin(self, partitions: Iterable[Partition]) -> None:
        """These are read from now on."""
        begun = dict.fromkeys(partitions, self._clock())
        self._came_at.update(begun)
        self._asked_at.update(begun)

    def end(self, partitions: Iterable[Partition]) -> None:
        """These are not read any more."""
        for partition in partitions:
            for known in (self._came_at, self._asked_at, self._doubted):
                known.pop(partition, None)

    def came(self, partition: Partition) -> None:
        """A message came."""
        self._came_at[partition] = self._clock()
        self._doubted.pop(partition, None)

    def excuse(self) -> None:
        """Something else is under way: whatever waits, waits for that."""
        self._doubted.clear()

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

    def has_stalled(self, partition: Partition, waiting: int, flowed_s: float) -> bool:
        """Kafka says that so many messages of it wait; whether some did so long before, and none has come since.

        `flowed_s` is for how long they could come, ever, by a clock that stands still while they cannot.
        """
        if waiting <= 0:
            self._doubted.pop(partition, None)
            return False
        now = self._clock()
        since, flowed_before_s = self._doubted.setdefault(partition, (now, flowed_s))
        return now - since > STALLED_S and flowed_s - flowed_before_s > FLOWED_S


def stalled(partition: Partition, waiting: int) -> ReadAgainError:
    """So many messages of a partition wait, and none comes."""
    topic, number = partition
    words = f"{waiting} messages of {topic}, partition {number}, wait and none comes: the group is joined anew"
    return ReadAgainError(f"Kafka: {words}")
