"""Silence of the fleet: one outage instead of a thousand silent chargers, and which of these are told one by one.

Owns the state of the whole fleet as edges of its devices are taken in order of event time: who is silent, whether
there is an outage, and who was told of. Must not know when a device was heard (`pipeline.core.silences`).

An outage begins at the deadline at which more than max(20, 5 % of the fleet) have fallen silent within 5 min and still
are. Everyone who fell silent in those 5 min or later belongs to it, and it ends at the ArrivalTime, or the forgetting,
after which no more than that threshold of them are silent.

A silent charger is told of 5 min after its deadline, unless there is an outage then, or was one within 5 min: 5 min
after the end of an outage those are told of that are still silent. Its clear is told where its raise was.

All of it follows from the deadlines of those silent now and from three moments (`Outage`), so nothing else is kept. A
message that comes late (behind the watermark) takes back what was said of its device, but never moves an outage; where
too few are left because of it, that ends at the deadline which was taken back, or, where that is before its beginning,
is taken back itself.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Mapping, Sequence
from heapq import heapify, heappop, heappush
from typing import NamedTuple

from pipeline.core.silence_words import charger_silent, fleet_heard, fleet_silent, fleet_still_silent
from pipeline.core.silences import Edge, EdgeKind
from schemas.alert import Alert

TOGETHER_NS = 300 * 10**9
"""Deadlines within this span are of one outage; so long a silent charger is held back, since it may be one of many."""


class FleetRule(NamedTuple):
    """How many are an outage: more than `least`, and more than this share of the fleet."""

    least: int = 20
    share: float = 0.05

    def threshold(self, known: int) -> float:
        """The most that are none."""
        return max(self.least, self.share * known)


class Outage(NamedTuple):
    """What must be known of the outage, or of the one before. 0 where there is no such moment.

    `silent_since`  when the one that lasts began.
    `heard_since`   when the last one ended, as long as that holds back anything.
    `held_since`    since when nobody is told of single chargers.
    """

    silent_since: int = 0
    heard_since: int = 0
    held_since: int = 0


class SilenceEdges(NamedTuple):
    """Edges of alerts, each in order of event time: to be written as rows, and to be told to people."""

    to_write: Sequence[Alert]
    to_notify: Sequence[Alert]


NO_EDGES = SilenceEdges((), ())


class FleetSilence:
    """See above."""

    def __init__(self, silent_after: int, rule: FleetRule) -> None:
        """Knows no device."""
        self._silent_after = silent_after
        self._rule = rule
        self._known = 0
        self._silent: dict[str, int] = {}
        self._deadlines: list[int] = []
        self._outage = Outage()
        self._alert: Alert | None = None
        self._members = 0
        self._waiting: list[tuple[int, str]] = []
        self._told: dict[str, Alert] = {}
        self._to_write: list[Alert] = []
        self._to_notify: list[Alert] = []

    @property
    def outage(self) -> Outage:
        """What must be kept of it."""
        return self._outage

    def active(self) -> Sequence[Alert]:
        """What people were told of and still lasts."""
        outage = (self._alert,) if self._alert else ()
        return (*outage, *self._told.values())

    def take(self, edge: Edge) -> None:
        """The next edge of some device."""
        self.pass_to(edge.at)
        match edge.kind:
            case EdgeKind.JOINED:
                self._known += 1
            case EdgeKind.LEFT:
                self._known -= 1
            case EdgeKind.RAISED:
                self._say(edge)
                self._add(edge)
            case EdgeKind.END_REFUTED:
                self._say(edge)
            case EdgeKind.ENDED | EdgeKind.REFUTED:
                self._remove(edge, self._say(edge))
            case EdgeKind.FORGOTTEN:
                self._known -= 1
                self._remove(edge, self._say(edge))
        if self._alert and self._members <= self._rule.threshold(self._known):
            self._end_outage(max(edge.at, self._alert.at))

    def pass_to(self, at: int) -> None:
        """Everything before `at` was taken: tell of those who have been silent for long enough."""
        _, heard_since, held_since = self._outage
        if heard_since and heard_since + TOGETHER_NS < at:
            self._outage = Outage()
            self._list_waiting()
        elif held_since:
            return
        while self._waiting and self._waiting[0][0] + TOGETHER_NS < at:
            deadline, serial = heappop(self._waiting)
            if self._silent.get(serial) == deadline:
                self._told[serial] = self._raised(serial, deadline)
                self._to_notify.append(self._told[serial])

    def take_edges(self) -> SilenceEdges:
        """What became of it since the last call."""
        if not self._to_write and not self._to_notify:
            return NO_EDGES
        edges = SilenceEdges(tuple(self._to_write), tuple(self._to_notify))
        self._to_write, self._to_notify = [], []
        return edges

    def restore(self, silent: Mapping[str, int], known: int, outage: Outage, at: int) -> None:
        """Be what was there when everything before `at` had been taken, and nothing else.

        `silent` has the deadlines of those silent, `known` counts the fleet. Nobody is told again.
        """
        self._known, self._silent, self._outage = known, dict(silent), outage
        self._alert, self._members = None, 0
        self._to_write, self._to_notify = [], []
        if outage.silent_since:
            self._members = sum(deadline >= outage.silent_since - TOGETHER_NS for deadline in silent.values())
            self._alert = fleet_still_silent(outage.silent_since, self._members)
        told_before = (outage.held_since or at) - TOGETHER_NS
        self._told = {
            serial: self._raised(serial, deadline) for serial, deadline in silent.items() if deadline < told_before
        }
        self._list_deadlines()
        self._list_waiting()

    def _add(self, edge: Edge) -> None:
        self._silent[edge.serial] = edge.at
        if self._alert:
            self._members += edge.at >= self._alert.at - TOGETHER_NS
            return
        insort(self._deadlines, edge.at)
        if not self._outage.held_since:
            heappush(self._waiting, (edge.at, edge.serial))
        first = bisect_left(self._deadlines, edge.at - TOGETHER_NS)
        together = bisect_right(self._deadlines, edge.at) - first
        if together > self._rule.threshold(self._known):
            self._members = len(self._deadlines) - first
            self._outage = Outage(edge.at, 0, self._outage.held_since or edge.at)
            self._alert = fleet_silent(edge.at, together, self._known, TOGETHER_NS)
            self._tell(self._alert)

    def _remove(self, edge: Edge, alert: Alert) -> None:
        if self._silent.get(edge.serial) != edge.deadline:
            return
        del self._silent[edge.serial]
        if self._alert:
            self._members -= edge.deadline >= self._alert.at - TOGETHER_NS
        else:
            del self._deadlines[bisect_left(self._deadlines, edge.deadline)]
        if self._told.pop(edge.serial, None):
            self._to_notify.append(alert)

    def _end_outage(self, at: int) -> None:
        self._tell(fleet_heard(at, self._outage.silent_since, self._members))
        self._outage = Outage(0, at, self._outage.held_since)
        self._alert, self._members = None, 0
        self._list_deadlines()

    def _list_deadlines(self) -> None:
        """Order those that are silent; an outage needs only their number."""
        self._deadlines = [] if self._alert else sorted(self._silent.values())

    def _list_waiting(self) -> None:
        """Order those that are to be told of; nobody is while they are held back."""
        untold = () if self._outage.held_since else self._silent.keys() - self._told.keys()
        self._waiting = [(self._silent[serial], serial) for serial in untold]
        heapify(self._waiting)

    def _say(self, edge: Edge) -> Alert:
        alert = charger_silent(edge, self._silent_after)
        self._to_write.append(alert)
        return alert

    def _tell(self, alert: Alert) -> None:
        self._to_write.append(alert)
        self._to_notify.append(alert)

    def _raised(self, serial: str, deadline: int) -> Alert:
        return charger_silent(Edge(deadline, EdgeKind.RAISED, serial, deadline), self._silent_after)
