"""All bridges of a queue: from the ticks of each to the watermark of all.

Owns whose word is waited for, and how far all of them together have come. Pure, and a function of the ticks in their
order: time is what the ticks say. Must not know Kafka, or what waits for the watermark. There is one for each partition
of `track`, and every partition gets every tick.

The watermark of all is the least of theirs: of what came to each, everything before it is in Kafka, so nothing before
the least is missing. It never goes back, and it moves only by what is proved. The proof is an answer of the broker's:
so many consumers had the queue at that moment, and as many lives of bridges are known to have consumed just then, since
each ticked before and after it. Then

- nobody else held anything, so the least of what was said before that moment holds;
- a life that ticked before that moment and not after it is closed: what it held is back in the queue;
- and so is one that never ticked, of which there was one where an answer before counted more consumers than are known.

What closed lives held comes to others. It is through once every life that is not closed has been given something that
was never delivered before, or has found the queue empty, well after the last of them was closed. Until then what they
said last holds all back. A life that says that its tick is its last one held nothing: it is gone at once.

So with a queue that nobody asks about nothing ever moves. While nothing is proved, lives that fell silent long ago are
remembered as one, which holds back as much as each of them did. Ticks that come again change nothing; those of lives
that are long over are harmless: they are closed by the next proof. One case is not seen: a bridge that begins to
consume and dies between two answers of the broker, or within seconds of a moment at which another begins or ends.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import orjson

from schemas.stream import Tick

SKEW_NS = 2 * 10**9
"""How far clocks of bridges may differ."""
MARGIN_NS = 10 * 10**9
"""How long a delivery may lie between the broker and a bridge: one sent before a life was closed proves nothing."""

_MOST_LOOKS = 64
_SILENT_FOR = 60
"""After so many ticks of others a life whose clock was ahead is taken to be silent since now."""

_MOST_LIVES = 64
_SILENT_NS = 300 * 10**9
"""Where there are more lives, those that ticked longer ago are remembered as one."""
_SILENT = ("", 0)
"""Its name, which no bridge has."""


class _Life(NamedTuple):
    """A life of a bridge: its latest tick, when the first one was, and when it is known to have been closed.

    `silent_for`  so many ticks of others that were made before its latest one by their clocks have come behind it.
    """

    tick: Tick
    first_at: int
    closed_at: int | None = None
    silent_for: int = 0


class _Look(NamedTuple):
    """The broker was asked at this moment, by this life of a bridge, and named so many consumers."""

    at: int
    consumers: int
    bridge: str = ""
    life: int = 0


class _Candidate(NamedTuple):
    """What all had said by a moment: the least of it. Not proved yet."""

    watermark: int
    at: int


class Bridges:
    """See above."""

    __slots__ = ("_candidates", "_ended", "_latest", "_lives", "_looks", "_strangers_closed_at", "_watermark")

    def __init__(self) -> None:
        """No bridge is known."""
        self._lives: dict[tuple[str, int], _Life] = {}
        self._watermark: int | None = None
        self._latest = 0
        self._looks: tuple[_Look, ...] = ()
        self._candidates: tuple[_Candidate, ...] = ()
        self._strangers_closed_at: int | None = None
        self._ended: dict[tuple[str, int], _Life] = {}

    @property
    def watermark(self) -> int | None:
        """Everything that reached the cloud before this moment is in this partition; None while nothing is known."""
        return self._watermark

    def take(self, tick: Tick) -> int | None:
        """A tick; how far all have come now."""
        name = (tick.bridge, tick.life)
        known = self._lives.get(name)
        if tick.is_last if known is None else tick.number <= known.tick.number:
            return self._watermark
        if tick.is_last:
            ended = self._lives.pop(name)
            self._ended[name] = ended._replace(tick=tick)
            # Whoever is forgotten too soon counts as a stranger: time stands for longer than it must.
            while len(self._ended) > _MOST_LIVES:
                del self._ended[next(iter(self._ended))]
        else:
            if known is None:
                # It may have consumed for a while: what the others said meanwhile is not all there was to say.
                self._candidates = ()
            # A life that was taken for closed and goes on was not.
            self._lives[name] = _Life(tick, tick.at if known is None else min(known.first_at, tick.at))
            is_back = known is not None and tick.at + SKEW_NS < known.tick.at
            ahead = self._whose_clock_was_ahead(tick)
            if is_back or ahead:
                self._turn_back(tick.at, ahead)
        self._latest = max(self._latest, tick.at)
        if len(self._lives) > _MOST_LIVES:
            self._merge_silent()
        # An answer that does not count who asked is from before it consumed; one behind its tick, of a wrong clock.
        if tick.looked_at is not None and tick.looked_at <= tick.at + SKEW_NS and tick.consumers:
            look = _Look(tick.looked_at, tick.consumers, *name)
            if look not in self._looks:
                self._looks = (*self._looks[1 - _MOST_LOOKS :], look)
        self._prove()
        return self._watermark

    @property
    def ticks(self) -> Sequence[Tick]:
        """The latest tick of every life that may hold all back."""
        return [life.tick for life in self._lives.values()]

    def to_bytes(self) -> bytes:
        """What must be kept, so that a restart knows of whom something may still come."""
        lives = [[*life.tick, life.first_at, life.closed_at] for life in self._lives.values()]
        ended = [[*life.tick, life.first_at, life.closed_at] for life in self._ended.values()]
        strangers = (self._strangers_closed_at, ended)
        return orjson.dumps(
            [self._watermark, self._latest, lives, self._looks, self._candidates, *strangers], default=list
        )

    @classmethod
    def from_bytes(cls, content: bytes) -> "Bridges":
        """What was kept. Raises ValueError or TypeError for something else."""
        bridges = cls()
        bridges._watermark, bridges._latest, lives, looks, candidates, *later = orjson.loads(content)
        bridges._looks = tuple(_Look(*look) for look in looks)
        bridges._candidates = tuple(_Candidate(*candidate) for candidate in candidates)
        bridges._strangers_closed_at, ended = later or (None, ())
        for kept, into in ((lives, bridges._lives), (ended, bridges._ended)):
            for *members, first_at, closed_at in kept:
                tick = Tick(*members)
                into[tick.bridge, tick.life] = _Life(tick, first_at, closed_at)
        return bridges

    def _whose_clock_was_ahead(self, tick: Tick) -> Collection[tuple[str, int]]:
        """Lives whose last word is from behind this tick, and that will say no other: others hold their place since."""
        found: list[tuple[str, int]] = []
        for name, life in self._lives.items():
            if life.tick.at > tick.at + SKEW_NS:
                silent_for = life.silent_for + 1
                self._lives[name] = life._replace(silent_for=silent_for)
                if name[0] == tick.bridge or silent_for > _SILENT_FOR:
                    found.append(name)
        return found

    def _turn_back(self, at: int, ahead: Collection[tuple[str, int]]) -> None:
        """A bridge's clock was ahead and is not any more: what was said behind this moment proves nothing."""
        for name in ahead:
            life = self._lives[name]
            self._lives[name] = life._replace(tick=life.tick._replace(at=at))
        self._latest = max((life.tick.at for life in self._lives.values() if life.tick.at <= at), default=at)
        self._candidates = ()
        self._looks = tuple(look for look in self._looks if look.at <= at)
        self._lives = {
            name: life._replace(
                first_at=min(life.first_at, at), closed_at=None if life.closed_at is None else min(life.closed_at, at)
            )
            for name, life in self._lives.items()
        }
        if self._strangers_closed_at is not None:
            self._strangers_closed_at = min(self._strangers_closed_at, at)

    def _merge_silent(self) -> None:
        """One of them that goes on is another life, as far as we know, and this one is still waited for."""
        silent = {name: life for name, life in self._lives.items() if life.tick.at + _SILENT_NS < self._latest}
        if not silent:
            return
        last = max(silent.values(), key=lambda life: life.tick.at)
        marks = [life.tick.watermark for life in silent.values()]
        known = [mark for mark in marks if mark is not None]
        closed = [life.closed_at for life in silent.values() if life.closed_at is not None]
        watermark = min(known) if len(known) == len(marks) else None
        tick = Tick(*_SILENT, 0, last.tick.at, watermark, None, None, None, is_last=False)
        self._lives = {name: life for name, life in self._lives.items() if name not in silent}
        # It counts as one that consumed no longer than the last of them did: never as more than they were.
        self._lives[_SILENT] = _Life(tick, last.first_at, max(closed) if len(closed) == len(silent) else None)

    def _prove(self) -> None:
        """Draw what follows from every answer that is a proof by now."""
        proved = [look for look in self._looks if look.consumers == _consuming(look.at, self._lives)]
        if proved:
            latest = max(proved)
            if self._counted_strangers(latest.at):
                self._strangers_closed_at = latest.at
            self._looks = tuple(look for look in self._looks if look.at > latest.at)
            self._ended = {name: life for name, life in self._ended.items() if life.tick.at + SKEW_NS >= latest.at}
            held = [each for each in self._candidates if each.at + SKEW_NS < latest.at]
            if held and self._strangers_closed_at is None:
                self._watermark = max(held[-1].watermark, self._watermark or 0)
                self._candidates = self._candidates[len(held) :]
            self._close(latest.at)
            self._let_go()
        marks = [life.tick.watermark for life in self._lives.values()]
        known = [mark for mark in marks if mark is not None]
        is_new = not self._candidates or self._candidates[-1].at < self._latest
        if is_new and known and len(known) == len(marks):
            self._candidates = (*self._candidates[1 - _MOST_LOOKS :], _Candidate(min(known), self._latest))

    def _counted_strangers(self, until: int) -> bool:
        """Whether an answer of a time that is proved by now counted somebody who is not known."""
        known = {**self._lives, **self._ended}
        return any(look.consumers > _known_at(look, known) for look in self._looks if look.at <= until)

    def _close(self, at: int) -> None:
        for name, life in self._lives.items():
            if life.closed_at is None and life.tick.at + SKEW_NS < at:
                self._lives[name] = life._replace(closed_at=at)

    def _let_go(self) -> None:
        """Forget closed lives, once what they held is through."""
        closed_at = (*(life.closed_at for life in self._lives.values()), self._strangers_closed_at)
        closed = [at for at in closed_at if at is not None]
        live = [life.tick for life in self._lives.values() if life.closed_at is None]
        if closed and live and _are_settled(live, max(closed) + MARGIN_NS):
            self._lives = {name: life for name, life in self._lives.items() if life.closed_at is None}
            if self._strangers_closed_at is not None:
                # What all had said until now says nothing of what strangers held.
                self._strangers_closed_at = None
                self._candidates = ()


def _consuming(at: int, lives: Mapping[tuple[str, int], _Life]) -> int:
    """How many lives surely consumed at a moment: each ticked before it and after it."""
    return sum(life.first_at + SKEW_NS < at < life.tick.at - SKEW_NS for life in lives.values())


def _known_at(look: _Look, lives: Mapping[tuple[str, int], _Life]) -> int:
    """How many lives may have consumed at the moment of an answer, and are known: the one that asked did."""
    others = [life for name, life in lives.items() if name != (look.bridge, look.life)]
    return 1 + sum(life.first_at - SKEW_NS <= look.at <= life.tick.at + SKEW_NS for life in others)


def _are_settled(live: Sequence[Tick], at: int) -> bool:
    """A moment that is later than its tick is of a clock that was ahead."""
    return all(tick.settled_at is not None and at < tick.settled_at <= tick.at + SKEW_NS for tick in live)
