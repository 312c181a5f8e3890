"""Known silences: when chargers were heard in the past, as far as alerts that were written tell.

Owns what follows from these alerts. Pure. Must not know stores, or what is made of it.

Alert `charger_silent` is raised at its deadline, SILENT_AFTER past the moment at which a device was heard last, and
cleared when it is heard again (`pipeline.core.alert_rows`). Between two silences it was heard at least once in each
SILENT_AFTER. So the alerts of a store say exactly when each device counted as online, also where its messages do not:
not of every message it is kept when it arrived.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import NamedTuple

from pipeline.core.arrivals import PERIOD_NS
from pipeline.core.silences import FORGOTTEN_AFTER_NS
from pipeline.core.timestamps import NS_PER_S

_CLOCKS_NS = NS_PER_S
"""How far clocks are apart: what the cloud stamps itself can be stamped after it arrived."""
_BURST_NS = 120 * NS_PER_S
"""Within this after a silence a device says what it has stamped meanwhile."""


class SilenceEdge(NamedTuple):
    """A row of alert `charger_silent`: where it stands and what it says, nanoseconds."""

    serial: str
    time: int
    is_active: bool
    duration_ns: int


class Silence(NamedTuple):
    """Not heard between these two moments. `until` is None where that lasts, or nobody knows when it ended."""

    since: int
    until: int | None


class KnownSilences:
    """See above."""

    def __init__(self, silent_after: int, edges: Iterable[SilenceEdge]) -> None:
        """All edges there are of a time, in any order. SILENT_AFTER, nanoseconds."""
        self._silent_after = silent_after
        self._silences: dict[str, list[Silence]] = {}
        open_since: dict[str, int] = {}
        for serial, time, is_active, duration_ns in sorted(edges, key=attrgetter("time")):
            if is_active:
                open_since[serial] = time
            elif duration_ns:
                raised_at = open_since.pop(serial, time - duration_ns)
                # One that was not heard for so long is forgotten; when it was heard again, no alert tells.
                is_forgotten = duration_ns + silent_after >= FORGOTTEN_AFTER_NS
                self._add(serial, raised_at, None if is_forgotten else time)
        for serial, time in open_since.items():
            self._add(serial, time, None)

    def __len__(self) -> int:
        """Of how many devices a silence is known."""
        return len(self._silences)

    def heard(self, serial: str, first: int, until: int) -> Sequence[int]:
        """Moments of [first, until] at which the device was heard, or goes on as if it was; of one known at `first`."""
        moments: list[int] = []
        begin: int | None = first
        for since, ended in self._silences.get(serial, ()):
            if begin is not None and begin <= since:
                moments += self._stretch(begin, min(since, until))
            if since >= until:
                return moments
            begin = None if ended is None else max(ended, first)
        if begin is not None:
            moments += self._stretch(begin, until)
        return moments

    def arrival(self, serial: str, thought: int, stamp: int, earliest: int | None) -> int:
        """When a message arrived that is `thought` to have come then: not during a silence.

        `earliest` is the first moment at which it can have come, None where nothing is known of that; the others are
        PERIOD_NS apart. What can have come before a silence, or at least was stamped then, did not come after it.
        """
        silence = self._silence_before(serial, thought)
        if silence is None:
            return thought
        since, until = silence
        if earliest is not None:
            possible = self._possible(serial, earliest, PERIOD_NS)
            is_sooner = possible <= since or (until is not None and stamp < until <= possible < until + _BURST_NS)
            return possible if is_sooner else max(possible, thought)
        if stamp <= since + _CLOCKS_NS:
            return min(self._possible(serial, stamp, 1), since)
        if until is None or thought >= until:
            return thought
        return since if thought - since < until - thought else until

    def _possible(self, serial: str, earliest: int, step: int) -> int:
        """The first of the moments at which a message can have come, which are so far apart."""
        moment = earliest
        for since, until in self._silences.get(serial, ()):
            if moment <= since:
                break
            if until is None:
                return since
            if moment < until:
                moment = until + (earliest - until) % step
        return moment

    def _silence_before(self, serial: str, moment: int) -> Silence | None:
        """The last one that began before a moment."""
        silences = self._silences.get(serial, ())
        place = bisect_left(silences, moment, key=attrgetter("since"))
        return silences[place - 1] if place else None

    def _add(self, serial: str, raised_at: int, until: int | None) -> None:
        self._silences.setdefault(serial, []).append(Silence(raised_at - self._silent_after, until))

    def _stretch(self, first: int, last: int) -> list[int]:
        return [*range(first, last, self._silent_after), last] if first <= last else []
