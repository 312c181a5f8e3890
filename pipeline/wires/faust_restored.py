"""Whether Faust's table was restored as far as Kafka keeps it: seen after each rebalance, before a message is taken.

Owns what is asked for that. Must not know what the table holds.

Faust waits for Kafka's answers for a limited time while it restores a table, and goes on without them as if there were
nothing to restore: whoever goes on from an empty table forgets what was kept. It also lets messages through before the
table is restored, and before it knows what the group has committed. So no message is to be taken until `is_over`.

Of a recovery that was cut short, since partitions change hands again, it says that it is over, too.
"""

import asyncio
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Protocol

from faust.types import TP

from pipeline.wires.kafka_fault import ReadAgainError

_AGAIN_S = 1.0


class Restorable(Protocol):
    """What of a consumer is needed here."""

    async def highwaters(self, *partitions: TP) -> Mapping[TP, int]:
        """Where the next messages will be."""

    async def perform_seek(self) -> None:
        """Know what is committed, and go on from there."""


class Flag(Protocol):
    """What of an event is needed here."""

    def is_set(self) -> bool:
        """Whether it came."""


class Recovering(Protocol):
    """What of the library's recovery is needed here.

    `active_offsets`         which entry of the changelog was read last, of each partition, as it is at any moment.
    `signal_recovery_start`  set while another recovery is due.
    """

    @property
    def active_offsets(self) -> Mapping[TP, int | None]:
        """See above."""

    @property
    def signal_recovery_start(self) -> Flag:
        """See above."""

    def flush_buffers(self) -> None:
        """Put into the table what was read."""


class Restoration:
    """That of a table. For one event loop.

    `is_over`  whether all that was kept of the partitions that are ours is there.
    """

    def __init__(self, recovery: Recovering) -> None:
        """Nothing is restored."""
        self._recovery = recovery
        self._times = 0
        self.is_over = False

    def begin_anew(self) -> None:
        """Partitions change hands, or are given up for good."""
        self._times += 1
        self.is_over = False

    async def see(self, consumer: Restorable, changelogs: Collection[TP]) -> None:
        """The library says that these are restored. Waits for Kafka's answer, or until partitions change hands.

        Raises ReadAgainError for one that was not read to its end.
        """
        if self._recovery.signal_recovery_start.is_set():
            return
        times = self._times
        while times == self._times and not self.is_over:
            ends = await self._ends(consumer, changelogs) if changelogs else {}
            if ends is None:
                await asyncio.sleep(_AGAIN_S)
            elif times == self._times:
                self._compare(ends)
                self.is_over = True

    async def _ends(self, consumer: Restorable, changelogs: Collection[TP]) -> Mapping[TP, int] | None:
        # Whatever keeps Kafka from answering now, the next question may be answered.
        with suppress(Exception):
            ends = await consumer.highwaters(*changelogs)
            await consumer.perform_seek()
            return ends
        return None

    def _compare(self, ends: Mapping[TP, int]) -> None:
        # The library has read more than it has put into the table.
        self._recovery.flush_buffers()
        for tp, end in ends.items():
            last = self._recovery.active_offsets.get(tp)
            read = 0 if last is None else last + 1
            if read < end:
                words = f"{tp.topic}, partition {tp.partition}, was read up to {read} of {end}"
                raise ReadAgainError(f"Kafka: {words}; it is read again")
