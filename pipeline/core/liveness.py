"""Liveness: which devices are heard, and the alerts `charger_silent` and `fleet_silent`.

Owns when each device was heard last, and when it must be looked at again. Pure: time is the watermark, an argument.
Must not know sources, stores, or how its memory is kept. What a silence is: `pipeline.core.silences`; what many of them
are, and who is told: `pipeline.core.fleet_silence`.

A device is whatever sends: chargers and equalizers. The fleet is every device that was heard within 30 days; one that
was not is forgotten, and its alert cleared with words.

What is said is a function of the moments at which devices were heard, however these are ordered or repeated between two
calls of `advance`, and however the watermark gets to where it is; a restart changes nothing. Exceptions, all of
messages that come late (their ArrivalTime is behind the watermark): one more than an hour late that falls into a
silence which has ended is passed over; one from before a device was first heard, too; and see `fleet_silence`. What was
said and no longer holds is taken back where it stood (`Alert.is_refuted`); the rest of the rows is as if nothing had
been late.

Nothing here waits for a device: each live one stands in a heap once, under a moment at which it could have fallen
silent, and is put back when that comes and it was heard since. So hearing one costs two look-ups.
"""

from collections.abc import Iterator, Mapping, Sequence
from heapq import heapify, heappop, heappush, heapreplace

from pipeline.core.fleet_silence import FleetRule, FleetSilence, Outage, SilenceEdges
from pipeline.core.silences import NEVER, Edge, Gap, Heard, Silences
from schemas.alert import Alert

CORRECTED_NS = 3_600 * 10**9
"""For how long behind the watermark a silence that has ended is corrected: longer than a message can wait to be
delivered again."""

OUTAGE_KEYS = ("fleet silent since", "fleet heard since", "fleet held since")
"""Of what is kept, what is of the whole fleet."""
_STALE_FORGETS = 1_000
_TAKEN_BACK = 0


class Liveness:
    """See above. For one thread at a time.

    What is kept (`changes`, `last_seen`, `restore`) is a mapping of moments, nanoseconds. Later ones replace earlier
    ones of the same key, and none is ever removed. The keys:
        a serial                         when that device was heard last
        a serial, a space and a moment   a gap that began then: when it ended, 0 where there was none
        with two spaces                  one of the moments of `fleet_silence.Outage`
    """

    __slots__ = (
        "_agenda",
        "_before",
        "_changed",
        "_changed_gaps",
        "_dues",
        "_fleet",
        "_forgets",
        "_gaps",
        "_kept_outage",
        "_live",
        "_silences",
        "_silent",
        "_silent_after",
        "_told",
    )

    def __init__(self, silent_after: int, rule: FleetRule | None = None) -> None:
        """Knows no device. `silent_after` is SILENT_AFTER, nanoseconds."""
        self._silent_after = silent_after
        self._silences = Silences(silent_after)
        self._fleet = FleetSilence(silent_after, rule or FleetRule())
        self._live: dict[str, int] = {}
        self._silent: dict[str, int] = {}
        self._gaps: dict[str, tuple[Gap, ...]] = {}
        self._before: dict[str, Heard | None] = {}
        self._dues: list[tuple[int, str]] = []
        self._agenda: list[tuple[int, str]] = []
        self._forgets: list[tuple[int, str]] = []
        self._changed: set[str] = set()
        self._changed_gaps: dict[str, int] = {}
        self._kept_outage = Outage()
        self._told = 0

    def __len__(self) -> int:
        """How many devices are remembered."""
        return len(self._live) + len(self._silent)

    def see(self, serial: str, arrived_at: int) -> None:
        """A device was heard: the ArrivalTime of its message, which our receipt bounds as it does the watermark's."""
        later = arrived_at - self._live.get(serial, NEVER)
        if 0 <= later <= self._silent_after:
            if later:
                self._live[serial] = arrived_at
                self._changed.add(serial)
        else:
            self._see_anew(serial, arrived_at)

    def see_all(self, serials: Sequence[str], arrivals: Sequence[int]) -> None:
        """`see`, of many messages at once: of which device, and when each arrived, in order."""
        if not arrivals or arrivals[-1] - arrivals[0] > self._silent_after:
            for serial, arrived_at in zip(serials, arrivals, strict=True):
                self.see(serial, arrived_at)
            return
        first, live, silent_after = arrivals[0], self._live, self._silent_after
        unusual: set[str] = set()
        # Nobody was silent within so short a time: of each the last moment is enough, where it was heard not long ago.
        for serial, arrived_at in dict(zip(serials, arrivals, strict=True)).items():
            last = live.get(serial, NEVER)
            if last <= first and arrived_at - last <= silent_after:
                if arrived_at != last:
                    live[serial] = arrived_at
                    self._changed.add(serial)
            else:
                unusual.add(serial)
        if unusual:
            for serial, arrived_at in zip(serials, arrivals, strict=True):
                if serial in unusual:
                    self.see(serial, arrived_at)

    def advance(self, watermark: int) -> SilenceEdges:
        """What the messages since the last call, and the time that passed, make of it."""
        touched = set(self._due(watermark))
        if touched:
            edges: list[Edge] = []
            for serial in touched:
                edges += self._look_at(serial, watermark)
            edges.sort()
            for edge in edges:
                self._fleet.take(edge)
        self._told = watermark
        self._fleet.pass_to(watermark)
        return self._fleet.take_edges()

    def active(self) -> Sequence[Alert]:
        """Alerts that are raised now and that people may be told of: no charger twice, and none that is held back."""
        return self._fleet.active()

    def changes(self) -> Mapping[str, int]:
        """What is to be kept since the last call."""
        changes = {serial: at for serial in self._changed if (at := self._last(serial)) is not None}
        changes.update(self._changed_gaps)
        self._changed.clear()
        self._changed_gaps.clear()
        if self._fleet.outage != self._kept_outage:
            self._kept_outage = self._fleet.outage
            changes.update(zip(OUTAGE_KEYS, self._kept_outage, strict=True))
        return changes

    def last_seen(self) -> Mapping[str, int]:
        """Everything that is to be kept, in place of all that was."""
        kept = {**self._live, **self._silent}
        kept.update((_key(serial, gap), gap.until) for serial, gaps in self._gaps.items() for gap in gaps)
        kept.update(zip(OUTAGE_KEYS, self._fleet.outage, strict=True))
        return kept

    def restore(self, last_seen: Mapping[str, int], watermark: int | None) -> None:
        """Know what was kept, and nothing else; nobody is told again of what had been said by this watermark.

        Where SILENT_AFTER is another now, whoever is silent by it counts as said. Raises ValueError for an entry that
        this program does not know.
        """
        at = self._told = watermark or 0
        self._live, self._silent, self._gaps = {}, {}, {}
        for parts in (self._before, self._changed, self._changed_gaps):
            parts.clear()
        self._dues, self._agenda, self._forgets = [], [], []
        self._kept_outage = Outage(*(last_seen.get(key, 0) for key in OUTAGE_KEYS))
        lasting: dict[str, int] = {}
        known = 0
        gaps = _read_gaps(last_seen)
        for serial, last in last_seen.items():
            if " " in serial or last + self._silences.forgotten_after < at:
                continue
            lasted = sorted(gap for gap in gaps.get(serial, ()) if gap.until - gap.since > self._silent_after)
            heard = Heard(tuple(lasted), last)
            known += self._silences.has_joined(heard, at)
            deadline = self._silences.standing(heard, at)
            if deadline is not None:
                lasting[serial] = deadline
            self._put(serial, heard, at)
        for heap in (self._dues, self._agenda, self._forgets):
            heapify(heap)
        self._fleet.restore(lasting, known, self._kept_outage, at)

    def _see_anew(self, serial: str, at: int) -> None:
        """A device that was not heard for long, was not known, or was heard at this moment before another."""
        gaps = self._gaps.get(serial, ())
        last = self._last(serial)
        if last is not None and at <= last and not gaps:
            return
        before = None if last is None else Heard(gaps, last)
        heard = self._silences.hear(before, at)
        if heard == before:
            return
        self._before.setdefault(serial, before)
        heappush(self._agenda, (at, serial))
        if heard.gaps != gaps:
            self._gaps[serial] = heard.gaps
            self._changed_gaps.update((_key(serial, gap), _TAKEN_BACK) for gap in gaps if gap not in heard.gaps)
            for gap in heard.gaps:
                if gap not in gaps:
                    self._changed_gaps[_key(serial, gap)] = gap.until
                    for moment in self._moments(gap):
                        heappush(self._agenda, (moment, serial))
        if heard.last != last:
            self._changed.add(serial)
            self._silent.pop(serial, None)
            if serial not in self._live:
                heappush(self._dues, (at + self._silent_after, serial))
            self._live[serial] = at

    def _due(self, watermark: int) -> Iterator[str]:
        """Every device about which there may be something to say; those that fell silent are put where they belong."""
        dues, agenda, forgets = self._dues, self._agenda, self._forgets
        while agenda and agenda[0][0] < watermark:
            yield heappop(agenda)[1]
        while dues and dues[0][0] < watermark:
            serial = dues[0][1]
            last = self._live[serial]
            if last + self._silent_after >= watermark:
                heapreplace(dues, (last + self._silent_after, serial))
                continue
            heappop(dues)
            del self._live[serial]
            self._silent[serial] = last
            heappush(forgets, (last + self._silences.forgotten_after, serial))
            yield serial
        while forgets and forgets[0][0] < watermark:
            yield heappop(forgets)[1]
        if len(forgets) > 2 * len(self._silent) + _STALE_FORGETS:
            self._forgets = [(at + self._silences.forgotten_after, serial) for serial, at in self._silent.items()]
            heapify(self._forgets)

    def _look_at(self, serial: str, watermark: int) -> Sequence[Edge]:
        """What is to be said of a device; then forget of it what can no longer matter."""
        last = self._last(serial)
        if last is None:
            return ()
        gaps = self._gaps.pop(serial, ())
        heard = Heard(gaps, last)
        edges = self._silences.edges(serial, self._before.pop(serial, heard), self._told, heard, watermark)
        if last + self._silences.forgotten_after < watermark:
            del self._silent[serial]
            return edges
        kept = tuple(gap for gap in gaps if _is_kept(gap, watermark))
        if kept:
            self._gaps[serial] = kept
        return edges

    def _put(self, serial: str, heard: Heard, at: int) -> None:
        """Remember a device as it was kept; heaps are put in order afterwards."""
        if heard.last + self._silent_after < at:
            self._silent[serial] = heard.last
            self._forgets.append((heard.last + self._silences.forgotten_after, serial))
        else:
            self._live[serial] = heard.last
            self._dues.append((heard.last + self._silent_after, serial))
        kept = tuple(gap for gap in heard.gaps if _is_kept(gap, at))
        if kept:
            self._gaps[serial] = kept
            self._agenda += [(moment, serial) for gap in kept for moment in self._moments(gap)]

    def _moments(self, gap: Gap) -> Sequence[int]:
        """When there is something to say or to forget about a gap."""
        if gap.since == NEVER:
            return (gap.until,)
        moments = (gap.since + self._silent_after, gap.until, gap.until + CORRECTED_NS)
        forgotten_at = gap.since + self._silences.forgotten_after
        return moments if forgotten_at >= gap.until else (*moments, forgotten_at)

    def _last(self, serial: str) -> int | None:
        return self._live.get(serial, self._silent.get(serial))


def _is_kept(gap: Gap, watermark: int) -> bool:
    """Whether a gap can still matter: it is to be told of, or a late message may fall into it."""
    return gap.until + (0 if gap.since == NEVER else CORRECTED_NS) >= watermark


def _key(serial: str, gap: Gap) -> str:
    return f"{serial} {gap.since}"


def _read_gaps(kept: Mapping[str, int]) -> Mapping[str, Sequence[Gap]]:
    """The gaps of each device, in no order."""
    gaps: dict[str, list[Gap]] = {}
    for key, until in kept.items():
        serial, _, since = key.partition(" ")
        if since and key not in OUTAGE_KEYS and until != _TAKEN_BACK:
            gaps.setdefault(serial, []).append(Gap(int(since), until))
    return gaps
