"""The drive of a simulation: its two paces, its ends, and that commands reach the fleet."""

import asyncio
from collections.abc import Callable, Sequence
from itertools import pairwise

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.replay_lines import to_line
from pipeline.simulate import FRAME_NS, Simulation, SimulationPlan
from pipeline.simulator.fleet import Fleet, FleetPlan
from pipeline.simulator.quirks import Quirks
from pipeline.wires.amqp_carried import as_carried
from schemas.delivery import Delivery

S = 1_000_000_000
NOW = 1_764_000_000 * S
PLAN = SimulationPlan(chargers=12, seed=3, quirks=Quirks.all(), duration=10 * S)
COMMAND = orjson.dumps({"Id": 48, "Arguments": [{"Id": 1, "Value": "10"}, {"Id": 2, "Value": "60"}]})


class SteppedClock:
    """A clock that moves when somebody sleeps, and as a test moves it."""

    def __init__(self) -> None:
        self.passed = 0
        self.sleeps: list[int] = []

    def now(self) -> int:
        return NOW + self.passed

    def monotonic(self) -> int:
        return self.passed

    async def sleep(self, nanoseconds: int) -> None:
        self.sleeps.append(nanoseconds)
        self.passed += nanoseconds


class Published:
    """What was published: `(our time, deliveries)` of each time. `on_frame` is called before it counts."""

    def __init__(self, clock: SteppedClock, on_frame: Callable[[int], None] = lambda _: None) -> None:
        self.clock = clock
        self.frames: list[tuple[int, Sequence[Delivery]]] = []
        self._on_frame = on_frame

    async def publish(self, deliveries: Sequence[Delivery]) -> None:
        self._on_frame(len(self.frames))
        self.frames.append((self.clock.passed, deliveries))

    @property
    def deliveries(self) -> list[Delivery]:
        return [delivery for _, deliveries in self.frames for delivery in deliveries]


def run(plan: SimulationPlan) -> Published:
    clock = SteppedClock()
    published = Published(clock)
    asyncio.run(Simulation(plan, clock).run(published.publish, lambda: False))
    return published


def stream(plan: SimulationPlan, start: int, until: int) -> list[Delivery]:
    """What the fleet says from `start` to `until`, nanoseconds since the epoch, UTC."""
    fleet = FleetPlan(plan.seed, plan.chargers, start=start, keeps_history=False)
    return Fleet(fleet, plan.quirks).advance(until)


def test_the_fleets_own_time_runs_as_ours() -> None:
    published = run(PLAN)
    assert published.deliveries == stream(PLAN, NOW, NOW + 10 * S)
    assert all(moment <= 10 * S for moment, _ in published.frames)
    assert {later - sooner for (sooner, _), (later, _) in pairwise(published.frames)} == {FRAME_NS}
    for moment, deliveries in published.frames:
        assert all((delivery.received_at or 0) <= NOW + moment for delivery in deliveries)


def test_a_faster_fleet_ends_in_the_present() -> None:
    published = run(PLAN._replace(speed=60.0))
    lives_from = NOW - 59 * 10 * S
    assert published.deliveries == stream(PLAN, lives_from, NOW + 10 * S)


def test_what_was_due_in_a_long_stall_is_caught_up_in_pieces_and_without_a_pause() -> None:
    clock = SteppedClock()

    def stall(frame: int) -> None:
        if frame == 1:
            clock.passed += 600 * S

    published = Published(clock, stall)
    simulation = Simulation(PLAN._replace(duration=None), clock)
    asyncio.run(simulation.run(published.publish, lambda: simulation.counts.fleet_at >= NOW + 600 * S))
    assert clock.sleeps == [FRAME_NS, *[0] * 10, FRAME_NS]
    assert published.deliveries == stream(PLAN, NOW, simulation.counts.fleet_at)


@pytest.mark.parametrize("rate", [3.0, 40.0, 1_000.0])
def test_no_second_has_more_messages_than_the_rate(rate: float) -> None:
    frames = run(PLAN._replace(rate=rate)).frames
    for start, _ in frames:
        within = sum(len(deliveries) for moment, deliveries in frames if start <= moment < start + S)
        assert within <= rate + 2 * rate * FRAME_NS / S + 1
    assert sum(len(deliveries) for _, deliveries in frames) == pytest.approx(10 * rate, rel=0.02, abs=1)


def test_what_a_stall_missed_is_not_made_up_for() -> None:
    clock = SteppedClock()

    def stall(frame: int) -> None:
        if frame == 1:
            clock.passed += 600 * S

    published = Published(clock, stall)
    asyncio.run(Simulation(PLAN._replace(rate=100.0), clock).run(published.publish, lambda: False))
    assert max(len(deliveries) for _, deliveries in published.frames) <= 100 * FRAME_NS / S * 2


@pytest.fixture(scope="module")
def first_hour() -> list[Delivery]:
    start = FleetPlan().start
    return stream(PLAN, start, start + 3_600 * S)


@given(rate=st.floats(10, 1e9), messages=st.integers(1, 300))
def test_a_stream_at_a_rate_is_the_same_at_any_rate(first_hour: list[Delivery], rate: float, messages: int) -> None:
    plan = PLAN._replace(rate=rate, messages=messages, duration=None)
    assert run(plan).deliveries == first_hour[:messages]


@pytest.mark.parametrize("rate", [None, 50.0, 1e6])
def test_exactly_so_many_messages_are_published(rate: float | None) -> None:
    plan = PLAN._replace(rate=rate, messages=37, duration=None)
    assert len(run(plan).deliveries) == 37


def test_the_record_is_what_arrives_line_by_line() -> None:
    clock = SteppedClock()
    published, lines = Published(clock), list[bytes]()
    plan = PLAN._replace(rate=1e6, messages=500)
    asyncio.run(Simulation(plan, clock, lines.append).run(published.publish, lambda: False))
    assert b"".join(lines).splitlines() == [to_line(as_carried(delivery)) for delivery in published.deliveries]


def test_a_command_is_answered_and_counted() -> None:
    clock = SteppedClock()
    simulation = Simulation(PLAN._replace(quirks=Quirks.none()), clock)

    def command(frame: int) -> None:
        if frame == 20:
            simulation.take_command("EH000001.C.48", COMMAND)
            simulation.take_command("EH000001.C.48", b"{")
            simulation.take_command("nonsense", COMMAND)

    published = Published(clock, command)
    asyncio.run(simulation.run(published.publish, lambda: False))
    answers = [each for each in published.deliveries if each.routing_key == "EH000001.CR.48"]
    assert [orjson.loads(answer.body)["WasAccepted"] for answer in answers] == [True]
    counts = simulation.counts
    assert (counts.commands, counts.understood) == (3, 1)
    assert counts.due == len(published.deliveries)
    assert (counts.began_at, counts.fleet_at, counts.elapsed) == (NOW, NOW + 10 * S, 10 * S)


def test_somebody_who_asks_for_the_end_gets_it_at_once() -> None:
    clock = SteppedClock()
    published = Published(clock)
    ends = iter([False, False, True])
    asyncio.run(Simulation(PLAN, clock).run(published.publish, lambda: next(ends)))
    assert len(published.frames) == 2
