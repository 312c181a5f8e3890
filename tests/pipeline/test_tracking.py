"""Tracking: what is kept goes on after a restart, what is not kept is said again, and late twins are outrun."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from pipeline.core.decode import Outcome
from pipeline.core.derivation import Derivation, Derived, Spans
from pipeline.core.kept_facts import KeptKey
from pipeline.tracking import TWIN_NS, Tracking
from pipeline.wires.progress_tables import Request
from pipeline.wires.state import RejectLimits, RejectsFullError, StateFile, WhenFull
from pipeline.wires.store import StoreUnavailableError
from schemas.catalogue import shipped_catalogue
from schemas.command import Argument, CommandResponse, CommandSent
from schemas.observation import Observation, Product
from schemas.reject import Reject, RejectReason
from schemas.row import Row

S = 10**9
NOW = 1_750_000_000 * S
CATALOGUE = shipped_catalogue()
SPANS = Spans(60 * S, 1_200 * S, 6 * 3_600 * S)
LIMITS = RejectLimits(most_bytes=1_000, keep_ns=10**18, when_full=WhenFull.STOP)
SENT = CommandSent("EH1", 48, (Argument(1, "13"), Argument(2, "5")), None, NOW, "r", None)
REQUEST = Request("m", "EH1", 48, NOW, "r", "r", "f")
ANSWER = CommandResponse("EH1", 48, True, None, NOW + S, None, NOW + 2 * S, None, None, NOW + 2 * S)
BIG = Reject(RejectReason.JSON, "EH1.O.1", {}, b"x" * 2_000, NOW, "")


def heard(seconds: float) -> Observation:
    """Another charger; the watermark is 5 s behind."""
    at = NOW + int(seconds * S)
    return Observation("EH9", Product.CHARGER, 120, "x", 1.0, 0, at, at, at)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[StateFile]:
    with StateFile.open(tmp_path / "state.sqlite3", LIMITS) as opened:
        yield opened


def fresh(state: StateFile, *, is_kept: bool = True) -> Tracking:
    tracking = Tracking(Derivation(CATALOGUE, SPANS), state, is_kept=is_kept)
    tracking.restore()
    return tracking


def sent_by(tracking: Tracking) -> None:
    tracking.intend(REQUEST, SENT, 0)
    tracking.sent(SENT, 0, is_confirmed=True)


def states(rows: Sequence[Row]) -> list[float | str]:
    return [dict(row.fields)["state"] for row in rows if row.measurement == "command"]


def standing(rows: Sequence[Row]) -> set[str]:
    """The decisions that these rows say and do not take back."""
    return {
        dict(row.tags)["outcome"]
        for row in rows
        if row.measurement == "command_outcome" and not dict(row.fields)["refuted"]
    }


def test_a_restart_goes_on_from_what_was_kept(state: StateFile) -> None:
    before = fresh(state)
    sent_by(before)
    before.begin([heard(10)], NOW)
    before.keep((), NOW)
    after = fresh(state)
    rows = after.begin([heard(70)], NOW).rows
    assert states(rows) == ["timed_out"]
    assert after.keep((), NOW)[1][0].ref == "r"
    assert not fresh(state).begin([heard(71)], NOW).rows


def test_what_was_not_kept_is_forgotten_where_it_can_never_be(state: StateFile) -> None:
    tracking = fresh(state)
    sent_by(tracking)
    tracking.begin([ANSWER], NOW)
    tracking.forget_uncommitted()
    assert states(tracking.begin([heard(70)], NOW).rows) == ["timed_out"]


def test_a_time_out_that_was_written_before_a_crash_is_taken_back_after_it(state: StateFile) -> None:
    before = fresh(state)
    sent_by(before)
    assert standing(before.begin([heard(70)], NOW).rows) == {"timed_out"}
    after = fresh(state)
    assert not after.active()
    rows = after.begin([ANSWER, heard(71)], NOW).rows
    assert standing(rows) == {"accepted"}
    assert {row.tags for row in rows if dict(row.fields).get("refuted")} == {
        row.tags for row in rows if dict(row.tags).get("outcome") == "timed_out"
    }
    assert after.keep((), NOW)[1] == []
    assert {key.name.split(" ")[0] for key, _ in state.facts()} == {"history", "response", "sending"}


def test_a_replay_keeps_nothing_and_forgets_nothing(state: StateFile) -> None:
    tracking = fresh(state, is_kept=False)
    tracking.begin([SENT], NOW)
    tracking.keep((), NOW)
    tracking.forget_uncommitted()
    assert states(tracking.begin([ANSWER], NOW).rows) == ["accepted"]
    assert (dict(state.facts()), state.heard(), state.watermark()) == ({}, {}, None)


def test_what_cannot_be_kept_is_said_again(state: StateFile) -> None:
    tracking = fresh(state)
    sent_by(tracking)
    rows = tracking.begin([heard(70)], NOW).rows
    with pytest.raises(RejectsFullError):
        tracking.keep([BIG], NOW)
    assert set(tracking.begin([heard(70)], NOW).rows) == set(rows)
    _, told = tracking.keep((), NOW)
    assert [alert.ref for alert in told] == ["r"]


def test_rows_whose_write_got_no_answer_are_said_once_more_when_no_twin_can_come(state: StateFile) -> None:
    tracking = fresh(state)
    sent_by(tracking)
    derived = tracking.begin((), NOW)
    assert states(derived.rows) == ["published"]
    tracking.overtaken(derived, NOW)
    tracking.begin([ANSWER], NOW)
    tracking.keep((), NOW)
    assert not tracking.has_news(NOW + TWIN_NS - 1)
    assert tracking.has_news(NOW + TWIN_NS)
    assert states(tracking.begin((), NOW + TWIN_NS).rows) == ["accepted"]
    tracking.keep((), NOW + TWIN_NS)
    assert not tracking.has_news(NOW + 2 * TWIN_NS)


def test_there_is_news_when_a_command_was_sent_or_time_has_passed(state: StateFile) -> None:
    tracking = fresh(state)
    assert not tracking.has_news(NOW)
    sent_by(tracking)
    assert tracking.has_news(NOW)
    tracking.begin((), NOW)
    tracking.keep((), NOW)
    assert not tracking.has_news(NOW)
    tracking.queue_was_empty(NOW + 61 * S)
    assert tracking.has_news(NOW)
    assert states(tracking.begin((), NOW).rows) == ["timed_out"]


def test_many_that_time_out_at_once_are_said_a_few_at_a_time_and_there_is_news_until_all_are(
    state: StateFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.tracking._MOST_DUE", 2)
    tracking = fresh(state)
    tracking.begin([SENT._replace(serial=f"EH{n}", ref=f"r{n}") for n in range(5)], NOW)
    tracking.keep((), NOW)
    tracking.queue_was_empty(NOW + 61 * S)
    told: list[str] = []
    while tracking.has_news(NOW):
        assert states(tracking.begin((), NOW).rows) == ["timed_out"] * len(states(tracking.begin((), NOW).rows))
        assert len(states(tracking.begin((), NOW).rows)) <= 2
        told += [alert.ref for alert in tracking.keep((), NOW)[1]]
    assert sorted(told) == ["r0", "r1", "r2", "r3", "r4"]


def test_copies_of_another_queue_move_no_time(state: StateFile) -> None:
    tracking = fresh(state)
    tracking.begin_copies([SENT, heard(1_000)], NOW)
    assert states(tracking.begin((), NOW).rows) == ["published"]


def test_nothing_is_said_of_a_command_before_its_publish_ended(state: StateFile) -> None:
    tracking = fresh(state)
    tracking.intend(REQUEST, SENT, 0)
    tracking.forget_uncommitted()
    assert not tracking.begin((), NOW).rows
    assert tracking.find(REQUEST) is None
    tracking.withdraw(REQUEST, SENT)
    assert not fresh(state).begin((), NOW).rows
    assert tracking.requests() == ()


@pytest.mark.parametrize("take", [Tracking.begin, Tracking.begin_copies])
@pytest.mark.parametrize("apart", [-3 * 10**6, 3 * 10**6])
def test_a_copy_that_is_read_before_our_confirm_is_the_same_command_whatever_time_it_bears(
    state: StateFile, take: Callable[[Tracking, Sequence[Outcome], int], Derived], apart: int
) -> None:
    tracking = fresh(state)
    tracking.intend(REQUEST, SENT, 0)
    copy = SENT._replace(published_at=NOW + apart, received_at=NOW + S)
    rows = take(tracking, [heard(1), copy], NOW).rows
    tracking.keep((), NOW)
    tracking.sent(SENT, 0, is_confirmed=True)
    rows += tracking.begin([copy], NOW).rows
    tracking.keep((), NOW)
    assert len({row.time for row in rows if row.measurement == "command"}) == 1
    assert len([key for key, _ in state.facts() if key.serial]) == 1
    for each in (tracking, fresh(state)):
        found = each.find(REQUEST)
        assert found is not None
        assert found.life.command.published_at == NOW


def test_after_a_restart_an_intent_is_an_unconfirmed_command(state: StateFile) -> None:
    fresh(state).intend(REQUEST, SENT, 0)
    after = fresh(state)
    assert after.requests() == (REQUEST,)
    assert states(after.begin((), NOW).rows) == ["unconfirmed"]
    found = after.find(REQUEST)
    assert found is not None
    assert found.is_open


def test_a_state_of_a_newer_program_is_refused_in_words(state: StateFile) -> None:
    state.keep_facts({KeptKey("EH1", "novelty 1"): b"[]"})
    with pytest.raises(ValueError, match="novelty"):
        fresh(state)


def test_a_batch_that_is_under_way_while_another_is_dropped_is_taken_again(state: StateFile) -> None:
    tracking = fresh(state)
    sent_by(tracking)
    tracking.begin([ANSWER], NOW)
    tracking.forget_uncommitted()
    with pytest.raises(StoreUnavailableError, match="written again"):
        tracking.keep((), NOW)
    assert states(tracking.begin([ANSWER], NOW).rows) == ["accepted"]
    tracking.keep((), NOW)
    assert states(fresh(state).begin([ANSWER], NOW).rows) == ["accepted"]
