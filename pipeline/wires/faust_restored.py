"""Whether Faust's table was restored as far as Kafka keeps it: seen once for each partition, before it is relied on.

Owns what is asked for that. Must not know what the table holds.

Faust waits for Kafka's answers for a limited time while it restores a table, and goes on without them as if there were
nothing to restore. Whoever goes on from an empty table forgets what was kept, and nobody is told.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Protocol

from faust.types import TP

from pipeline.wires.kafka_fault import KafkaUnavailableError

_ANSWER_S, _AGAIN_S = 10.0, 1.0


class Restorable(Protocol):
    """What of a consumer is needed here."""

    async def highwaters(self, *partitions: TP) -> Mapping[TP, int]:
        """Where the next messages will be."""


class RestoredPartitions:
    """Those of a table that may be relied on. For one event loop."""

    def __init__(self, restored: Mapping[TP, int | None]) -> None:
        """`restored` says which entry of the changelog was read last, of each partition, as it is at any moment."""
        self._restored = restored
        self._seen: set[TP] = set()
        self._times = 0

    def begin_anew(self) -> None:
        """Partitions changed hands: all are to be seen again."""
        self._seen.clear()
        self._times += 1

    async def is_whole(self, consumer: Restorable, tp: TP) -> bool:
        """Whether a partition of the changelog was read to its end; False where partitions change hands meanwhile.

        To be asked before anything new is kept in it. Waits for Kafka's answer. Raises KafkaUnavailableError where it
        was not.
        """
        times = self._times
        while times == self._times and tp not in self._seen:
            end = await self._end(consumer, tp)
            if end is None:
                await asyncio.sleep(_AGAIN_S)
            elif times == self._times:
                last = self._restored.get(tp)
                read = 0 if last is None else last + 1
                if read < end:
                    words = f"{tp.topic}, partition {tp.partition}: {read} of {end} entries were read"
                    raise KafkaUnavailableError(f"Kafka: {words}; they are read again")
                self._seen.add(tp)
        return times == self._times

    async def _end(self, consumer: Restorable, tp: TP) -> int | None:
        with suppress(Exception):
            async with asyncio.timeout(_ANSWER_S):
                return (await consumer.highwaters(tp))[tp]
        return None
