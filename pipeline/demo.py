"""The demo: a simulated fleet through the journey that real messages take, at a pace that can be watched.

Owns the fleet's time: from when, how fast, until when; and the questions that its data answers. Which clock it runs by
is given to it. Must not know how it is shown.

The fleet's time runs several times faster than ours, so it begins so far back that it reaches the present when the
demo ends: no row is dated in the future. Without a duration it reaches the present after 20 minutes, with a very long
one after a day, and from then on runs as fast as ours. Before the live part is the warm-up: it is taken as fast as it
can be, so that there is a fleet in full swing to look at. A second run adds to the data of the first one; where both
tell of the same time, both are kept. The operator's own commands come as copies, as a backend would hand them on.

A demo of days is history alone: from so long ago up to the present, as fast as it can be. Its devices report a tenth as
often as real ones, so that a fortnight of 200 chargers takes minutes.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, Protocol

from pipeline.board_state import POWER_STEP_NS, Board, Snapshot
from pipeline.core.timestamps import NS_PER_S
from pipeline.journey import BatchReport
from pipeline.simulator.command_copy import copy_of
from pipeline.simulator.fleet import Fleet, FleetPlan
from pipeline.simulator.quirks import Quirks
from schemas.command import CommandSent
from schemas.delivery import Delivery

Take = Callable[[Sequence[Delivery], int], BatchReport]
"""`Journey.take`: deliveries and our present time to what became of them."""

FRAME_NS = NS_PER_S // 4
"""Our time between two snapshots."""

_UNTIMED_NS = 20 * 60 * NS_PER_S
_LONGEST_NS = 24 * 3_600 * NS_PER_S
_WARM_UP_NS = 3 * 3_600 * NS_PER_S
_WARM_UP_CHARGERS = 120
_DAY_NS = 24 * 3_600 * NS_PER_S
_HISTORY_STEP_NS = 3_600 * NS_PER_S
_HISTORY_REPORTS = 0.1
_HISTORY_CHARGERS_A_SITE = 50
_USUAL_SPEED = 60.0
_MOST_CHARGERS_TIMES_SPEED = 120_000
_LONGEST_PAUSE_NS = NS_PER_S

QUESTIONS: Mapping[str, str] = MappingProxyType(
    {
        "Who drew power last, and how much?": (
            "SELECT time, charger, round(total_power_kw, 1) AS kw FROM charger_power_iso "
            "WHERE total_power_kw > 0 ORDER BY time DESC LIMIT 10"
        ),
        "Since when is each charger in its mode? (1 disconnected, 2 awaiting start, 3 charging, 4 completed)": (
            "SELECT charger, op_mode, max(time) AS since FROM charger_mode_iso "
            "WHERE op_mode IS NOT NULL GROUP BY charger"
        ),
        "How often and how fast was each command answered?": (
            "SELECT command, count(*) AS answers, sum(accepted) AS accepted, round(avg(response_ms)) AS response_ms "
            "FROM command_response_iso GROUP BY command ORDER BY answers DESC"
        ),
        "How did our commands end, and within how many ms were 95 % of the answered ones answered?": (
            "SELECT command, count(*) AS sent, sum(state = 'accepted') AS accepted, "
            "sum(state = 'rejected') AS rejected, sum(state = 'timed_out') AS timed_out, "
            "sum(state = 'expired') AS expired, sum(late) AS late, "
            "min(CASE WHEN answered AND share >= 0.95 THEN round(response_ms) END) AS p95_ms "
            "FROM (SELECT *, cume_dist() OVER (PARTITION BY command, answered ORDER BY response_ms) AS share "
            "FROM command_iso) GROUP BY command ORDER BY sent DESC"
        ),
    }
)
"""Questions to the demo's data, and how they are asked. A shell takes each as it is between double quotes."""


class Clock(Protocol):
    """Our time, in nanoseconds."""

    def now(self) -> int:
        """Since the epoch, UTC."""

    def monotonic(self) -> int:
        """Since any moment; never goes back."""

    def sleep(self, nanoseconds: int) -> None:
        """Let so much time pass; nothing where that is not above 0."""


class DemoPlan(NamedTuple):
    """What to show. `speed` is how many times faster than ours the fleet's time runs, 1 or more.

    `duration`  of the live part, nanoseconds of our time; None is until somebody ends it.
    `days`      of history in place of all that; 0 for none.
    """

    chargers: int
    seed: int
    speed: float
    duration: int | None
    days: int = 0

    def fleet(self, begins_at: int) -> FleetPlan:
        """The fleet, from this moment on, nanoseconds since the epoch."""
        plan = FleetPlan(seed=self.seed, chargers=self.chargers, start=begins_at, keeps_history=False)
        if not self.days:
            return plan
        return plan._replace(reports=_HISTORY_REPORTS, chargers_a_site=_HISTORY_CHARGERS_A_SITE)


class Timeline(NamedTuple):
    """The fleet's time, against ours. All in nanoseconds since the epoch, UTC.

    `begins_at`   when the warm-up begins.
    `lives_from`  when the live part begins.
    `present`     what our clock showed at the start.
    """

    begins_at: int
    lives_from: int
    present: int
    speed: float

    def fleet_time(self, elapsed: int) -> int:
        """The fleet's time after so many nanoseconds of the live part; never ahead of our clock."""
        return min(self.lives_from + int(elapsed * self.speed), self.present + elapsed)


def usual_speed(chargers: int) -> float:
    """How fast a fleet of this size is lively to watch, and still easy to keep up with."""
    return max(min(_USUAL_SPEED, float(_MOST_CHARGERS_TIMES_SPEED // chargers)), 1.0)


def plan_timeline(plan: DemoPlan, now: int) -> Timeline:
    """The timeline of a demo that starts at `now`. The more chargers, the shorter the warm-up."""
    if plan.days:
        return Timeline(begins_at=now - plan.days * _DAY_NS, lives_from=now, present=now, speed=1.0)
    length = _UNTIMED_NS if plan.duration is None else min(plan.duration, _LONGEST_NS)
    lives_from = now - int((plan.speed - 1) * length)
    warm_up = _WARM_UP_NS * min(_WARM_UP_CHARGERS, plan.chargers) // plan.chargers
    return Timeline(begins_at=lives_from - warm_up, lives_from=lives_from, present=now, speed=plan.speed)


class Demo:
    """A fleet, the way that its messages take, and a board that looks on."""

    def __init__(self, plan: DemoPlan, take: Take, board: Board, batch: int, clock: Clock) -> None:
        """Begin now, by `clock`; `take`, the journey's, gets batches of `batch` messages at most."""
        self._plan = plan
        self._take = take
        self._board = board
        self._batch = batch
        self._clock = clock
        self._timeline = plan_timeline(plan, clock.now())
        self._fleet = Fleet(plan.fleet(self._timeline.begins_at), Quirks.everyday())

    def run(self) -> Iterator[Snapshot]:
        """A snapshot after each FRAME_NS of our time; everything that it shows is durable.

        Ends with the plan's duration or days, and may be left after any snapshot. Where `take` cannot keep up, the
        fleet's time runs slower than planned. Raises what `take` raises.
        """
        if self._plan.days:
            yield from self._hurry(_HISTORY_STEP_NS)
            self._advance(self._timeline.lives_from)
            yield self._board.snapshot(self._timeline.lives_from, self._clock.monotonic())
        else:
            yield from self._hurry(POWER_STEP_NS)
            yield from self._live()

    def _hurry(self, step: int) -> Iterator[Snapshot]:
        """Everything before the live part, as fast as it can be."""
        timeline = self._timeline
        shown = self._clock.monotonic()
        for moment in range(timeline.begins_at + step, timeline.lives_from, step):
            self._advance(moment)
            if self._clock.monotonic() - shown >= FRAME_NS:
                shown = self._clock.monotonic()
                yield self._board.snapshot(moment, shown)

    def _live(self) -> Iterator[Snapshot]:
        clock, duration = self._clock, self._plan.duration
        began = last = clock.monotonic()
        elapsed = 0
        while True:
            moment = self._timeline.fleet_time(elapsed)
            self._advance(moment)
            yield self._board.snapshot(moment, clock.monotonic())
            left = FRAME_NS if duration is None else began + duration - last
            if left <= 0:
                return
            clock.sleep(last + min(FRAME_NS, left) - clock.monotonic())
            now = clock.monotonic()
            elapsed += min(now - last, _LONGEST_PAUSE_NS)
            last = now

    def _advance(self, until: int) -> None:
        happened = self._fleet.advance_with_commands(until)
        deliveries = [copy_of(item) if isinstance(item, CommandSent) else item for item in happened]
        for first in range(0, len(deliveries), self._batch):
            report = self._take(deliveries[first : first + self._batch], self._clock.now())
            self._board.take(report, until, self._clock.monotonic())
            self._board.take_alerts(report.told)
