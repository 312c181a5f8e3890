"""The journey of a batch: every delivery ends in one way, rows are durable before rejects, and nothing is half."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.decode import Decoder
from pipeline.core.derivation import Derivation, Spans
from pipeline.core.redaction import Personal, Redaction
from pipeline.core.rows import RowMaker
from pipeline.core.tracker import Tracker
from pipeline.journey import Batch, Journey
from pipeline.tracking import Tracking
from pipeline.wires.sqlite import SqliteStore
from pipeline.wires.state import RejectLimits, RejectsFullError, StateFile, WhenFull
from pipeline.wires.store import Refusal, Store, StoreUnavailableError
from schemas.catalogue import shipped_catalogue
from schemas.delivery import Delivery
from schemas.measurement import Measurement, fact_measurements
from schemas.reject import Reject, RejectReason
from schemas.row import Row
from schemas.surprise import Surprise

CATALOGUE = shipped_catalogue()
MEASUREMENTS = fact_measurements(CATALOGUE)
LIMITS = RejectLimits(1024 * 1024, 10**18, WhenFull.STOP)
S = 10**9
NOW = 1_700_000_000 * S
STAMP = "2023-06-08T06:59:16Z"


def observation(number: int, value: object) -> Delivery:
    body = orjson.dumps({"Id": number, "Timestamp": STAMP, "Value": value})
    return Delivery(f"EH1.O.{number}", {"ArrivalTime": STAMP}, body, None)


POWER = observation(120, 7.4)
MODE = observation(109, 3)
RESPONSE = Delivery(
    "EH1.CR.48", {"ArrivalTime": STAMP}, orjson.dumps({"Id": 48, "Timestamp": STAMP, "WasAccepted": True}), None
)
COMMAND = Delivery("EH1.C.48", {"PublishedAt": STAMP}, orjson.dumps({"Id": 48, "Arguments": []}), None)
BROKEN = Delivery("EH1.O.120", {"ArrivalTime": STAMP}, b"{", 5, "m1")


class MemoryStore:
    """A store in memory, which may fail as many times as it is told before it takes anything."""

    def __init__(self, state: StateFile, failures: int = 0) -> None:
        self.rows: list[Row] = []
        self.rejects_seen: list[int] = []
        self._state = state
        self._failures = failures

    def write(self, rows: Sequence[Row]) -> Sequence[Refusal]:
        if self._failures:
            self._failures -= 1
            message = "not now"
            raise StoreUnavailableError(message)
        self.rejects_seen.append(self._state.total()[1])
        self.rows += rows
        return ()

    @property
    def requests(self) -> int:
        return 0

    def reload(self) -> None:
        """There are no secrets."""

    def close(self) -> None:
        return


@pytest.fixture
def state(tmp_path: Path) -> Iterator[StateFile]:
    with StateFile.open(tmp_path / "state.sqlite3", LIMITS) as opened:
        yield opened


def new_journey(store: Store, state: StateFile) -> Journey:
    return Journey(Decoder(CATALOGUE, Redaction(Personal.DROP)), RowMaker(CATALOGUE), store, state, None)


def open_store(folder: Path, measurements: Mapping[str, Measurement] = MEASUREMENTS) -> SqliteStore:
    return SqliteStore.open(folder / "store.sqlite3", measurements)


def count_rows(folder: Path) -> int:
    with sqlite3.connect(folder / "store.sqlite3") as connection:
        counts = [connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in MEASUREMENTS]
    connection.close()
    return sum(counts)


def test_each_delivery_ends_in_one_way(tmp_path: Path, state: StateFile) -> None:
    with open_store(tmp_path) as store:
        report = new_journey(store, state).take([POWER, BROKEN, RESPONSE, COMMAND, MODE], NOW)

    assert (report.delivered, report.written, report.commands) == (5, 3, 1)
    assert report.rejected == {RejectReason.JSON: 1}
    assert [type(outcome).__name__ for outcome in report.outcomes] == [
        "Observation",
        "Reject",
        "CommandResponse",
        "CommandSent",
        "Observation",
    ]
    assert report.surprises == {Surprise.ARRIVAL_MISSING: 1}
    assert count_rows(tmp_path) == 3
    assert [kept.delivery for kept in state.rejects()] == [BROKEN]


# A store without a table for modes refuses every mode.
FEWER = {name: table for name, table in MEASUREMENTS.items() if name != "charger_mode"}


@pytest.fixture(scope="module")
def refusing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journey]:
    folder = tmp_path_factory.mktemp("refusing")
    with open_store(folder, FEWER) as store, StateFile.open(folder / "state.sqlite3", LIMITS) as state:
        yield new_journey(store, state)


@given(st.lists(st.sampled_from([POWER, MODE, RESPONSE, COMMAND, BROKEN, Delivery("", {}, b"", None)]), max_size=30))
def test_what_is_delivered_is_all_accounted_for(refusing: Journey, deliveries: list[Delivery]) -> None:
    report = refusing.take(deliveries, NOW)

    assert report.delivered == len(deliveries) == report.written + report.commands + report.rejected.total()
    assert report.commands == deliveries.count(COMMAND)
    assert report.rejected[RejectReason.STORE] == deliveries.count(MODE)
    assert report.written == deliveries.count(POWER) + deliveries.count(RESPONSE)


def test_a_row_that_the_store_refuses_is_kept_as_it_was_delivered(tmp_path: Path, state: StateFile) -> None:
    with open_store(tmp_path, FEWER) as store:
        report = new_journey(store, state).take([BROKEN, COMMAND, POWER, MODE, POWER], NOW)

    assert report.written == 2
    assert report.rejected == {RejectReason.JSON: 1, RejectReason.STORE: 1}
    [kept] = state.rejects(RejectReason.STORE)
    assert kept.delivery == MODE
    assert "charger_mode" in kept.detail


def test_rows_are_durable_before_rejects_are_kept(state: StateFile) -> None:
    store = MemoryStore(state)
    new_journey(store, state).take([BROKEN, POWER], NOW)

    assert store.rejects_seen == [0]
    assert state.total()[1] == 1


def test_nothing_is_kept_while_the_store_is_unavailable(state: StateFile) -> None:
    store = MemoryStore(state, failures=1)
    journey = new_journey(store, state)

    with pytest.raises(StoreUnavailableError):
        journey.take([BROKEN, POWER], NOW)
    assert store.rows == []
    assert state.total() == (0, 0)

    report = journey.take([BROKEN, POWER], NOW)
    assert (report.written, report.rejected.total()) == (1, 1)
    assert len(store.rows) == 1
    assert state.total()[1] == 1


def test_a_fault_in_what_follows_costs_no_row_and_only_the_delivery_that_brings_it_about(
    state: StateFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[object] = []

    def fail(_: Tracker, command: object) -> None:
        tried.append(command)
        raise ZeroDivisionError

    monkeypatch.setattr(Tracker, "add_command", fail)
    monkeypatch.setattr(Tracker, "add_response", fail)
    tracking = Tracking(Derivation(CATALOGUE, Spans(S, S, S)), state)
    tracking.restore()
    store = MemoryStore(state, failures=1)
    journey = Journey(Decoder(CATALOGUE, Redaction(Personal.DROP)), RowMaker(CATALOGUE), store, state, tracking)
    batch = Batch()
    journey.read(batch, [POWER, COMMAND, BROKEN, RESPONSE, MODE])
    with pytest.raises(StoreUnavailableError):
        journey.commit(batch, NOW)
    before = len(tried)
    report = journey.commit(batch, NOW)
    assert len(tried) == before > 0
    assert (report.delivered, report.written, report.commands) == (5, 2, 0)
    assert report.rejected == {RejectReason.INTERNAL: 2, RejectReason.JSON: 1}
    rejects = sorted(
        (kept.delivery for kept in state.rejects(RejectReason.INTERNAL)), key=lambda each: each.routing_key
    )
    assert rejects == [COMMAND, RESPONSE]
    assert [row.measurement for row in store.rows].count("command_response") == 1
    assert journey.commit_copies(batch, NOW).rejected == report.rejected


def test_a_fault_of_sqlite_leaves_nothing_and_the_batch_can_be_taken_again(tmp_path: Path, state: StateFile) -> None:
    with open_store(tmp_path) as store:
        journey = new_journey(store, state)
        other = sqlite3.connect(tmp_path / "store.sqlite3", isolation_level=None)
        other.execute("CREATE TRIGGER fault BEFORE INSERT ON charger_power BEGIN SELECT RAISE(ABORT, 'no'); END")
        with pytest.raises(StoreUnavailableError):
            journey.take([MODE, BROKEN, POWER], NOW)
        assert count_rows(tmp_path) == 0
        assert state.total() == (0, 0)
        other.execute("DROP TRIGGER fault")
        other.close()

        report = journey.take([MODE, BROKEN, POWER], NOW)

    assert (report.written, report.rejected.total()) == (2, 1)
    assert count_rows(tmp_path) == 2


def test_full_rejects_stop_the_batch_which_can_be_taken_again(tmp_path: Path) -> None:
    crowd = [Delivery(f"bad{number}", {}, b"x" * 400, None) for number in range(10)]
    with open_store(tmp_path) as store:
        with StateFile.open(tmp_path / "small", LIMITS._replace(most_bytes=1_000)) as small:
            with pytest.raises(RejectsFullError):
                new_journey(store, small).take([POWER, *crowd], NOW)
            assert small.total() == (0, 0)
        with StateFile.open(tmp_path / "large", LIMITS) as large:
            report = new_journey(store, large).take([POWER, *crowd], NOW)

    assert (report.written, report.rejected.total()) == (1, 10)
    assert count_rows(tmp_path) == 1


def test_a_batch_taken_twice_changes_nothing(tmp_path: Path, state: StateFile) -> None:
    with open_store(tmp_path) as store:
        journey = new_journey(store, state)
        first = journey.take([POWER, BROKEN, MODE], NOW)
        total = state.total()
        again = journey.take([POWER, BROKEN, MODE], NOW + 1)

    assert again == first
    assert count_rows(tmp_path) == 2
    assert state.total() == total


def test_an_empty_batch_is_nothing(tmp_path: Path, state: StateFile) -> None:
    with open_store(tmp_path) as store:
        report = new_journey(store, state).take([], NOW)

    assert (report.delivered, report.written, report.commands, report.rejected.total()) == (0, 0, 0, 0)


def test_a_reject_holds_all_that_was_delivered(tmp_path: Path, state: StateFile) -> None:
    with open_store(tmp_path) as store:
        [outcome] = new_journey(store, state).take([BROKEN], NOW).outcomes

    assert isinstance(outcome, Reject)
    assert (outcome.routing_key, outcome.headers, outcome.body, outcome.received_at, outcome.message_id) == BROKEN


def test_rejects_that_had_to_go_are_counted(tmp_path: Path) -> None:
    limits = LIMITS._replace(most_bytes=1_000, when_full=WhenFull.DROP_OLDEST)
    with (
        StateFile.open(tmp_path / "state", limits) as state,
        SqliteStore.open(tmp_path / "store", MEASUREMENTS) as store,
    ):
        journey = Journey(Decoder(CATALOGUE, Redaction(Personal.DROP)), RowMaker(CATALOGUE), store, state, None)
        reports = [journey.take([BROKEN._replace(message_id=None, body=b"{" * size)], NOW) for size in range(1, 9)]
        kept = state.total()[1]
    assert sum(report.dropped for report in reports) == len(reports) - kept > 0


def test_so_many_rows_are_written_in_parts_and_a_refused_one_is_found_among_them(state: StateFile) -> None:
    class Refusing(MemoryStore):
        def write(self, rows: Sequence[Row]) -> Sequence[Refusal]:
            sizes.append(len(rows))
            return [Refusal(place, RejectReason.STORE, "7") for place, row in enumerate(rows) if row == odd]

    odd: Row | None = None
    sizes: list[int] = []
    usual = Row("pipeline", "-", "", (), 1, (("delivered", 1.0),))
    journey = new_journey(Refusing(state), state)
    batch = Batch()
    journey.read(batch, [POWER] * 25_000 + [MODE])
    odd = batch.rows[25_000]
    report = journey.commit(batch, NOW, [usual] * 10_000)
    assert sizes == [20_000, 15_001]
    assert [place for place, outcome in enumerate(report.outcomes) if isinstance(outcome, Reject)] == [25_000]
