"""When a device was silent: a function of the moments at which it was heard, in whatever order they become known.

Owns what a silence is, and which edges two states of knowledge differ by. Must not know the fleet, alerts, or when
anybody asks.

A device is silent from its deadline, `silent_after` past a moment at which it was heard, until it is heard again. One
that is not heard for 30 days is forgotten: its silence ends there, and what comes later is a new device.
Times are nanoseconds since the epoch, UTC.
"""

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import NamedTuple

NEVER = 0
"""When a device was heard that was not known before: so long ago that a gap since then is long."""

FORGOTTEN_AFTER_NS = 30 * 86_400 * 10**9
"""A device that was not heard for so long is not one of the fleet any more."""


class Gap(NamedTuple):
    """Longer than `silent_after`, nothing was heard between these two moments; `since` NEVER for a new device."""

    since: int
    until: int


class Heard(NamedTuple):
    """What is known of a device: when it was heard last, and the gaps before, in order."""

    gaps: tuple[Gap, ...]
    last: int


class EdgeKind(IntEnum):
    """What happens to a device, in the order in which it counts at one moment."""

    JOINED = 0
    LEFT = 1
    ENDED = 2
    FORGOTTEN = 3
    END_REFUTED = 4
    REFUTED = 5
    RAISED = 6


class Edge(NamedTuple):
    """Something that becomes known of a device. They are sorted as they stand: by moment, then kind, then serial.

    `deadline`  of the silence that it is about; `at` where it is about none.
    JOINED, LEFT    the device counts as one of the fleet; it does not, after all.
    RAISED, ENDED   a silence begins at its deadline; the device is heard again.
    FORGOTTEN       a silence ends, since it has lasted too long.
    REFUTED, END_REFUTED   there was no raise, or no end, at this moment, as was said before.
    """

    at: int
    kind: EdgeKind
    serial: str
    deadline: int


class _End(NamedTuple):
    """How a silence ended."""

    at: int
    kind: EdgeKind


class _Timeline(NamedTuple):
    """What stands before some moment: how each silence ended, None for one that lasts; and when it joined."""

    silences: Mapping[int, _End | None]
    joined: frozenset[int]


_NOTHING = _Timeline({}, frozenset())


class Silences:
    """The rule for one `silent_after`, nanoseconds."""

    __slots__ = ("forgotten_after", "silent_after")

    def __init__(self, silent_after: int) -> None:
        """A device is never forgotten before it can be silent."""
        self.silent_after = silent_after
        self.forgotten_after = max(FORGOTTEN_AFTER_NS, 2 * silent_after)

    def hear(self, heard: Heard | None, at: int) -> Heard:
        """What is known once a device was also heard at `at`, None being nothing."""
        if heard is None:
            return Heard((Gap(NEVER, at),), at)
        if at > heard.last:
            gap = (Gap(heard.last, at),) if at - heard.last > self.silent_after else ()
            return Heard(heard.gaps + gap, at)
        gaps = [part for gap in heard.gaps for part in (self._split(gap, at) if gap.since < at < gap.until else (gap,))]
        return Heard(tuple(gaps), heard.last)

    def edges(self, serial: str, before: Heard | None, told: int, now: Heard, upto: int) -> Sequence[Edge]:
        """What is to be said when all before `upto` is known as `now`, and all before `told` was, as `before`."""
        old = self._timeline(before, told)
        new = self._timeline(now, upto)
        found = [Edge(at, EdgeKind.JOINED, serial, at) for at in new.joined - old.joined]
        found += [Edge(at, EdgeKind.LEFT, serial, at) for at in old.joined - new.joined]
        for deadline, end in new.silences.items():
            if deadline not in old.silences:
                found.append(Edge(deadline, EdgeKind.RAISED, serial, deadline))
            if end is not None and end != old.silences.get(deadline):
                found.append(Edge(end.at, end.kind, serial, deadline))
        ends = {end.at for end in new.silences.values() if end is not None}
        for deadline, end in old.silences.items():
            if deadline not in new.silences:
                found.append(Edge(deadline, EdgeKind.REFUTED, serial, deadline))
            if end is not None and end.at not in ends:
                found.append(Edge(end.at, EdgeKind.END_REFUTED, serial, end.at))
        return found

    def standing(self, heard: Heard, at: int) -> int | None:
        """The deadline of the silence that lasts when everything before `at` is known; None where there is none."""
        lasting = [deadline for deadline, end in self._timeline(heard, at).silences.items() if end is None]
        return lasting[-1] if lasting else None

    def has_joined(self, heard: Heard, at: int) -> bool:
        """Whether the device is one of the fleet when everything before `at` is known."""
        return not any(
            gap.until >= at and (gap.since == NEVER or gap.since + self.forgotten_after < at) for gap in heard.gaps
        )

    def _split(self, gap: Gap, at: int) -> Sequence[Gap]:
        """What is left of a gap within which the device was heard."""
        parts = (Gap(gap.since, at), Gap(at, gap.until))
        return [part for part in parts if part.until - part.since > self.silent_after]

    def _timeline(self, heard: Heard | None, upto: int) -> _Timeline:
        if heard is None:
            return _NOTHING
        silences: dict[int, _End | None] = {}
        joined: list[int] = []
        for since, until in (*heard.gaps, Gap(heard.last, upto)):
            forgotten_at = since + self.forgotten_after
            if since == NEVER:
                joined.append(until)
            elif since + self.silent_after < upto:
                end = _End(until, EdgeKind.ENDED)
                if forgotten_at < until:
                    end = _End(forgotten_at, EdgeKind.FORGOTTEN)
                    joined.append(until)
                silences[since + self.silent_after] = end if end.at < upto else None
        return _Timeline(silences, frozenset(at for at in joined if at < upto))
