"""A sender for one event loop: what was sent, and the wait until Kafka has it.

Owns the wait, and who is told where it is long. Must not know what is sent, or why.
"""

import asyncio
import time
from collections.abc import Callable, Sequence

from pipeline.core.stream_messages import StreamMessage
from pipeline.wires.kafka_fault import KafkaUnavailableError
from pipeline.wires.kafka_producer import KafkaProducer, Parcel

_LOOK_S = 0.001

OnTrouble = Callable[[KafkaUnavailableError | None], None]
"""Told why Kafka takes nothing, and with None that it does again."""


class ConfirmedSender:
    """Its calls raise KafkaUnavailableError where Kafka will never have what was sent; this sender is over then."""

    def __init__(self, producer: KafkaProducer, away_s: float, on_trouble: OnTrouble) -> None:
        """Closes the producer with itself. Kafka counts as away where it confirms nothing for so many seconds."""
        self._producer = producer
        self._away_s = away_s
        self._on_trouble = on_trouble
        self._kept = Parcel()
        self._end: KafkaUnavailableError | None = None

    async def send(self, messages: Sequence[StreamMessage]) -> None:
        """Send these, and wait until Kafka has them."""
        if messages:
            self._refuse_if_over()
            parcel = Parcel()
            self._producer.send(messages, parcel)
            await self._wait(parcel)

    def keep(self, topic: str, partition: int, key: bytes, content: bytes | None) -> None:
        """Begin to send an entry of a compacted topic; None drops it."""
        self._refuse_if_over()
        self._producer.keep(topic, partition, key, content, self._kept)

    async def all_kept(self) -> None:
        """Wait until Kafka has every entry."""
        kept, self._kept = self._kept, Parcel()
        await self._wait(kept)

    def end(self, why: KafkaUnavailableError) -> None:
        """Whoever waits need not wait any longer."""
        self._end = self._end or why

    def close(self) -> None:
        """Drop what is on its way."""
        self.end(KafkaUnavailableError("this sender is closed"))
        self._producer.close()

    def _refuse_if_over(self) -> None:
        if self._end is not None:
            raise self._end

    async def _wait(self, parcel: Parcel) -> None:
        producer, began, is_away = self._producer, time.monotonic(), False
        producer.poll()
        while not parcel.is_confirmed:
            fault = parcel.failure or producer.fatal or self._end
            if fault is not None:
                raise fault
            if not is_away and time.monotonic() - began > self._away_s:
                is_away = True
                self._on_trouble(producer.trouble or KafkaUnavailableError("Kafka confirms nothing; see that it runs"))
            await asyncio.sleep(_LOOK_S)
            producer.poll()
        if is_away:
            producer.all_is_well()
            self._on_trouble(None)
