"""A simulated fleet against a broker: when its messages are due, and how many.

Owns the two paces, what ends a simulation, and that commands reach the fleet. Must not know the broker, the clock, or
who looks on.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from math import inf
from typing import NamedTuple, Protocol

from pipeline.core.timestamps import NS_PER_S
from pipeline.demo import DemoPlan, Timeline, plan_timeline
from pipeline.replay_lines import to_line
from pipeline.simulator.fleet import Fleet, FleetPlan
from pipeline.simulator.quirks import Quirks
from pipeline.wires.amqp_carried import as_carried
from schemas.delivery import Delivery

FRAME_NS = NS_PER_S // 20
"""How often it is looked what is due."""

Publish = Callable[[Sequence[Delivery]], Awaitable[None]]
"""Returns when every delivery is where the consumer will find it."""

Record = Callable[[bytes], object]
"""Takes recorded lines, with their line breaks."""

_STEP_NS = NS_PER_S
_LONGEST_STEP_NS = 60 * NS_PER_S
_MOST_AT_ONCE = 5_000


class Clock(Protocol):
    """Our time, in nanoseconds."""

    def now(self) -> int:
        """Since the epoch, UTC."""

    def monotonic(self) -> int:
        """Since any moment; never goes back."""

    async def sleep(self, nanoseconds: int) -> None:
        """Let so much time pass, 0 or more; others have their turn in any case."""


class SimulationPlan(NamedTuple):
    """What is simulated, and how fast.

    `speed`     how many times faster than ours the fleet's time runs, 1 or more.
    `rate`      messages a second at most, the fleet's time going along, from the same moment in every run; None for
                the fleet's own time.
    `messages`  end after exactly so many messages; None for no such end.
    `duration`  end after so many nanoseconds of our time; None for no such end.
    """

    chargers: int
    seed: int
    quirks: Quirks
    speed: float = 1.0
    rate: float | None = None
    messages: int | None = None
    duration: int | None = None


class Counts(NamedTuple):
    """What has happened. Times of the fleet are nanoseconds since the epoch, UTC.

    `due`         messages that were handed over for publishing.
    `commands`    that came, `understood` of them by the simulated cloud.
    `began_at`    the fleet's time at the start, `fleet_at` now.
    `elapsed`     of our time, nanoseconds.
    """

    due: int
    commands: int
    understood: int
    began_at: int
    fleet_at: int
    elapsed: int


class _Pace(Protocol):
    """When messages are due."""

    @property
    def fleet(self) -> Fleet:
        """Whose messages."""

    @property
    def fleet_at(self) -> int:
        """The fleet's time, nanoseconds since the epoch, UTC."""

    @property
    def is_behind(self) -> bool:
        """Whether more was due than the last time gave."""

    def due(self, elapsed: int) -> list[Delivery]:
        """What is due after `elapsed` nanoseconds of our time, and has not been given before; not too much at once."""


class _TimedPace:
    """The fleet's messages at the fleet's own times."""

    def __init__(self, plan: SimulationPlan, now: int) -> None:
        self._timeline: Timeline = plan_timeline(DemoPlan(plan.chargers, plan.seed, plan.speed, plan.duration), now)
        self.fleet_at = self._timeline.lives_from
        self.fleet = _make_fleet(plan, self.fleet_at)
        self.is_behind = False

    def due(self, elapsed: int) -> list[Delivery]:
        target = self._timeline.fleet_time(elapsed)
        self.fleet_at = min(target, self.fleet_at + _LONGEST_STEP_NS)
        self.is_behind = self.fleet_at < target
        return self.fleet.advance(self.fleet_at)


class _RatedPace:
    """The fleet's messages one behind the other, so many a second at most; what was missed is not made up for."""

    def __init__(self, plan: SimulationPlan, rate: float) -> None:
        self.fleet_at = FleetPlan().start
        self.fleet = _make_fleet(plan, self.fleet_at)
        self.is_behind = False
        self._rate = rate
        self._allowed = 1.0
        self._last = 0
        self._ahead: deque[Delivery] = deque()

    def due(self, elapsed: int) -> list[Delivery]:
        earned = (elapsed - self._last) / NS_PER_S * self._rate
        self._last = elapsed
        self._allowed = min(self._allowed + earned, max(self._rate * FRAME_NS / NS_PER_S * 2, 1.0))
        number = min(int(self._allowed), _MOST_AT_ONCE)
        self._allowed -= number
        self.is_behind = self._allowed >= 1
        while len(self._ahead) < number:
            self.fleet_at += _STEP_NS
            self._ahead += self.fleet.advance(self.fleet_at)
        return [self._ahead.popleft() for _ in range(number)]


class Simulation:
    """One simulated fleet on its way to a broker."""

    def __init__(self, plan: SimulationPlan, clock: Clock, record: Record | None = None) -> None:
        """Begin at `clock`'s time. `record` gets each delivery, as it will arrive, before it is published."""
        self._plan = plan
        self._clock = clock
        self._record = record
        self._pace: _Pace = _TimedPace(plan, clock.now()) if plan.rate is None else _RatedPace(plan, plan.rate)
        self._began_at = self._pace.fleet_at
        self._started = clock.monotonic()
        self._due = self._commands = self._understood = 0

    @property
    def counts(self) -> Counts:
        """What has happened so far."""
        elapsed = self._clock.monotonic() - self._started
        return Counts(self._due, self._commands, self._understood, self._began_at, self._pace.fleet_at, elapsed)

    def take_command(self, routing_key: str, body: bytes) -> None:
        """A command that somebody published; its answer, and what it changes, will be among the messages."""
        self._commands += 1
        if self._pace.fleet.send(routing_key, body, self._pace.fleet_at) is not None:
            self._understood += 1

    async def run(self, publish: Publish, is_ending: Callable[[], bool]) -> None:
        """Publish what is due until the plan's end, or until `is_ending`. Raises what `publish` raises."""
        self._started = self._clock.monotonic()
        most = inf if self._plan.messages is None else self._plan.messages
        longest = inf if self._plan.duration is None else self._plan.duration
        while not is_ending():
            elapsed = self._clock.monotonic() - self._started
            due = self._pace.due(elapsed)
            if self._due + len(due) > most:
                due = due[: int(most) - self._due]
            if self._record and due:
                self._record(b"".join(to_line(as_carried(delivery)) + b"\n" for delivery in due))
            self._due += len(due)
            await publish(due)
            if self._due >= most or elapsed >= longest:
                return
            left = elapsed + FRAME_NS - (self._clock.monotonic() - self._started)
            await self._clock.sleep(0 if self._pace.is_behind else max(left, 0))


def _make_fleet(plan: SimulationPlan, start: int) -> Fleet:
    return Fleet(FleetPlan(plan.seed, plan.chargers, start=start, keeps_history=False), plan.quirks)
