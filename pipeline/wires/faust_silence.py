"""Silence of a followed topic: Kafka is asked what partitions have that give nothing, and what has stalled is found.

Owns what is under way otherwise, for which messages may wait. Must not know what a message is.

Faust gives nothing of a partition while its table is restored, and sometimes it does not come out of that; or it is
paused and nobody resumes it. What Kafka told with the last message it gave says nothing then: only who asks knows.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Protocol

from faust.types import TP

from pipeline.wires.faust_order import Readable
from pipeline.wires.kafka_silence import SilentPartitions, stalled


class Askable(Readable, Protocol):
    """What of a consumer is needed here.

    `ends`  what Kafka answered last, of the partitions that were asked about.
    """

    ends: dict[TP, int]

    async def highwaters(self, *partitions: TP) -> Mapping[TP, int]:
        """Where the next messages will be."""


class Expects(Protocol):
    """Who knows which offset comes next."""

    def expected(self, consumer: Readable, tp: TP) -> int | None:
        """Which offset comes next; None where the group has not begun."""


class TopicSilence:
    """See above. For one event loop."""

    def __init__(self, order: Expects) -> None:
        """No partition is followed."""
        self._order = order
        self._silent = SilentPartitions()
        self._ours: frozenset[TP] = frozenset()
        self._moved: object = None

    def begin_anew(self, ours: frozenset[TP] = frozenset()) -> None:
        """Partitions changed hands."""
        self._silent.end(self._ours)
        self._silent.begin(ours)
        self._ours = ours

    def came(self, tp: TP) -> None:
        """A message came."""
        if tp in self._ours:
            self._silent.came(tp)

    async def look(self, consumer: Askable, moved: object, idle_s: float, *, is_held_up: bool) -> None:
        """Ask about those that are silent. To be called now and then.

        `moved` changes while the table is restored, and nothing comes for that time; neither does where whoever takes
        the messages is held up. `idle_s` is for how long whoever takes them had nothing to do, ever. Raises
        ReadAgainError for a partition that has stalled.
        """
        if is_held_up or moved != self._moved:
            self._moved = moved
            self._silent.excuse()
        asked = [TP(*partition) for partition in self._silent.to_ask()]
        if not asked:
            return
        ends: Mapping[TP, int] = {}
        firsts: Mapping[TP, int] = {}
        # What Kafka does not answer is asked again; the library waits for an answer for so long itself.
        with suppress(Exception):
            firsts = await consumer.earliest_offsets(*asked)
            ends = await consumer.highwaters(*asked)
        for tp in self._ours.intersection(ends):
            consumer.ends[tp] = ends[tp]
            expected = self._order.expected(consumer, tp)
            waiting = ends[tp] - max(expected or 0, firsts.get(tp, 0))
            if self._silent.has_stalled(tp, waiting, idle_s):
                raise stalled(tp, waiting)
