"""The order of a followed topic: every message of a partition once, none passed over, whatever the library does.

Owns which offset comes next in each partition. Must not know what a message is, or what is done with it.

While partitions change hands, Faust can go on with what it had fetched before, and then takes what it reads again for
known and drops it: messages would be passed over, and committed with those that follow. So what does not come next is
not taken: what was taken before is left out, and where something is missing the topic is read again from there. So it
is where nothing comes although something is there (`look`).
"""

import logging
import time
from collections.abc import Mapping
from typing import Protocol

from faust.types import TP

_LOG = logging.getLogger(__name__)
_AGAIN_S = 0.5
"""After it was asked to go back, the library may still bring what it had fetched."""


class Readable(Protocol):
    """What of a consumer is needed here."""

    def end(self, tp: TP) -> int | None:
        """Where the next message of a partition will be; None while that is not known."""

    def committed(self, tp: TP) -> int | None:
        """From where the group goes on in a partition; None where it has not begun."""

    async def earliest_offsets(self, *partitions: TP) -> Mapping[TP, int]:
        """The first messages that Kafka still has."""

    async def seek(self, partition: TP, offset: int) -> None:
        """Read on from here."""


class TopicOrder:
    """See above. For one event loop.

    `missed`  messages that Kafka's retention dropped before they were read.
    """

    def __init__(self) -> None:
        """No partition is followed."""
        self._next: dict[TP, int] = {}
        self._went_back_at: dict[TP, float] = {}
        self._seen: dict[TP, int] = {}
        self._firsts: Mapping[TP, int] = {}
        self._ours: frozenset[TP] = frozenset()
        self._times = 0
        self.missed = 0

    def begin_anew(self, ours: frozenset[TP] = frozenset()) -> None:
        """Partitions changed hands: each of ours goes on from what is committed."""
        self._ours = ours
        self._firsts = {}
        self._next.clear()
        self._went_back_at.clear()
        self._seen.clear()
        self._times += 1

    def expected(self, consumer: Readable, tp: TP) -> int | None:
        """Which offset comes next; None where the group has not begun: then it is the first that Kafka has."""
        expected = self._next.get(tp)
        return consumer.committed(tp) if expected is None else expected

    async def is_next(self, consumer: Readable, tp: TP, offset: int) -> bool:
        """Whether this message comes next. If not, it must not be taken, and what comes next is on its way."""
        expected, times = self.expected(consumer, tp), self._times
        if expected is None or (offset > expected and not self._has_just_gone_back(tp)):
            expected = await self._first_there(consumer, tp, expected)
        if times != self._times:
            # Partitions changed hands while Kafka was asked: this message is of before.
            return False
        self._next[tp] = expected + (offset == expected)
        if offset > expected and not self._has_just_gone_back(tp):
            self._went_back_at[tp] = time.monotonic()
            _LOG.debug("%s, partition %d is read again from %d", tp.topic, tp.partition, expected)
            await consumer.seek(tp, expected)
        return offset == expected

    async def look(self, consumer: Readable, tp: TP) -> None:
        """To be called now and then while nothing is being taken: nothing may have come since the last look."""
        end, expected, times = consumer.end(tp), self._next.get(tp), self._times
        if expected is None:
            expected = await self._first_there(consumer, tp, consumer.committed(tp))
        if end is None or end <= expected or times != self._times:
            return
        if self._seen.get(tp) == expected:
            _LOG.debug("%s, partition %d is read again from %d: nothing comes", tp.topic, tp.partition, expected)
            await consumer.seek(tp, expected)
        self._seen[tp] = expected

    def _has_just_gone_back(self, tp: TP) -> bool:
        return time.monotonic() - self._went_back_at.get(tp, -_AGAIN_S) < _AGAIN_S

    async def _first_there(self, consumer: Readable, tp: TP, expected: int | None) -> int:
        """What comes next of all that Kafka still has."""
        if expected is None:
            # Where nothing is committed that is asked of all of them: each question waits for a second.
            if tp not in self._firsts:
                self._firsts = await consumer.earliest_offsets(*(self._ours | {tp}))
            return self._firsts.get(tp, 0)
        first = (await consumer.earliest_offsets(tp)).get(tp, 0)
        if first > expected:
            self.missed += first - expected
            _LOG.error(
                "%s, partition %d: %d messages were gone from Kafka before they were read; raise "
                "CHARGELINE_KAFKA_RETENTION, or add trackers",
                tp.topic,
                tp.partition,
                first - expected,
            )
        return max(first, expected)
