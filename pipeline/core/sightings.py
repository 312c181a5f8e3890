"""Sightings: what one charger showed of the values that commands set, for as long as it can matter.

Owns their order. Pure, and a function of the set of sightings. Must not know commands, or what confirms one
(`pipeline.core.confirmation`).
"""

from bisect import bisect_left
from collections.abc import Iterable
from typing import NamedTuple

from schemas.observation import Value


class Sighting(NamedTuple):
    """One value of a readback: the observation's id and stamp, its value, and when it reached the cloud."""

    observed_at: int
    arrived_at: int | None
    observation_id: int
    value: Value


class Sightings:
    """See above. Each observation id has a list of its own, in order."""

    __slots__ = ("_seen",)

    def __init__(self) -> None:
        """Nothing was seen yet."""
        self._seen: dict[int, list[Sighting]] = {}

    def add(self, sighting: Sighting) -> None:
        """A value was seen; again changes nothing."""
        seen = self._seen.setdefault(sighting.observation_id, [])
        if not seen or seen[-1].observed_at < sighting.observed_at:
            seen.append(sighting)
            return
        key = _in_order(sighting)
        place = bisect_left(seen, key, key=_in_order)
        if place == len(seen) or _in_order(seen[place]) != key:
            seen.insert(place, sighting)

    def last_before(self, observation_id: int, moment: int) -> Sighting | None:
        """The last sighting of an id stamped before a moment; None where there is none."""
        seen = self._seen.get(observation_id, [])
        place = bisect_left(seen, moment, key=_stamp)
        return seen[place - 1] if place else None

    def next_stamp(self, observation_id: int, moment: int) -> int | None:
        """The stamp of the first sighting of an id behind a moment; None where there is none."""
        seen = self._seen.get(observation_id, [])
        place = bisect_left(seen, moment + 1, key=_stamp)
        return seen[place].observed_at if place < len(seen) else None

    def between(self, observation_ids: Iterable[int], first: int, end: int) -> list[Sighting]:
        """Sightings of these ids stamped within [first, end), in order."""
        found: list[Sighting] = []
        for observation_id in observation_ids:
            seen = self._seen.get(observation_id)
            if seen and seen[-1].observed_at >= first:
                found += seen[bisect_left(seen, first, key=_stamp) : bisect_left(seen, end, key=_stamp)]
        found.sort(key=_in_order)
        return found

    def prune(self, before: int) -> list[Sighting]:
        """Forget what was seen before a moment, but for the last value of each id; what was forgotten."""
        gone: list[Sighting] = []
        for seen in self._seen.values():
            if len(seen) > 1 and seen[0].observed_at < before:
                place = bisect_left(seen, before, key=_stamp) - 1
                gone += seen[:place]
                del seen[:place]
        return gone

    def __len__(self) -> int:
        """How many there are."""
        return sum(map(len, self._seen.values()))

    @property
    def is_last_values_only(self) -> bool:
        """Whether there is nothing that `prune` could ever forget."""
        return all(len(seen) == 1 for seen in self._seen.values())


def _stamp(sighting: Sighting) -> int:
    return sighting.observed_at


def _in_order(sighting: Sighting) -> tuple[int, int, int, bool, str]:
    """By stamp, then by arrival: one without arrival counts as arrived when it was stamped; then by content."""
    observed_at, arrived_at, observation_id, value = sighting
    moment = observed_at if arrived_at is None else arrived_at
    return observed_at, moment, observation_id, arrived_at is None, repr(value)
