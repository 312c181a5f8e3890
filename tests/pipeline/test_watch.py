"""The watch: alerts about the worker are told at once and written when that is possible; all others when durable."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.core.derivation import Derivation
from pipeline.core.operational_alerts import OperationalAlerts, Thresholds
from pipeline.meters import Meters
from pipeline.tracking import Tracking
from pipeline.watch import Watch
from pipeline.wires.state import StateFile
from schemas.alert import Alert, AlertKind
from tests.pipeline.meters_samples import CONSUMING
from tests.pipeline.working import CATALOGUE, LIMITS, SPANS, S

NOW = 1_750_000_000 * S
RAISED = Alert("EH1", AlertKind.CHARGER_SILENT, "-", 1, 1, active=True, value=1.0, message="silent")


class Bench:
    def __init__(self, state: StateFile) -> None:
        self.meters = Meters()
        self.meters.look(CONSUMING)
        alerts = OperationalAlerts(Thresholds(600 * S, 100, 1_000))
        self.watch = Watch(self.meters, Tracking(Derivation(CATALOGUE, SPANS), state), alerts)
        self.told: list[Alert] = []
        self.watch.listen(self.told.extend)

    @property
    def edges(self) -> list[tuple[AlertKind, bool]]:
        return [(alert.kind, alert.active) for alert in self.told]


@pytest.fixture
def state(tmp_path: Path) -> Iterator[StateFile]:
    with StateFile.open(tmp_path / "state", LIMITS) as opened:
        yield opened


@pytest.fixture
def bench(state: StateFile) -> Bench:
    return Bench(state)


def test_all_who_listen_are_told(bench: Bench) -> None:
    also: list[Alert] = []
    bench.watch.listen(also.extend)
    bench.watch.tell([])
    bench.watch.tell([RAISED])
    assert bench.told == also == [RAISED]
    assert bench.watch.rows() == ()


def test_a_worker_that_holds_says_so_at_once_and_writes_it_later(bench: Bench) -> None:
    bench.watch.look(NOW)
    bench.meters.trouble("no token", is_holding=True)
    bench.watch.look(NOW + S)
    assert bench.edges == [(AlertKind.HOLDING, True)]
    assert [alert.kind for alert in bench.watch.active()] == [AlertKind.HOLDING]
    assert bench.meters.snapshot().alerts == {AlertKind.HOLDING: 1}
    bench.meters.recovered()
    bench.watch.look(NOW + 2 * S)
    rows = bench.watch.rows()
    assert [dict(row.fields)["active"] for row in rows] == [1, 0]
    bench.watch.written(rows)
    assert bench.watch.rows() == ()


def test_a_backlog_and_a_silent_stream_are_seen(bench: Bench) -> None:
    bench.watch.look(NOW)
    bench.meters.look(CONSUMING._replace(backlog=2_000))
    bench.watch.look(NOW + 700 * S)
    assert set(bench.edges) == {(AlertKind.BACKLOG, True), (AlertKind.STREAM_SILENT, True)}


def test_the_end_of_the_worker_ends_what_was_raised_about_it(bench: Bench) -> None:
    bench.meters.look(CONSUMING._replace(backlog=2_000))
    bench.watch.look(NOW)
    bench.watch.close(NOW + S)
    assert bench.edges == [(AlertKind.BACKLOG, True), (AlertKind.BACKLOG, False)]
    assert not bench.watch.active()


def raised_in(bench: Bench, now: int = NOW) -> None:
    """A backlog, with its row written."""
    bench.meters.look(CONSUMING._replace(backlog=2_000))
    bench.watch.look(now)
    bench.watch.keep()
    bench.watch.written(bench.watch.rows())


def test_what_a_killed_worker_had_raised_is_cleared_by_the_next_and_raised_anew_where_it_holds(
    state: StateFile,
) -> None:
    raised_in(Bench(state))
    after = Bench(state)
    after.watch.begin(NOW + 60 * S)
    (cleared,) = after.told
    assert (cleared.kind, cleared.active, cleared.raised_at) == (AlertKind.BACKLOG, False, NOW)
    assert [dict(row.fields)["duration_s"] for row in after.watch.rows()] == [60.0]
    assert not after.watch.active()
    raised_in(after, NOW + 61 * S)
    assert after.edges == [(AlertKind.BACKLOG, False), (AlertKind.BACKLOG, True)]


def test_a_clear_is_said_again_by_the_next_worker_until_its_row_is_written(state: StateFile) -> None:
    bench = Bench(state)
    raised_in(bench)
    bench.meters.look(CONSUMING)
    bench.watch.look(NOW + S)
    bench.watch.keep()
    for _ in range(2):
        killed = Bench(state)
        killed.watch.begin(NOW + 60 * S)
        killed.watch.keep()
        assert killed.edges == [(AlertKind.BACKLOG, False)]
    bench.watch.written(bench.watch.rows())
    bench.watch.keep()
    assert state.raised() == {}


def test_whoever_ends_in_order_leaves_nothing_to_clear(state: StateFile) -> None:
    bench = Bench(state)
    raised_in(bench)
    bench.watch.close(NOW + S)
    bench.watch.written(bench.watch.rows())
    bench.watch.keep()
    after = Bench(state)
    after.watch.begin(NOW + 60 * S)
    assert after.told == []


def test_rows_that_cannot_be_written_do_not_pile_up_for_ever(bench: Bench) -> None:
    for second in range(2_000):
        backlog = 2_000 if second % 2 else 0
        bench.meters.look(CONSUMING._replace(backlog=backlog))
        bench.watch.look(NOW + second * S)
    assert len(bench.watch.rows()) == 1_000
