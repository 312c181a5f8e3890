"""Commands on the board: the last word about each counts, once, and only for an hour."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import board_commands
from pipeline.board_commands import COMMAND_WINDOW_NS, CommandWindow, Percentiles, WorstCharger
from pipeline.core.command_life import Due, Life, standing
from pipeline.core.command_rows import command_row
from pipeline.core.timestamps import NS_PER_MS, NS_PER_S
from schemas.command import CommandResponse, CommandSent
from schemas.measurement import COMMAND_OUTCOME
from schemas.row import Row

NOW = 1_700_000_000 * NS_PER_S
TIMEOUT = 60 * NS_PER_S


def row(
    response_ms: float | None = None,
    *,
    serial: str = "EH1",
    sent_at: int = NOW,
    due: Due = Due.OPEN,
    accepted: bool = True,
    is_confirmed: bool = True,
    ref: str = "a",
) -> Row:
    """The row of a command that was answered after so many milliseconds, or not at all."""
    response = None
    if response_ms is not None:
        arrived_at = sent_at + int(response_ms * NS_PER_MS)
        delivered_at = sent_at - 2 * NS_PER_MS
        response = CommandResponse(serial, 48, accepted, None, sent_at, delivered_at, arrived_at, None, None, None)
    expires_at = sent_at + TIMEOUT // 2 if due is Due.EXPIRED else None
    life = Life(CommandSent(serial, 48, (), expires_at, sent_at, ref, None), TIMEOUT, 0, is_confirmed, response)
    watermark = 0 if due is Due.OPEN else life.deadline + 1
    return command_row(life, standing(life, watermark), "SetDynamicChargerCurrent")


def window_of(*rows: Row) -> CommandWindow:
    window = CommandWindow()
    window.take(rows)
    return window


def test_nothing_sent_is_nothing() -> None:
    assert window_of().summary(NOW) == (0, 0, 0, 0, 0, 0, None, None, None, False)


def test_every_command_counts_once_as_it_stands() -> None:
    found = window_of(
        row(sent_at=NOW),
        row(sent_at=NOW - 1_000, is_confirmed=False),
        row(100.0, sent_at=NOW - 2_000),
        row(200.0, sent_at=NOW - 3_000, accepted=False),
        row(sent_at=NOW - 4_000, due=Due.TIMED_OUT),
        row(sent_at=NOW - 5_000, due=Due.EXPIRED),
        row(61_000.0, sent_at=NOW - 6_000, due=Due.TIMED_OUT),
    ).summary(NOW)

    assert (found.open, found.accepted, found.rejected, found.timed_out, found.expired) == (2, 2, 1, 1, 1)
    assert found.late == 1
    assert found.response == Percentiles(200.0, 61_000.0, 61_000.0)
    assert found.delivery == Percentiles(-2.0, -2.0, -2.0)


def test_the_last_word_about_a_command_is_all_that_counts() -> None:
    window = window_of(row())
    assert window.summary(NOW).open == 1

    window.take([row(due=Due.TIMED_OUT)])
    assert window.summary(NOW)[:4] == (0, 0, 0, 1)

    window.take([row(70_000.0, due=Due.TIMED_OUT)])
    found = window.summary(NOW)
    assert (found.accepted, found.timed_out, found.late) == (1, 0, 1)

    window.take([row()])
    assert window.summary(NOW)[:4] == (1, 0, 0, 0)


def test_two_commands_of_one_moment_are_two() -> None:
    assert window_of(row(), row(ref="b"), row(serial="EH2")).summary(NOW).open == 3


def test_rows_of_other_measurements_say_nothing() -> None:
    assert window_of(row()._replace(measurement=COMMAND_OUTCOME)).summary(NOW).open == 0


def test_latencies_of_an_answer_that_was_taken_away_do_not_count() -> None:
    taken_away = row()
    fields = (*taken_away.fields, ("response_ms", 5.0), ("delivery_ms", 5.0))

    found = window_of(taken_away._replace(fields=fields)).summary(NOW)
    assert (found.response, found.delivery) == (None, None)


def test_a_command_that_has_ended_counts_for_an_hour_and_an_open_one_as_long_as_it_is() -> None:
    window = window_of(row(100.0, ref="ended"), row(ref="open"))

    assert window.summary(NOW + COMMAND_WINDOW_NS)[:2] == (1, 1)
    assert window.summary(NOW + COMMAND_WINDOW_NS + 100)[:2] == (1, 0)
    assert window.summary(NOW + COMMAND_WINDOW_NS + 100).response is None


def test_the_worst_charger_has_the_most_failed_commands_and_then_the_fewest_others() -> None:
    failed = [row(serial=serial, sent_at=NOW - place, due=Due.TIMED_OUT) for place in (0, 200) for serial in ("A", "B")]
    assert window_of(row(5.0)).summary(NOW).worst is None

    window = window_of(*failed, row(5.0, serial="A", sent_at=NOW - 400), row(5.0, serial="C"))
    assert window.summary(NOW).worst == WorstCharger("B", 2, 2)

    window.take([row(5.0, serial="A", sent_at=NOW - 600, accepted=False)])
    assert window.summary(NOW).worst == WorstCharger("A", 3, 4)


def test_a_late_answer_that_accepts_is_no_failure() -> None:
    assert window_of(row(61_000.0, due=Due.TIMED_OUT)).summary(NOW).worst is None


@pytest.mark.parametrize("due", [Due.OPEN, Due.TIMED_OUT])
def test_memory_is_bounded_and_a_window_that_is_cut_says_so(monkeypatch: pytest.MonkeyPatch, due: Due) -> None:
    monkeypatch.setattr(board_commands, "MOST_COMMANDS", 10)
    window = CommandWindow()
    for place in range(25):
        window.take([row(sent_at=NOW + place * NS_PER_S, due=due)])

    found = window.summary(NOW + 25 * NS_PER_S)
    assert found.open + found.timed_out == 10
    assert found.is_cut
    assert not window.summary(NOW + 15 * NS_PER_S + COMMAND_WINDOW_NS).is_cut


@given(st.lists(st.integers(-1_000, 100_000), min_size=1))
def test_percentiles_are_the_smallest_that_so_many_do_not_exceed(latencies: Sequence[int]) -> None:
    found = Percentiles.of(map(float, latencies))

    assert found is not None
    for share, value in zip((50, 95, 99), found, strict=True):
        assert value in latencies
        assert 100 * sum(each <= value for each in latencies) >= share * len(latencies)
        assert 100 * sum(each < value for each in latencies) < share * len(latencies)


def test_no_latencies_have_no_percentiles() -> None:
    assert Percentiles.of([]) is None
