"""What the board knows: the newest value of each device, whatever the order in which records come."""

from collections import Counter
from collections.abc import Sequence

import pytest

from pipeline import board_state
from pipeline.board_state import LINES_KEPT, OFFLINE, POWER_STEP_NS, Answer, Board, ModeCount
from pipeline.board_totals import Totals
from pipeline.board_windows import LatencySummary
from pipeline.core.alert_rows import alert_row
from pipeline.core.command_life import Life, standing
from pipeline.core.command_rows import command_row
from pipeline.core.decode import Outcome
from pipeline.journey import BatchReport
from schemas.alert import Alert, AlertKind
from schemas.catalogue import shipped_catalogue
from schemas.command import CommandResponse, CommandSent
from schemas.observation import Observation, Product, Value
from schemas.reject import Reject, RejectReason
from schemas.row import Row
from schemas.surprise import Surprise

S = 1_000_000_000
NOW = 1_700_000_000 * S
SILENT = Alert("EH1", AlertKind.CHARGER_SILENT, "-", NOW, NOW, active=True, value=1_200.0, message="silent")
TIMED_OUT = Alert("EH2", AlertKind.COMMAND_TIMEOUT, "SetX", NOW + S, NOW + S, active=True, value=60.0, message="late")
REJECT = Reject(RejectReason.JSON, "EH1.O.120", {}, b"{", None, "")


def observation(
    number: int,
    value: Value,
    serial: str = "EH1",
    product: Product = Product.CHARGER,
    stamp: int = NOW,
    latency: int | None = S,
) -> Observation:
    arrived_at = None if latency is None else stamp + latency
    return Observation(serial, product, number, None, value, 0, stamp, arrived_at, None)


def mode(code: float, serial: str = "EH1", stamp: int = NOW) -> Observation:
    return observation(109, code, serial, stamp=stamp)


def power(kilowatts: float, serial: str = "EH1", stamp: int = NOW) -> Observation:
    return observation(120, kilowatts, serial, stamp=stamp)


def response(number: int = 48, *, accepted: bool = True, created_at: int = NOW) -> CommandResponse:
    return CommandResponse(
        "EH1", number, accepted, None, created_at, created_at - 1_500_000, created_at + 2 * S, None, None, None
    )


def report(outcomes: Sequence[Outcome], derived: Sequence[Row] = ()) -> BatchReport:
    rejected = Counter(outcome.reason for outcome in outcomes if isinstance(outcome, Reject))
    return BatchReport(
        len(outcomes),
        len(outcomes) - rejected.total(),
        0,
        rejected,
        Counter([Surprise.COERCED]),
        outcomes,
        derived=derived,
    )


def board_of(*outcomes: Outcome, now: int = NOW) -> Board:
    board = Board(shipped_catalogue())
    board.take(report(outcomes), now, 0)
    return board


def test_a_board_that_knows_nothing_can_be_shown() -> None:
    snapshot = Board(shipped_catalogue()).snapshot(NOW, 0)

    assert snapshot.totals == Totals(0, 0, 0, Counter(), Counter())
    assert (snapshot.chargers, snapshot.equalizers, snapshot.latency) == (0, 0, None)
    assert (snapshot.modes, snapshot.busiest, snapshot.sites, snapshot.answers) == ([], [], [], ())


def test_a_charger_is_shown_with_its_last_values() -> None:
    board = board_of(mode(3.0), power(7.4), observation(121, 12.5), observation(132, -61.0))

    [line] = board.snapshot(NOW, 0).busiest
    assert line == ("EH1", 3, "Charging", 7.4, 12.5, -61.0, False)


def test_an_older_value_changes_nothing_and_the_later_of_one_second_wins() -> None:
    board = board_of(mode(3.0), power(7.4), power(11.0, stamp=NOW - S), mode(1.0, stamp=NOW - S))
    assert board.snapshot(NOW, 0).busiest[0].power_kw == 7.4

    board.take(report([power(3.0)]), NOW, 0)
    assert board.snapshot(NOW, 0).busiest[0].power_kw == 3.0


def test_a_value_of_another_form_changes_nothing() -> None:
    board = board_of(mode(3.0), power(7.4), observation(120, "much"), observation(120, None))

    assert board.snapshot(NOW, 0).busiest[0].power_kw == 7.4


def test_only_a_charger_that_charges_draws_power() -> None:
    board = board_of(mode(3.0), power(7.4), mode(4.0, "EH2"), power(11.0, "EH2"), power(2.0, "EH3"))

    snapshot = board.snapshot(NOW, 0)
    assert {line.serial: line.power_kw for line in snapshot.busiest} == {"EH1": 7.4, "EH2": 0.0, "EH3": 2.0}
    assert snapshot.power_kw == pytest.approx(9.4)


def test_a_charger_without_connection_is_offline_until_it_is_back() -> None:
    board = board_of(mode(3.0), power(7.4), observation(250, 0.0))
    [line] = board.snapshot(NOW, 0).busiest
    assert (line.code, line.mode, line.power_kw) == (OFFLINE, "Offline", 0.0)

    board.take(report([observation(250, 1.0, stamp=NOW + S)]), NOW, 0)
    [line] = board.snapshot(NOW, 0).busiest
    assert (line.mode, line.power_kw) == ("Charging", 7.4)


def test_on_the_cellular_network_its_signal_counts() -> None:
    board = board_of(observation(132, 0.0), observation(130, -85.0))

    [line] = board.snapshot(NOW, 0).busiest
    assert (line.signal_dbm, line.is_on_cellular) == (-85.0, True)


def test_modes_are_counted_by_name_and_stay_listed_when_empty() -> None:
    board = board_of(mode(3.0), mode(3.0, "EH2"), mode(42.0, "EH3"), power(1.0, "EH4"))
    assert board.snapshot(NOW, 0).modes == [
        ModeCount(3, "Charging", 2),
        ModeCount(42, "Mode 42", 1),
        ModeCount(None, "Not told yet", 1),
    ]

    board.take(report([mode(1.0, serial, NOW + S) for serial in ("EH1", "EH2", "EH3", "EH4")]), NOW, 0)
    assert board.snapshot(NOW, 0).modes == [ModeCount(1, "Disconnected", 4), ModeCount(3, "Charging", 0)]


def test_sites_are_equalizers_and_no_chargers() -> None:
    board = board_of(
        observation(40, 12.0, "QP2", Product.EQUALIZER),
        observation(41, 0.5, "QP2", Product.EQUALIZER),
        observation(40, 30.0, "QP1", Product.EQUALIZER),
        observation(40, 99.0, "EH1"),
    )

    snapshot = board.snapshot(NOW, 0)
    assert snapshot.sites == [("QP1", 30.0, None), ("QP2", 12.0, 0.5)]
    assert (snapshot.import_kw, snapshot.equalizers, snapshot.chargers) == (42.0, 2, 1)


def test_answers_are_listed_latest_first_with_signed_latencies() -> None:
    board = board_of(response(), response(999, accepted=False, created_at=NOW + S))

    assert board.snapshot(NOW, 0).answers == (
        Answer(NOW + S, "EH1", "c999", False, -1.5, 2_000.0),
        Answer(NOW, "EH1", "SetDynamicChargerCurrent", True, -1.5, 2_000.0),
    )


def test_an_answer_without_a_time_has_no_latency() -> None:
    board = board_of(response()._replace(delivered_at=None, arrived_at=None))

    [answer] = board.snapshot(NOW, 0).answers
    assert (answer.delivery_ms, answer.response_ms) == (None, None)


def test_latency_is_from_stamp_to_arrival_but_for_sums_of_an_hour() -> None:
    board = board_of(power(1.0), observation(122, 5.0, latency=3_600 * S), observation(121, 1.0, latency=None))

    assert board.snapshot(NOW, 0).latency == LatencySummary(1_000.0, 1_000.0, 1_000.0)


def test_latency_is_placed_by_the_present_of_the_data_and_the_rate_by_our_clock() -> None:
    board = board_of(power(1.0), power(2.0))

    assert board.snapshot(NOW + 120 * S, 0).latency is None
    assert board.snapshot(NOW + 120 * S, 0).messages_a_second == 2.0
    assert board.snapshot(NOW, 60 * S).messages_a_second == 0.0


def test_totals_add_up_over_batches() -> None:
    board = board_of(power(1.0), REJECT)
    board.take(report([REJECT, response(), power(2.0)]), NOW, 0)

    totals = board.totals
    assert totals == Totals(5, 3, 0, Counter({RejectReason.JSON: 2}), Counter({Surprise.COERCED: 2}))
    assert totals.delivered == totals.written + totals.commands + totals.rejected.total()
    assert board.snapshot(NOW, 0).totals == totals


def test_the_history_of_the_power_has_a_point_each_step() -> None:
    board = Board(shipped_catalogue())
    start = NOW - NOW % POWER_STEP_NS
    for place in range(6):
        stamp = start + place * POWER_STEP_NS // 2
        board.take(report([power(float(place), stamp=stamp)]), stamp, 0)

    assert board.snapshot(NOW, 0).power_history == (0.0, 2.0, 4.0)


def test_the_busiest_come_first_and_the_unreachable_last() -> None:
    board = board_of(
        *(outcome for place in (1, 2, 3) for outcome in (mode(3.0, f"EH{place}"), power(float(place), f"EH{place}"))),
        observation(250, 0.0, "EH3"),
    )

    assert [line.serial for line in board.snapshot(NOW, 0).busiest] == ["EH2", "EH1", "EH3"]


def test_what_follows_from_messages_is_shown() -> None:
    board = Board(shipped_catalogue())
    command = CommandSent("EH1", 48, (), None, NOW, "ref", None)
    life = Life(command, 60 * S)
    sent = command_row(life, standing(life, 0), "SetX")
    board.take(report([], [sent, alert_row(SILENT)]), NOW, 0)
    board.take_alerts([SILENT, TIMED_OUT])

    snapshot = board.snapshot(NOW, 0)
    assert snapshot.commands.open == 1
    assert snapshot.silent == (1, ["EH1"])
    assert snapshot.alerts == (TIMED_OUT, SILENT)


def test_a_board_goes_on_from_alerts_that_were_raised_before_it() -> None:
    board = Board(shipped_catalogue())
    board.go_on_from([TIMED_OUT, SILENT])

    snapshot = board.snapshot(NOW, 0)
    assert snapshot.silent == (1, ["EH1"])
    assert snapshot.alerts == (TIMED_OUT, SILENT)


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board_state, "MOST_DEVICES", 100)
    board = Board(shipped_catalogue())
    for place in range(300):
        stamp = NOW + place * POWER_STEP_NS
        outcomes: list[Outcome] = [
            mode(float(place), f"EH{place}"),
            power(1.0, f"EH{place}"),
            response(created_at=stamp),
        ]
        board.take(report(outcomes), stamp, place * S)

    snapshot = board.snapshot(NOW, 300 * S)
    assert snapshot.chargers == 100
    assert snapshot.totals.delivered == 900
    assert len(snapshot.busiest) == len(snapshot.answers) == len(snapshot.power_history) == LINES_KEPT
    assert len(snapshot.modes) == 100
