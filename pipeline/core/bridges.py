"""All bridges of a queue: from the ticks of each to the watermark of all.

Owns who counts as live, as lost and as gone, and how far all of them together have come. Pure, and a function of the
ticks in their order: time is what the ticks say. Must not know Kafka, or what waits for the watermark. There is one for
each partition of `track`, and every partition gets every tick.

The watermark of all is the least of theirs: of what came to each, everything before it is in Kafka, so nothing before
the least is missing. It never goes back. It stands still

    while a live bridge knows nothing yet,
    while the queue has more consumers than there are live bridges: what those hold, nobody here knows,
    at what a lost bridge said last, until what it held has come to others and is in Kafka.

A bridge is lost when it has not ticked for LOST_NS while another did. What it held is back in the queue once the broker
does not count it as a consumer any more; it is through once every live bridge has been given something that was never
delivered before, or has found the queue empty, well after that. A bridge that says that its tick is its last one held
nothing: it is gone at once.

Ticks that come again change nothing, and old ones of lives that are over are harmless: they name a bridge that is lost
already by the ticks of others.
"""

from collections.abc import Sequence
from typing import NamedTuple

import orjson

from schemas.stream import Tick

LOST_NS = 10 * 10**9
"""A bridge ticks every second."""
MARGIN_NS = 10 * 10**9
"""How long a delivery may lie between the broker and a bridge: what was sent before a bridge was lost is no proof."""


class _Bridge(NamedTuple):
    """One life of a bridge: its latest tick, and when the broker counted it no more, None before that."""

    tick: Tick
    closed_at: int | None = None


class Bridges:
    """See above."""

    __slots__ = ("_bridges", "_latest", "_watermark")

    def __init__(self) -> None:
        """No bridge is known."""
        self._bridges: dict[str, _Bridge] = {}
        self._latest = 0
        self._watermark: int | None = None

    @property
    def watermark(self) -> int | None:
        """Everything that reached the cloud before this moment is in this partition; None while nothing is known."""
        return self._watermark

    def take(self, tick: Tick) -> int | None:
        """A tick; how far all have come now."""
        known = self._bridges.get(tick.bridge)
        if tick.is_last:
            self._bridges.pop(tick.bridge, None)
        elif known is None or tick.number > known.tick.number:
            self._bridges[tick.bridge] = _Bridge(tick)
        self._latest = max(self._latest, tick.at)
        self._let_go()
        self._move()
        return self._watermark

    def to_bytes(self) -> bytes:
        """What must be kept, so that a restart knows of whom something may still come."""
        bridges = [[*bridge.tick, bridge.closed_at] for bridge in self._bridges.values()]
        return orjson.dumps([self._watermark, self._latest, bridges])

    @classmethod
    def from_bytes(cls, content: bytes) -> "Bridges":
        """What was kept. Raises ValueError or TypeError for something else."""
        bridges = cls()
        bridges._watermark, bridges._latest, kept = orjson.loads(content)
        for *members, closed_at in kept:
            tick = Tick(*members)
            bridges._bridges[tick.bridge] = _Bridge(tick, closed_at)
        return bridges

    def _live(self) -> Sequence[Tick]:
        return [bridge.tick for bridge in self._bridges.values() if self._latest - bridge.tick.at <= LOST_NS]

    def _let_go(self) -> None:
        """Forget lost bridges of which nothing can come any more."""
        live = self._live()
        for name, (tick, known_closed_at) in list(self._bridges.items()):
            if self._latest - tick.at <= LOST_NS:
                continue
            # Who is counted beside the live ones may be this one after all.
            closed_at = None if _is_somebody_else(live) else known_closed_at or _closed_at(tick, live)
            self._bridges[name] = _Bridge(tick, closed_at)
            if closed_at is not None and live and all(_is_settled(each, closed_at) for each in live):
                del self._bridges[name]

    def _move(self) -> None:
        live = self._live()
        if not live or _is_somebody_else(live):
            return
        marks = [bridge.tick.watermark for bridge in self._bridges.values()]
        known = [mark for mark in marks if mark is not None]
        if len(known) == len(marks) and (self._watermark is None or min(known) > self._watermark):
            self._watermark = min(known)


def _closed_at(lost: Tick, live: Sequence[Tick]) -> int | None:
    """When the broker said that all consumers are live bridges, after the lost one had fallen silent."""
    looks = [
        tick.looked_at
        for tick in live
        if tick.looked_at is not None and tick.looked_at > lost.at + LOST_NS and tick.consumers == len(live)
    ]
    return min(looks, default=None)


def _is_settled(tick: Tick, closed_at: int) -> bool:
    return tick.settled_at is not None and tick.settled_at > closed_at + MARGIN_NS


def _is_somebody_else(live: Sequence[Tick]) -> bool:
    """Whether somebody consumes who does not tick, by the broker's latest answer."""
    answers = [
        (tick.looked_at, tick.consumers) for tick in live if tick.looked_at is not None and tick.consumers is not None
    ]
    return not answers or max(answers)[1] > len(live)
