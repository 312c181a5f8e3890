"""Producers whose Kafka answers and yet takes nothing, or takes it late: so do a slow disk, or too few copies.

Own when a message goes to the real producer behind them. Must not know who waits for it.
"""

from collections import deque
from collections.abc import Mapping
from time import monotonic

from pipeline.wires.kafka_fault import KafkaUnavailableError
from pipeline.wires.kafka_producer import KafkaProducer, Parcel


class Holding(KafkaProducer):
    """Kafka answers it, and has nothing of what it is given before `let_go`: so does a topic with too few copies."""

    def __init__(self, given: Mapping[str, str], client_id: str) -> None:
        super().__init__(given, client_id)
        self._held: list[tuple[str, int, bytes, bytes | None, Parcel]] | None = []

    def keep(self, topic: str, partition: int, key: bytes, value: bytes | None, parcel: Parcel) -> None:
        if self._held is None:
            super().keep(topic, partition, key, value, parcel)
        else:
            self._held.append((topic, partition, key, value, parcel))
            parcel.pending += 1

    def let_go(self) -> None:
        held, self._held = self._held or [], None
        for each in held:
            each[-1].pending -= 1
            self.keep(*each)


class Refusing(KafkaProducer):
    """It takes nothing while it `refuses`."""

    refuses = False

    def keep(self, topic: str, partition: int, key: bytes, value: bytes | None, parcel: Parcel) -> None:
        if self.refuses:
            raise KafkaUnavailableError("refused")
        super().keep(topic, partition, key, value, parcel)


class Late(KafkaProducer):
    """Kafka takes what it is given, and each time `late_s` later: as where its disk is slow."""

    late_s = 0.6

    def __init__(self, given: Mapping[str, str], client_id: str) -> None:
        super().__init__(given, client_id)
        self._waiting: deque[tuple[float, tuple[str, int, bytes, bytes | None, Parcel]]] = deque()

    def keep(self, topic: str, partition: int, key: bytes, value: bytes | None, parcel: Parcel) -> None:
        self._waiting.append((monotonic() + self.late_s, (topic, partition, key, value, parcel)))
        parcel.pending += 1

    def poll(self, wait_s: float = 0.0) -> int:
        while self._waiting and self._waiting[0][0] <= monotonic():
            _, each = self._waiting.popleft()
            super().keep(*each)
            each[-1].pending -= 1
        return super().poll(wait_s)
