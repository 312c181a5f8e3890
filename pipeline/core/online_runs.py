"""Runs: when devices were online, by the moments at which they were heard.

Owns what is remembered of these moments. Pure, and a function of their set. Must not know alerts (see
`pipeline.core.liveness`), or what a device says.

A device is online for `silent_after` from each moment at which it was heard. Moments that follow each other within
that make one run, of which only the first and the last are remembered. Runs are united and never cut, so what was kept
of them may be taken in again in any order. What changes with every message, the last moment of the latest run, need
not be kept here: it is when the device was heard last, which others keep (`go_on`).
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple


class Run(NamedTuple):
    """From one moment at which a device was heard to another, never silent between them; nanoseconds."""

    first: int
    last: int


class OnlineRuns:
    """See above."""

    __slots__ = ("_earlier", "_firsts", "_lasts", "_silent_after")

    def __init__(self, silent_after: int) -> None:
        """Nobody was heard. `silent_after` is SILENT_AFTER, nanoseconds."""
        self._silent_after = silent_after
        self._lasts: dict[str, int] = {}
        self._firsts: dict[str, int] = {}
        self._earlier: dict[str, tuple[Run, ...]] = {}

    def __len__(self) -> int:
        """How many devices are remembered."""
        return len(self._lasts)

    def __iter__(self) -> Iterator[str]:
        """Every device."""
        return iter(self._lasts)

    @property
    def silent_after(self) -> int:
        """SILENT_AFTER, nanoseconds."""
        return self._silent_after

    def hear(self, serials: Sequence[str], arrivals: list[int], said: int) -> list[tuple[str, Run]]:
        """Which devices were heard and when, one for each message; what of it is more than going on with a run.

        So is everything from before `said`, up to which something may have been said already.
        """
        if not arrivals:
            return []
        in_order = sorted(arrivals)
        if in_order != arrivals:
            order = sorted(range(len(arrivals)), key=arrivals.__getitem__)
            serials, arrivals = [serials[place] for place in order], in_order
        place = bisect_right(arrivals, said)
        known = [(serial, Run(at, at)) for serial, at in zip(serials[:place], arrivals[:place], strict=True)]
        unusual = [(serial, run) for serial, run in known if self.join(serial, run)]
        while place < len(arrivals):
            end = bisect_right(arrivals, arrivals[place] + self._silent_after)
            unusual += self._hear_at_once(serials[place:end], arrivals[place:end])
            place = end
        return unusual

    def _hear_at_once(self, serials: Sequence[str], arrivals: Sequence[int]) -> list[tuple[str, Run]]:
        """The same, in order and within SILENT_AFTER, of moments up to which nothing has been said.

        No device was silent within so short a time: of each the last moment is enough, where that goes on with a run.
        """
        first, lasts, silent_after = arrivals[0], self._lasts, self._silent_after
        unusual: list[str] = []
        for serial, at in dict(zip(serials, arrivals, strict=True)).items():
            last = lasts.get(serial)
            if last is not None and last <= first and at - last <= silent_after:
                lasts[serial] = at
            else:
                unusual.append(serial)
        if not unusual:
            return []
        latest = dict(zip(serials, arrivals, strict=True))
        earliest = dict(zip(reversed(serials), reversed(arrivals), strict=True))
        heard: list[tuple[str, Run]] = []
        for serial in unusual:
            run, last = Run(earliest[serial], latest[serial]), lasts.get(serial)
            if last is not None and last <= first and run.first - last <= silent_after:
                lasts[serial] = run.last
            elif self.join(serial, run):
                heard.append((serial, run))
        return heard

    def join(self, serial: str, run: Run) -> bool:
        """A device was online so; whether that was not known."""
        known = self.runs(serial)
        if any(each.first <= run.first and run.last <= each.last for each in known):
            return False
        first, last = run
        apart: list[Run] = []
        for each in known:
            if each.last + self._silent_after < run.first or run.last + self._silent_after < each.first:
                apart.append(each)
            else:
                first, last = min(first, each.first), max(last, each.last)
        *earlier, latest = sorted((*apart, Run(first, last)))
        self._firsts[serial], self._lasts[serial] = latest
        if earlier:
            self._earlier[serial] = tuple(earlier)
        else:
            self._earlier.pop(serial, None)
        return True

    def go_on(self, serial: str, last: int) -> None:
        """The latest run of a device lasted up to here: had there been a silence, it would have been told of."""
        known = self._lasts.get(serial)
        if known is None:
            self._firsts[serial] = self._lasts[serial] = last
        elif last > known:
            self._lasts[serial] = last

    def runs(self, serial: str) -> tuple[Run, ...]:
        """All that is remembered of a device, in order; empty where it was never heard."""
        last = self._lasts.get(serial)
        if last is None:
            return ()
        return (*self._earlier.get(serial, ()), Run(self._firsts[serial], last))

    def run_around(self, serial: str, moment: int) -> tuple[Run, ...]:
        """The run that a device was heard in at this moment, and the one before, which is not the latest any more."""
        runs = self.runs(serial)
        place = next(number for number, run in enumerate(runs) if run.first <= moment <= run.last)
        return runs[max(place - 1, 0) : place + 1]

    def last(self, serial: str) -> int | None:
        """When a device was heard last; None for never."""
        return self._lasts.get(serial)

    def is_online(self, serial: str, moment: int) -> bool:
        """Whether a device is online at a moment."""
        last = self._lasts.get(serial)
        if last is None:
            return False
        if self._firsts[serial] <= moment:
            return moment <= last + self._silent_after
        return any(run.first <= moment <= run.last + self._silent_after for run in self._earlier.get(serial, ()))

    def online_between(self, serial: str, first: int, end: int) -> list[tuple[int, int]]:
        """When a device was online within [first, end), as pairs of beginning and end, in order."""
        pieces = [
            (max(run.first, first), min(run.last + self._silent_after, end))
            for run in self.runs(serial)
            if run.first < end and run.last + self._silent_after > first
        ]
        return [(begun, ended) for begun, ended in pieces if begun < ended]

    def maybe_online_between(self, first: int, until: int) -> list[str]:
        """Every device that may be online at some moment within [first, until], and few others."""
        firsts, earlier, silent_after = self._firsts, self._earlier, self._silent_after
        return [
            serial
            for serial, last in self._lasts.items()
            if last + silent_after >= first and (firsts[serial] <= until or serial in earlier)
        ]

    def forget(self, serial: str, before: int) -> None:
        """Forget runs after which a device was offline already at this moment, but for the latest."""
        earlier = self._earlier.get(serial)
        if earlier and earlier[0].last + self._silent_after < before:
            kept = tuple(run for run in earlier if run.last + self._silent_after >= before)
            if kept:
                self._earlier[serial] = kept
            else:
                del self._earlier[serial]

    def drop(self, serial: str) -> None:
        """Forget a device."""
        self._lasts.pop(serial, None)
        self._firsts.pop(serial, None)
        self._earlier.pop(serial, None)
