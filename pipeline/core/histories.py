"""Histories: hours and snapshots of a fleet, from what its chargers say and from when they are heard.

Owns what is late, and which rows that touches. Pure: time is the watermark, an argument. Must not know sources, stores,
or how its memory is kept.

The final rows are a function of the set of messages, however they are ordered, repeated, cut into rounds or portions,
and wherever this is interrupted. What counts is when a message reached the cloud, not when it reached us:
- one stamped more than LATE_DATA before it reached the cloud counts as said LATE_DATA before that, for what was said
  last; the hour it is stamped in does not have it; it is counted as late;
- one that is delivered to us more than CLOSED_NS behind the watermark, so late that what it belongs to may be
  forgotten, is passed over, and counted too. That alone depends on when it came: redeliveries come sooner;
- `messages` and the tag `firmware` are exempt, see `pipeline.core.hours`.

One round is: `add` and `hear` for its messages; `advance`, for the rows; write them; keep `changes`. Where a round
fails, `touch` gives its rows again with the next one. What was taken and cannot be kept is forgotten with `restore`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from pipeline.core.charger_course import SLOTS, STEP_NS, ChargerCourse, Slot
from pipeline.core.clock_offset import HOUR_NS, hour_of
from pipeline.core.forgetting import CLOSED_NS
from pipeline.core.grid_waves import Due, GridWaves
from pipeline.core.history_log import RUN, LogHead
from pipeline.core.history_memory import HistoryMemory
from pipeline.core.hours import hour_row
from pipeline.core.kept_facts import KeptKey
from pipeline.core.same_stamp import spread_stamp
from pipeline.core.snapshots import snapshot_row
from pipeline.core.timestamps import NS_PER_S
from pipeline.core.watermark import AHEAD_NS
from schemas.observation import Observation, Product
from schemas.row import Row

_HOUR_SETTLES_NS = 120 * NS_PER_S
"""How long an hour's rows wait: the meter speaks at its end, and most of what it says comes within this."""

_MOST_ROWS = 2_000
# Names of this module are found faster than members of an enumeration, and every message looks for them.
_CHARGER, _RELEASE, _ENERGY = Product.CHARGER, Slot.RELEASE, Slot.LIFETIME_ENERGY
_slot_of = dict(SLOTS).get


class HistoryTouched(NamedTuple):
    """What rows are about, for `Histories.touch`; nobody else need look inside."""

    hours: frozenset[Due] = frozenset()
    snapshots: frozenset[Due] = frozenset()

    def __or__(self, other: "HistoryTouched") -> "HistoryTouched":
        """Both."""
        return HistoryTouched(self.hours | other.hours, self.snapshots | other.snapshots)


class HistoryRows(NamedTuple):
    """What is to be written, for the first time or again, and what it is about.

    `late`      observations since the last round that were too late for the hour they are stamped in.
    `is_whole`  False where more is due: it comes with the next rounds.
    """

    rows: tuple[Row, ...]
    touched: HistoryTouched
    late: int
    is_whole: bool


class Histories:
    """See above. For one thread at a time."""

    def __init__(self, silent_after: int, late_ns: int) -> None:
        """Knows nothing yet. SILENT_AFTER and LATE_DATA, nanoseconds."""
        self._silent_after = silent_after
        self._late_ns = late_ns
        self._memory = HistoryMemory(silent_after, late_ns)
        self._hours = GridWaves(HOUR_NS, _HOUR_SETTLES_NS)
        self._snapshots = GridWaves(STEP_NS, 0)
        self._horizon = 0
        self._told = 0
        self._late = 0

    def __len__(self) -> int:
        """How many devices are remembered."""
        return len(self._memory.runs)

    @property
    def wanted(self) -> frozenset[int]:
        """Ids of observations of chargers that matter here."""
        return frozenset(SLOTS)

    def begin(self, at: int) -> None:
        """Give no rows of a moment before this one, whatever is said of earlier ones."""
        self._hours.begin(at)
        self._snapshots.begin(at)
        self._told = max(self._hours.told, self._snapshots.told)

    def add(self, observation: Observation) -> None:
        """An observation; what is not wanted here, and a value that is no number, is passed over."""
        serial, product, number, _, value, crc, observed_at, arrived_at, received_at = observation
        slot = _slot_of(number)
        if slot is None or type(value) is not float or product is not _CHARGER:
            return
        key = observed_at if slot is _ENERGY else spread_stamp(observed_at, arrived_at, crc)
        if arrived_at is None:
            arrived_at = observed_at if received_at is None else received_at
        elif received_at is not None and arrived_at > received_at + AHEAD_NS:
            arrived_at = received_at + AHEAD_NS
        lag_ns = arrived_at - observed_at
        if lag_ns > self._late_ns:
            self._late += 1
            if slot is _ENERGY:
                return
            key = max(key, arrived_at - self._late_ns)
        if key < self._horizon:
            self._late += 1
            return
        if slot is _RELEASE:
            self._add_release(serial, key, lag_ns, value)
            return
        reached = self._memory.say(serial, slot, key, lag_ns, value)
        if reached is not None and reached < self._told + NS_PER_S:
            self._touch_said(serial, slot, key)

    def hear(self, serials: Sequence[str], arrivals: list[int]) -> None:
        """Messages of any kind: of which device, and when each reached the cloud, which our receipt bounds.

        As many as a round has, at once.
        """
        for serial, run in self._memory.hear(serials, arrivals, self._told):
            if run.first <= self._told:
                self._touch_run(serial, *run)

    def advance(self, watermark: int, most: int = _MOST_ROWS) -> HistoryRows:
        """What is due when everything before the watermark is known: at most so many rows, and those of `touch`."""
        self._begin(watermark)
        hours = self._hours.take(watermark, most, self._with_hour)
        left = max(most - len(hours), 0)
        snapshots = self._snapshots.take(watermark, left, self._maybe_online)
        self._told = max(self._hours.told, self._snapshots.told)
        rows = self._rows(hours, self._hour_row) + self._rows(snapshots, self._snapshot_row)
        self._move_horizon(watermark)
        self._memory.advance(watermark, self._horizon)
        late, self._late = self._late, 0
        is_whole = len(hours) + len(snapshots) < most
        touched = HistoryTouched(frozenset(hours), frozenset(snapshots))
        return HistoryRows(tuple(rows), touched, late, is_whole)

    def touch(self, touched: HistoryTouched) -> None:
        """Give rows again at the next `advance`, as they are then."""
        self._hours.touch_again(touched.hours)
        self._snapshots.touch_again(touched.snapshots)

    def changes(self) -> Mapping[KeptKey, bytes | None]:
        """What is to be kept since the last call, by key; None for what is to be dropped.

        To be kept only once the rows of the round are written.
        """
        is_settled = self._hours.is_settled and self._snapshots.is_settled
        return self._memory.changes(LogHead(self._hours.given, self._snapshots.given, self._horizon, is_settled))

    def restore(self, kept: Iterable[tuple[KeptKey, bytes]], heard: Mapping[str, int]) -> None:
        """Remember what was kept, and nothing else. `heard` is when each device was heard last, nanoseconds.

        What was not written is given again, and with it some of what was. Raises ValueError for an entry that this
        program does not know.
        """
        head, unsettled = self._memory.restore(kept, heard)
        self._hours.begin(None if head is None else head.hours)
        self._snapshots.begin(None if head is None else head.snapshots)
        self._told = max(self._hours.told, self._snapshots.told)
        self._horizon = 0 if head is None else head.horizon
        self._late = 0
        for serial, slot, key, lag_ns, _ in unsettled:
            if slot == RUN:
                self._touch_run(serial, key, key + lag_ns)
            elif slot != _RELEASE:
                self._touch_said(serial, Slot(slot), key)

    def _begin(self, watermark: int) -> None:
        """The first moments that have rows are behind the first that anybody said anything of, and not due before."""
        if not self._hours.has_begun and self._memory.chargers and watermark:
            first = min(charger.since for charger in self._memory.chargers.values())
            self._hours.begin(min(first, watermark - _HOUR_SETTLES_NS - 1))
            self._snapshots.begin(min(first, watermark) - 1)

    def _move_horizon(self, watermark: int) -> None:
        """What nobody can speak of in time any more is past; what was just said can be said again."""
        hour, snapshot = self._hours.earliest, self._snapshots.earliest
        if hour is not None and snapshot is not None:
            at = min(watermark - self._late_ns - CLOSED_NS, hour - HOUR_NS, snapshot - HOUR_NS)
            self._horizon = max(self._horizon, hour_of(at))

    def _add_release(self, serial: str, key: int, lag_ns: int, value: float) -> None:
        """A release counts only for hours that are not told: a row keeps the firmware it was written under."""
        charger = self._memory.chargers.get(serial)
        if charger is None or charger.is_newer_release(key, value):
            self._memory.say(serial, Slot.RELEASE, max(key, self._hours.told), lag_ns, value)

    def _touch_said(self, serial: str, slot: Slot, key: int) -> None:
        charger = self._memory.chargers[serial]
        first, until = charger.reach(slot, key)
        if charger.since > key - NS_PER_S:
            self._touch_between(serial, first - first % NS_PER_S, None)
        elif slot is _ENERGY:
            # At the earlier reading itself, the counter is what it was.
            self._hours.touch(serial, max(first + (first < key), self._horizon + 1), until)
        else:
            self._touch_between(serial, first - first % NS_PER_S, until)

    def _touch_run(self, serial: str, first: int, last: int) -> None:
        """A device was heard: it is online from then on, and silent a while after."""
        self._touch_between(serial, first, last + self._silent_after + STEP_NS)

    def _touch_between(self, serial: str, first: int, until: int | None) -> None:
        first = max(first, self._horizon + 1)
        self._hours.touch(serial, first, until)
        self._snapshots.touch(serial, first, until)

    def _with_hour(self, end: int) -> Sequence[str]:
        return [serial for serial, charger in self._memory.chargers.items() if charger.since < end]

    def _maybe_online(self, at: int) -> Sequence[str]:
        return self._memory.runs.maybe_online_between(at - STEP_NS, at)

    def _hour_row(self, serial: str, charger: ChargerCourse, end: int) -> Row | None:
        hour = end - HOUR_NS
        return hour_row(serial, charger, self._memory.runs, hour, self._memory.messages(serial, hour))

    def _snapshot_row(self, serial: str, charger: ChargerCourse, at: int) -> Row | None:
        return snapshot_row(serial, charger, self._memory.runs, at)

    def _rows(self, dues: Iterable[Due], row_of: Callable[[str, ChargerCourse, int], Row | None]) -> list[Row]:
        """The rows that there are, of what is not forgotten."""
        chargers, horizon = self._memory.chargers, self._horizon
        made = [
            row_of(serial, charger, at)
            for serial, at in dues
            if (charger := chargers.get(serial)) is not None and at > horizon
        ]
        return [row for row in made if row is not None]
