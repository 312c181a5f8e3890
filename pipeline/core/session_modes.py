"""Modes for sessions: when a car came, when it left, and when it was charged, by what a charger's OpMode says.

Owns which modes mean a car, and which of them need not be remembered. Pure, and a function of the set of modes, however
they are ordered or repeated. Must not know documents, energies, or rows.

A car comes with a change from Disconnected to a mode that has a car, and leaves with the next Disconnected; modes that
say nothing of a car (Offline, Error, unknown codes) stand between without a word. Where nothing is known before the
first mode, nobody saw the car come. Moments are whole seconds; of two modes of one second the one counts that a store
shows last.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from enum import IntEnum
from types import MappingProxyType
from typing import NamedTuple

from pipeline.core.timestamps import NS_PER_S


class Presence(IntEnum):
    """What a mode says; also how it is kept, so numbers stay as they are."""

    UNSAID = 0
    AWAY = 1
    CAR = 2
    CHARGING = 3


# Names of this module are found faster than members of an enumeration, and bytes are numbers.
_UNSAID, _AWAY, _CHARGING = int(Presence.UNSAID), int(Presence.AWAY), int(Presence.CHARGING)

_PRESENCES: Mapping[float, Presence] = MappingProxyType(
    {
        1.0: Presence.AWAY,
        2.0: Presence.CAR,
        3.0: Presence.CHARGING,
        4.0: Presence.CAR,
        6.0: Presence.CAR,
        7.0: Presence.CAR,
        8.0: Presence.CAR,
    }
)
"""By the code of an OpMode."""


class Mode(NamedTuple):
    """What was said at `key`, the time of its row, nanoseconds."""

    key: int
    presence: Presence


class Stay(NamedTuple):
    """From when until when a car was there; `stop` None while it is. Whole seconds, in nanoseconds."""

    start: int
    stop: int | None


class Presences(NamedTuple):
    """What all modes together say, in order, in nanoseconds.

    `stays`     cars that were seen to come.
    `leavings`  when the charger came to be without a car, or was first known to be.
    `charging`  pieces of time during which a car was charged; the end of the last is None while one is.
    `charged`   how long all pieces before each of these were together.
    `changes`   when anything changed.
    """

    stays: Sequence[Stay]
    leavings: Sequence[int]
    charging: Sequence[tuple[int, int | None]]
    charged: Sequence[int]
    changes: Sequence[int]

    def leaving_after(self, moment: int) -> int | None:
        """When the car that is there at a moment leaves; None where that is not known."""
        place = bisect_right(self.leavings, moment)
        return self.leavings[place] if place < len(self.leavings) else None

    def last_leaving_before(self, moment: int) -> int | None:
        """When a car left last before a moment; None where none did."""
        place = bisect_left(self.leavings, moment)
        return self.leavings[place - 1] if place else None

    def last_change_until(self, moment: int) -> int | None:
        """When anything changed last, up to a moment and at it; None where nothing did."""
        place = bisect_right(self.changes, moment)
        return self.changes[place - 1] if place else None

    def next_coming(self, moment: int) -> int | None:
        """When a car was seen to come next, at a moment or after it; None where none was."""
        place = bisect_left(self.stays, moment, key=start_of)
        return self.stays[place].start if place < len(self.stays) else None

    def charging_ns(self, first: int, end: int) -> int:
        """How long a car was charged between two moments."""
        return self._charged_until(end) - self._charged_until(first) if end > first else 0

    def _charged_until(self, moment: int) -> int:
        place = bisect_right(self.charging, moment, key=_begun) - 1
        if place < 0:
            return 0
        begun, ended = self.charging[place]
        return self.charged[place] + (moment if ended is None else min(ended, moment)) - begun


def start_of(stay: Stay) -> int:
    """When a car came."""
    return stay.start


def presence_of(code: float) -> Presence:
    """What an OpMode says."""
    return _PRESENCES.get(code, Presence.UNSAID)


class SessionModes:
    """See above. Nine bytes a mode."""

    __slots__ = ("_keys", "_presences")

    def __init__(self) -> None:
        """No mode is known."""
        self._keys = array("q")
        self._presences = bytearray()

    def __iter__(self) -> Iterator[Mode]:
        """Every mode that is remembered, in order."""
        return map(Mode, self._keys, map(Presence, self._presences))

    def __len__(self) -> int:
        """How many are remembered."""
        return len(self._keys)

    def add(self, mode: Mode) -> bool:
        """A mode; whether it is new, and counts. Of two of one key the greater does."""
        keys, (key, presence) = self._keys, mode
        second = key - key % NS_PER_S
        if not keys or keys[-1] < second:
            keys.append(key)
            self._presences.append(presence)
            return True
        place = bisect_left(keys, second)
        if place == len(keys) or keys[place] >= second + NS_PER_S:
            keys.insert(place, key)
            self._presences.insert(place, presence)
            return True
        if (key, presence) <= (keys[place], self._presences[place]):
            return False
        keys[place], self._presences[place] = key, presence
        return True

    def read(self) -> Presences:
        """What all of them say together."""
        changes: list[int] = []
        charging: list[tuple[int, int | None]] = []
        charged: list[int] = []
        so_long = 0
        stays: list[Stay] = []
        leavings: list[int] = []
        before, had_car = _UNSAID, _UNSAID
        came: int | None = None
        for key, presence in zip(self._keys, self._presences, strict=True):
            if presence == before:
                continue
            at = key - key % NS_PER_S
            changes.append(at)
            if before == _CHARGING:
                begun, _ = charging[-1]
                charging[-1] = (begun, at)
                so_long += at - begun
            elif presence == _CHARGING:
                charging.append((at, None))
                charged.append(so_long)
            before = presence
            if presence == _AWAY:
                if had_car != _AWAY:
                    leavings.append(at)
                if came is not None:
                    stays.append(Stay(came, at))
                    came = None
            elif presence != _UNSAID and had_car == _AWAY:
                came = at
            had_car = presence or had_car
        if came is not None:
            stays.append(Stay(came, None))
        return Presences(stays, leavings, charging, charged, changes)

    def thin(self, settled: int, wanted: int, forgotten: int) -> list[Mode]:
        """Forget what makes no difference any more, and give it.

        Before `settled` nothing is added any more. Sessions begin at `wanted` or later; what was said before
        `forgotten` counts only as far as it still holds then. Nanoseconds; `forgotten` is not past the others.
        """
        kept, gone = self._without_repeats(settled)
        begin = self._first_needed(kept, min(settled, wanted), forgotten)
        gone += kept[:begin]
        if gone:
            self._keys = array("q", [mode.key for mode in kept[begin:]])
            self._presences = bytearray(mode.presence for mode in kept[begin:])
        return gone

    def _without_repeats(self, settled: int) -> tuple[list[Mode], list[Mode]]:
        kept: list[Mode] = []
        gone: list[Mode] = []
        for mode in self:
            is_repeat = bool(kept) and kept[-1].presence is mode.presence and mode.key < settled
            (gone if is_repeat else kept).append(mode)
        return kept, gone

    def _first_needed(self, modes: Sequence[Mode], wanted: int, forgotten: int) -> int:
        """The place of the first mode without which something would be read otherwise."""
        needed = 0
        has_car: bool | None = None
        for place, (key, presence) in enumerate(modes):
            if key >= wanted:
                break
            if presence is Presence.UNSAID:
                continue
            is_leaving = presence is Presence.AWAY and has_car is not False
            if is_leaving or key < forgotten:
                needed = place
            has_car = presence is not Presence.AWAY
        return needed


def _begun(piece: tuple[int, int | None]) -> int:
    return piece[0]
