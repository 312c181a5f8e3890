"""A command's life: the documented example, every state there is, and the clocks of its latencies."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.command_life import (
    STANDINGS,
    Answer,
    CommandState,
    Decision,
    Due,
    Life,
    arrival_of,
    command_row,
    decisions,
    outcome_row,
    row_time,
    standing,
)
from pipeline.core.timestamps import parse_time
from schemas.command import Argument, CommandResponse, CommandSent, Outcome

S = 10**9
SENT = 1_700_000_000 * S
TIMEOUT = 60 * S
NAME = "SetDynamicChargerCurrent"


def time(text: str) -> int:
    parsed = parse_time(text)
    assert parsed is not None
    return parsed


def sent(expires_in: int | None = None) -> CommandSent:
    expires_at = None if expires_in is None else SENT + expires_in
    return CommandSent("EH000281", 48, (Argument(1, "13"), Argument(2, "5")), expires_at, SENT, "ab" * 16, SENT)


def answered(after: int, accepted: bool = True) -> CommandResponse:
    return CommandResponse(
        "EH000281", 48, accepted, None, SENT + S // 10, SENT, SENT + after, None, None, SENT + after + 1_000_000
    )


def fields_of(life: Life, watermark: int) -> dict[str, float | str]:
    return dict(command_row(life, watermark, NAME).fields)


def test_the_documented_example() -> None:
    command = CommandSent(
        "EH000281",
        48,
        (Argument(1, "13"), Argument(2, "5")),
        None,
        time("2023-06-08T06:59:16.6468930Z"),
        "ab" * 16,
        None,
    )
    response = CommandResponse(
        serial="EH000281",
        id=48,
        accepted=True,
        ticks="638218043566469000",
        created_at=time("2023-06-08T06:59:16.6468930Z"),
        delivered_at=time("2023-06-08T06:59:16.7660000Z"),
        arrived_at=time("2023-06-08T06:59:17.0130000Z"),
        result_code=None,
        comment=None,
        received_at=time("2023-06-08T06:59:17.1000000Z"),
    )
    row = command_row(Life(command, TIMEOUT, response=response), command.published_at, NAME)
    assert row.time == row_time(command)
    assert row.tags == (("command", NAME),)
    assert dict(row.fields) == {
        "state": "accepted",
        "command_id": 48.0,
        "ref": "ab" * 16,
        "arguments": '[{"Id":1,"Value":"13"},{"Id":2,"Value":"5"}]',
        "expires_at": "",
        "attempt": 0.0,
        "accepted": 1.0,
        "delivery_ms": 119.107,
        "response_ms": 366.107,
        "round_trip_ms": 453.107,
        "answered": 1.0,
        "ok": 1.0,
        "failed": 0.0,
        "timed_out": 0.0,
        "expired": 0.0,
        "late": 0.0,
        "superseded": 0.0,
        "confirmed": 0.0,
    }


IMPOSSIBLE = {(Answer.LATE_ACCEPTED, Due.OPEN), (Answer.LATE_REJECTED, Due.OPEN)}


def test_every_combination_has_a_standing() -> None:
    assert STANDINGS.keys() == set(product(Answer, Due)) - IMPOSSIBLE


@pytest.mark.parametrize(("answer", "due"), STANDINGS.keys())
def test_a_standing_comes_from_its_facts_and_adds_up(answer: Answer, due: Due) -> None:
    is_late = answer in (Answer.LATE_ACCEPTED, Answer.LATE_REJECTED)
    life = Life(sent(10 * S if due is Due.EXPIRED else None), TIMEOUT)
    deadline = SENT + (10 * S if due is Due.EXPIRED else TIMEOUT)
    assert life.deadline == deadline
    if answer is not Answer.NONE:
        accepted = answer in (Answer.ACCEPTED, Answer.LATE_ACCEPTED)
        life = life._replace(response=answered(deadline - SENT + (1 if is_late else 0), accepted))
    found = standing(life, deadline if due is Due.OPEN else deadline + 1)
    assert found == STANDINGS[answer, due]
    assert found.answered == (answer is not Answer.NONE)
    assert found.ok + found.failed <= 1
    assert (found.ok or found.failed) == bool(found.decided)
    if not is_late:
        assert not (found.answered and (found.timed_out or found.expired))


def test_flags_are_always_written() -> None:
    flags = {"answered", "ok", "failed", "timed_out", "expired", "late", "superseded", "confirmed"}
    for watermark in (SENT, SENT + 2 * TIMEOUT):
        assert flags <= fields_of(Life(sent(), TIMEOUT), watermark).keys()


def test_a_publish_that_nobody_confirmed_is_so_until_something_is_decided() -> None:
    life = Life(sent(), TIMEOUT, is_confirmed=False)
    assert standing(life, SENT).state is CommandState.UNCONFIRMED
    assert standing(life, SENT + TIMEOUT + 1).state is CommandState.TIMED_OUT
    assert standing(life._replace(response=answered(S)), SENT).state is CommandState.ACCEPTED


def test_an_expiry_after_the_timeout_is_a_timeout() -> None:
    assert standing(Life(sent(2 * TIMEOUT), TIMEOUT), SENT + TIMEOUT + 1).state is CommandState.TIMED_OUT
    assert standing(Life(sent(TIMEOUT), TIMEOUT), SENT + TIMEOUT + 1).state is CommandState.TIMED_OUT
    assert standing(Life(sent(TIMEOUT - 1), TIMEOUT), SENT + TIMEOUT).state is CommandState.EXPIRED


def test_a_late_answer_is_a_decision_beside_the_timeout_whether_that_was_seen_or_not() -> None:
    life = Life(sent(), TIMEOUT, response=answered(90 * S))
    assert decisions(life, SENT) == decisions(life, SENT + 100 * S)
    assert decisions(life, SENT) == (
        Decision(Outcome.TIMED_OUT, SENT + TIMEOUT),
        Decision(Outcome.ACCEPTED, SENT + 90 * S),
    )
    late = dict(outcome_row(life, decisions(life, SENT)[1], NAME, "300").fields)
    assert (late["late"], late["ok"], late["failed"], late["lateness_ms"]) == (1.0, 1.0, 0.0, 30_000.0)
    timed_out = outcome_row(life, decisions(life, SENT)[0], NAME, "300")
    assert timed_out.tags == (("command", NAME), ("firmware", "300"), ("outcome", "timed_out"))
    assert dict(timed_out.fields)["timed_out"] == 1.0
    assert "response_ms" not in dict(timed_out.fields)


def test_a_refuted_decision_keeps_its_place_and_has_no_flags() -> None:
    life = Life(sent(), TIMEOUT)
    decision = Decision(Outcome.TIMED_OUT, SENT + TIMEOUT)
    kept, refuted = (outcome_row(life, decision, NAME, "-", is_refuted=is_refuted) for is_refuted in (False, True))
    assert (kept.time, kept.tags) == (refuted.time, refuted.tags)
    assert {name: value for name, value in refuted.fields if name != "ref"} == {
        "ok": 0.0,
        "failed": 0.0,
        "timed_out": 0.0,
        "expired": 0.0,
        "late": 0.0,
        "refuted": 1.0,
    }
    assert {name for name, _ in kept.fields} == {name for name, _ in refuted.fields}


def test_our_receipt_stands_in_for_a_missing_arrival() -> None:
    response = answered(90 * S)._replace(arrived_at=None)
    assert arrival_of(response) == response.received_at
    fields = fields_of(Life(sent(), TIMEOUT, response=response), SENT)
    assert fields["late"] == 1.0
    assert "response_ms" not in fields
    assert "lateness_ms" not in fields


@given(st.integers(-(10**12), 10**12))
def test_negative_latencies_keep_their_sign(delivered: int) -> None:
    response = answered(S)._replace(delivered_at=SENT + S // 10 + delivered)
    assert fields_of(Life(sent(), TIMEOUT, response=response), SENT)["delivery_ms"] == delivered / 1_000_000


def test_two_commands_of_one_moment_have_rows_of_their_own() -> None:
    assert row_time(sent()) != row_time(sent()._replace(ref="cd" * 16))
    assert 0 <= row_time(sent()) - SENT < 100
