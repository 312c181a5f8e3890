"""The demo: how its time runs, and that everything its fleet says takes the one way there is."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.assembly import STATE_FILE, STORE_FILE, open_journey, reject_limits
from pipeline.board_state import Board, Snapshot
from pipeline.demo import FRAME_NS, QUESTIONS, Demo, DemoPlan, plan_timeline, usual_speed
from pipeline.journey import BatchReport, Journey
from pipeline.simulator.fleet import Fleet, FleetPlan
from pipeline.simulator.quirks import Quirks
from pipeline.wires.state import StateFile
from schemas.alert import Alert, AlertKind
from schemas.catalogue import shipped_catalogue
from schemas.command import CommandSent
from schemas.delivery import Delivery
from tests.pipeline.settings_for_tests import settings_in

S = 1_000_000_000
HOUR = 3_600 * S
NOW = 1_764_000_000 * S
YEAR_2015 = 1_420_070_400 * S
PLAN = DemoPlan(chargers=12, seed=1, speed=60.0, duration=2 * S)
BATCH = 5_000


class SteppedClock:
    """A clock that moves when somebody sleeps: by as much as was asked for, or by `pause` where that is more."""

    def __init__(self, pause: int = 0) -> None:
        self._passed = 0
        self._pause = pause

    def now(self) -> int:
        return NOW + self._passed

    def monotonic(self) -> int:
        return self._passed

    def sleep(self, nanoseconds: int) -> None:
        self._passed += max(nanoseconds, self._pause)


@contextmanager
def opened(folder: Path) -> Iterator[Journey]:
    with open_journey(settings_in(folder), now=NOW) as journey:
        yield journey


def watched(folder: Path, plan: DemoPlan = PLAN, clock: SteppedClock | None = None) -> list[Snapshot]:
    with opened(folder) as journey:
        return list(Demo(plan, journey.take, Board(shipped_catalogue()), BATCH, clock or SteppedClock()).run())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def snapshots(folder: Path) -> list[Snapshot]:
    """Of a demo by the plan, whose data is in `folder`."""
    return watched(folder)


def test_the_live_part_ends_in_the_present() -> None:
    timeline = plan_timeline(PLAN, NOW)

    assert timeline.fleet_time(0) == timeline.lives_from == NOW - 118 * S
    assert timeline.fleet_time(S) == NOW - 58 * S
    assert timeline.fleet_time(2 * S) == NOW + 2 * S


@given(
    chargers=st.integers(1, 10_000),
    speed=st.floats(1, 3_600),
    duration=st.none() | st.integers(1, 36_500 * 24 * HOUR),
    elapsed=st.integers(0, 100 * 24 * HOUR),
)
def test_no_time_is_in_the_future_or_before_all_chargers(
    chargers: int, speed: float, duration: int | None, elapsed: int
) -> None:
    timeline = plan_timeline(DemoPlan(chargers, 1, speed, duration), NOW)

    assert YEAR_2015 < timeline.begins_at <= timeline.lives_from <= timeline.fleet_time(elapsed) <= NOW + elapsed


def test_without_a_duration_the_present_is_reached_and_never_passed() -> None:
    timeline = plan_timeline(PLAN._replace(duration=None), NOW)

    assert timeline.fleet_time(10 * 60 * S) < NOW
    assert timeline.fleet_time(HOUR) == NOW + HOUR


def test_a_large_fleet_is_shown_slower_after_a_shorter_warm_up() -> None:
    small, large = (plan_timeline(PLAN._replace(chargers=chargers), NOW) for chargers in (40, 1_200))

    assert small.lives_from - small.begins_at == 3 * HOUR
    assert large.lives_from - large.begins_at == HOUR * 3 // 10
    assert [usual_speed(chargers) for chargers in (1, 40, 10_000, 10**6)] == [60.0, 60.0, 12.0, 1.0]


def test_days_are_history_up_to_the_present_and_no_more(tmp_path: Path) -> None:
    plan = PLAN._replace(days=2, duration=None)
    *_, last = watched(tmp_path, plan)

    assert plan_timeline(plan, NOW).begins_at == NOW - 48 * HOUR
    assert last.now == NOW
    with closing(sqlite3.connect(tmp_path / STORE_FILE)) as store:
        first, latest = store.execute("SELECT min(time), max(time) FROM charger_power").fetchone()
        silent = store.execute("SELECT count(DISTINCT charger) FROM alert WHERE kind = 'charger_silent'").fetchone()
    assert first < NOW - 40 * HOUR
    assert NOW - HOUR < latest < NOW
    assert silent[0] < PLAN.chargers


def test_a_snapshot_comes_every_frame_until_the_duration_is_over(snapshots: list[Snapshot]) -> None:
    live = range(NOW - 118 * S, NOW + 2 * S + 1, 60 * FRAME_NS)
    assert [snapshot.now for snapshot in snapshots] == list(live)


def test_a_duration_between_two_frames_is_kept(tmp_path: Path) -> None:
    clock = SteppedClock()
    watched(tmp_path, PLAN._replace(duration=FRAME_NS + 1), clock)

    assert clock.monotonic() == FRAME_NS + 1


def test_the_fleet_is_in_full_swing_from_the_first_snapshot_on(snapshots: list[Snapshot]) -> None:
    first, *_ = snapshots

    assert first.chargers == 12
    assert first.equalizers == 2
    assert {mode.name for mode in first.modes} >= {"Charging", "Disconnected"}
    assert first.power_kw > 0
    assert first.latency is not None
    assert first.answers


def test_everything_the_fleet_says_is_taken_and_kept(folder: Path, snapshots: list[Snapshot]) -> None:
    *_, last = snapshots

    begins_at = plan_timeline(PLAN, NOW).begins_at
    fleet = Fleet(FleetPlan(PLAN.seed, PLAN.chargers, start=begins_at), Quirks.everyday())
    said = fleet.advance_with_commands(last.now)
    totals = last.totals
    assert totals.delivered == len(said) == totals.written + totals.commands + totals.rejected.total()
    assert totals.commands == sum(isinstance(item, CommandSent) for item in said)
    with StateFile.open(folder / STATE_FILE, reject_limits(settings_in(folder))) as state:
        assert {reject.reason for reject in state.rejects()} == set(totals.rejected)


def test_the_life_of_every_command_of_ours_is_stored_and_shown(folder: Path, snapshots: list[Snapshot]) -> None:
    *_, last = snapshots

    with closing(sqlite3.connect(folder / STORE_FILE)) as store:
        refs = store.execute("SELECT ref FROM command").fetchall()
        ends = dict(store.execute("SELECT state, count(*) FROM command GROUP BY state"))
        decisions = store.execute("SELECT count(*) FROM command_outcome WHERE outcome = 'accepted'").fetchone()
    assert len(set(refs)) == len(refs) == last.totals.commands > 0
    assert decisions == (ends["accepted"],)
    commands = last.commands
    assert 0 < commands.accepted <= ends["accepted"]
    assert commands.response is not None


def test_whoever_is_to_be_told_of_an_alert_sees_it(tmp_path: Path) -> None:
    alert = Alert("EH1", AlertKind.CHARGER_SILENT, "-", NOW, NOW, active=True, value=1_200.0, message="silent")
    with opened(tmp_path) as journey:

        def take(deliveries: Sequence[Delivery], now: int) -> BatchReport:
            return journey.take(deliveries, now)._replace(told=[alert])

        first = next(Demo(PLAN, take, Board(shipped_catalogue()), BATCH, SteppedClock()).run())

    assert alert in first.alerts


def test_after_a_long_pause_the_fleet_goes_on_where_it_was(tmp_path: Path) -> None:
    snapshots = watched(tmp_path, PLAN._replace(duration=180 * S), SteppedClock(pause=60 * S))

    steps = [later.now - earlier.now for earlier, later in pairwise(snapshots)]
    assert steps == [60 * S] * 3


def test_a_demo_can_be_left_at_any_snapshot(tmp_path: Path) -> None:
    board = Board(shipped_catalogue())
    with opened(tmp_path) as journey:
        demo = Demo(PLAN._replace(duration=None), journey.take, board, BATCH, SteppedClock()).run()
        snapshot = next(demo)

    assert board.totals == snapshot.totals


def test_the_warm_up_can_be_watched(tmp_path: Path) -> None:
    class BusyClock(SteppedClock):
        def monotonic(self) -> int:
            self._passed += FRAME_NS // 10
            return self._passed

    lives_from = plan_timeline(PLAN, NOW).lives_from
    assert sum(snapshot.now < lives_from for snapshot in watched(tmp_path, clock=BusyClock())) > 5


def test_no_batch_is_larger_than_was_asked_for(tmp_path: Path) -> None:
    sizes = []

    with opened(tmp_path) as journey:

        def take(deliveries: Sequence[Delivery], now: int) -> BatchReport:
            sizes.append(len(deliveries))
            return journey.take(deliveries, now)

        *_, last = Demo(PLAN, take, Board(shipped_catalogue()), 100, SteppedClock()).run()

    assert max(sizes) == 100
    assert sum(sizes) == last.totals.delivered


@pytest.mark.parametrize("query", QUESTIONS.values(), ids=list(QUESTIONS))
@pytest.mark.usefixtures("snapshots")
def test_every_question_has_an_answer_and_is_safe_in_a_shell(folder: Path, query: str) -> None:
    with closing(sqlite3.connect(folder / STORE_FILE)) as store:
        assert store.execute(query).fetchall()
    assert not set(query) & set('"$`\\!\n')
    assert "_iso" in query


def test_a_second_run_adds_to_the_first(tmp_path: Path) -> None:
    def stored() -> set[tuple[object, ...]]:
        with closing(sqlite3.connect(tmp_path / STORE_FILE)) as store:
            return set(store.execute("SELECT time, charger, op_mode FROM charger_mode"))

    watched(tmp_path)
    first = stored()
    watched(tmp_path, PLAN._replace(seed=2))

    assert first
    assert first < stored()
