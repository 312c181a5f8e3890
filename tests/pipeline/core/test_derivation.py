"""The derivation: records in any order and batches end in the same rows, also over failed rounds and restarts."""

import sys
from collections.abc import Callable, Iterator
from itertools import count, islice, pairwise
from types import FrameType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.charger_course import SLOTS
from pipeline.core.decode import Outcome
from pipeline.core.derivation import Derivation
from pipeline.core.freshness import MOST_DOUBTFUL
from pipeline.core.session_facts import MODE_ID, WANTED
from pipeline.core.session_json import SESSION_ID, START_ID
from schemas.alert import AlertKind
from schemas.measurement import ALERT, COMMAND
from schemas.observation import Observation, Product, Value
from schemas.reject import Reject, RejectReason
from tests.pipeline.core.derivation_samples import (
    CATALOGUE,
    SPANS,
    Disk,
    Kept,
    S,
    T,
    answered,
    fields,
    seen,
    sent,
    told,
    true_rows,
)


@pytest.fixture
def derivation() -> Derivation:
    return Derivation(CATALOGUE, SPANS)


def test_the_watermark_follows_the_operators_queue_alone(derivation: Derivation) -> None:
    derivation.take_copies([sent("a", 1_000)])
    assert derivation.watermark == 0
    derivation.take([seen(100), Reject(RejectReason.JSON, "k", {}, b"", T + 900 * S, "")])
    assert derivation.watermark == T + 95 * S
    derivation.take([seen(50), sent("b", 1_000)])
    assert derivation.watermark == T + 95 * S


def test_an_arrival_in_2099_moves_nothing_and_many_in_a_row_no_further_than_our_receipt_allows(
    derivation: Derivation,
) -> None:
    from_2099 = seen(100)._replace(arrived_at=4_080_000_000 * S)
    derivation.take([from_2099])
    assert derivation.watermark == 0
    derivation.take([from_2099] * MOST_DOUBTFUL)
    assert derivation.watermark == T + 100 * S
    assert not derivation.active()
    told(derivation, seen(2_000, serial="EH2"))
    assert [alert.serial for alert in derivation.active()] in ([], ["EH1"])


def test_without_an_arrival_it_does_not_move(derivation: Derivation) -> None:
    derivation.take([seen(100)._replace(arrived_at=None)])
    assert derivation.watermark == 0


def test_a_time_out_is_told_once_and_ends_with_a_late_answer(derivation: Derivation) -> None:
    derivation.add_command(sent("a"), 0, is_confirmed=True)
    derivation.take([seen(66, serial="EH2")])
    rows = derivation.advance().rows
    assert fields(rows, COMMAND)[-1]["timed_out"] == 1
    assert not derivation.active()
    (raised,) = derivation.kept()
    assert (raised.kind, raised.ref, raised.active) == (AlertKind.COMMAND_TIMEOUT, "a", True)
    assert list(derivation.active()) == [raised]
    rows = told(derivation, sent("a"))
    assert not fields(rows, ALERT) or fields(rows, ALERT)[0]["active"] == 1
    derivation.take([answered(0.2, after=80)])
    derivation.advance()
    (cleared,) = derivation.kept()
    assert (cleared.active, cleared.ref, cleared.raised_at) == (False, "a", raised.at)
    assert not derivation.active()


def test_nothing_that_is_to_be_kept_or_dropped_is_passed_over(
    derivation: Derivation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.core.session_log._MOST_AT_ONCE", 1)
    monkeypatch.setattr("pipeline.core.history_memory._MOST_DROPS", 1)
    serials, disk = ("EH1", "EH2", "EH3"), Disk()
    for second in range(0, 4 * 3_600, 60):
        energies = [seen(second, second / 3_600, serial, 121) for serial in serials if second < 600]
        derivation.take([*energies, seen(second, serial="EH9")])
        derivation.advance()
        disk.keep(derivation.progress())
        derivation.kept()
    names = [key.name for key in disk.facts]
    assert names.count("session energies") == len(serials)
    assert not [name for name in names if name.startswith("session log")]
    assert len([name for name in names if name.startswith("history log")]) < 60


def test_a_round_that_was_not_kept_is_said_again(derivation: Derivation) -> None:
    derivation.add_command(sent("a"), 0, is_confirmed=True)
    derivation.take([seen(66, serial="EH2")])
    first = derivation.advance().rows
    assert set(derivation.advance().rows) == set(first)
    derivation.kept()
    assert derivation.advance().rows == ()


def test_what_was_overtaken_is_said_again_as_it_is_then(derivation: Derivation) -> None:
    derivation.add_command(sent("a"), 0, is_confirmed=True)
    derived = derivation.advance()
    derivation.kept()
    told(derivation, answered(0.2))
    derivation.say_again(derived)
    assert fields(derivation.advance().rows, COMMAND)[-1]["state"] == "accepted"


def test_what_comes_too_late_to_be_followed_is_counted(derivation: Derivation) -> None:
    told(derivation, seen(50_000, serial="EH2"))
    told(derivation, seen(50_001, serial="EH2"))
    derivation.take([sent("a"), answered(0.2), seen(3)])
    assert derivation.advance().too_late == 3
    assert derivation.advance().too_late == 0


def test_a_command_that_was_not_published_leaves_nothing(derivation: Derivation) -> None:
    derivation.drop_command(sent("a"))
    assert derivation.advance().rows == ()
    assert derivation.find("EH1", 48, "a") is None


def test_nothing_is_to_be_kept_where_nothing_happened(derivation: Derivation) -> None:
    assert derivation.progress() is None
    told(derivation, seen(10))
    assert derivation.progress() is None
    derivation.queue_was_empty(T + 30 * S)
    derivation.advance()
    assert derivation.progress() is None
    derivation.queue_was_empty(T + 120 * S)
    assert derivation.progress() is None
    derivation.advance()
    progress = derivation.progress()
    assert progress is not None
    assert progress.watermark == T + 120 * S


def test_the_log_of_who_was_heard_begins_anew_now_and_then(derivation: Derivation) -> None:
    whole = 0
    for second in range(401):
        derivation.take([seen(second, serial=f"EH{second}")])
        derivation.advance()
        progress = derivation.progress()
        assert progress is not None
        whole += progress.is_all
        devices = {key for key in progress.heard if " " not in key}
        assert len(devices) == (second + 1 if progress.is_all else 1)
        derivation.kept()
    assert whole == 3


RECORDS: list[Outcome] = [
    sent("a"),
    answered(0.2),
    seen(1.5),
    sent("b", 20),
    answered(20.3, accepted=False),
    sent("c", 40, amperes="16"),
    answered(40.1, after=90),
    seen(132, 16.0),
    sent("d", 60),
    answered(300),
    seen(400, serial="EH2"),
]
END = seen(7_000, serial="EH3")


def in_order() -> Kept:
    disk = Disk()
    derivation = disk.load()
    for record in [*RECORDS, END]:
        disk.write(told(derivation, record))
    return true_rows(disk.rows)


@settings(deadline=None)
@given(st.permutations(RECORDS), st.lists(st.sampled_from(["kept", "lost", "again", "killed"]), min_size=6), st.data())
def test_any_order_batching_failure_and_restart_ends_in_the_same_rows(
    records: list[Outcome], ends: list[str], data: st.DataObject
) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(records)), max_size=len(ends) - 1)))
    disk = Disk()
    derivation = disk.load()
    for (first, last), end in zip(pairwise([0, *cuts, len(records)]), ends, strict=False):
        batch = records[first:last]
        derivation.take(batch)
        rows = derivation.advance().rows
        if end in ("lost", "killed"):
            # The rows may have come through; the batch is delivered again to whoever goes on from what was kept.
            disk.write(rows if end == "killed" else ())
            derivation = disk.load()
            derivation.take(batch)
            rows = derivation.advance().rows
        if end == "again":
            derivation.take(batch)
            rows = derivation.advance().rows
        disk.write(rows)
        disk.keep(derivation.progress())
        derivation.kept()
    derivation.take([END])
    disk.write(derivation.advance().rows)
    assert true_rows(disk.rows) == in_order()


def calls_of(work: Callable[[], object]) -> int:
    """How many functions and steps of generators it takes: what time would say, without a clock."""
    calls = 0

    def hear(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(hear)
    try:
        work()
    finally:
        sys.setprofile(None)
    return calls


def steady(_second: int) -> Value:
    return 1.0


def rising(second: int) -> Value:
    return 1 + 0.001 * second


def flapping(second: int) -> Value:
    return 1.0 + second % 2


def second_by_second(number: int, values: Callable[[int], Value]) -> Iterator[Observation]:
    for second in count():
        at = T + second * S
        yield Observation("EH1", Product.CHARGER, number, None, values(second), second, at, at + 400 * 10**6, at + S)


# Of a mode or a session document all that is remembered of its charger is read again.
@pytest.mark.parametrize("number", sorted({*SLOTS, *WANTED} - {MODE_ID, SESSION_ID, START_ID}))
@pytest.mark.parametrize("values", [steady, rising, flapping])
def test_a_charger_that_says_something_every_second_costs_no_more_the_longer_it_does(
    derivation: Derivation, number: int, values: Callable[[int], Value]
) -> None:
    saying = second_by_second(number, values)

    def say() -> None:
        for _ in range(16):
            derivation.take(list(islice(saying, 50)))
            derivation.advance()
            derivation.progress()
            derivation.kept()

    counts = [calls_of(say) for _ in range(4)]
    assert counts[3] < 1.3 * counts[1]
