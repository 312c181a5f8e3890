"""A command's life: every state there is, and what was decided."""

from itertools import product

import pytest

from pipeline.core.command_life import (
    STANDINGS,
    Answer,
    CommandState,
    Decided,
    Decision,
    Due,
    Life,
    arrival_of,
    decisions,
    standing,
)
from schemas.command import Argument, CommandResponse, CommandSent, Outcome

S = 10**9
SENT = 1_700_000_000 * S
TIMEOUT = 60 * S


def sent(expires_in: int | None = None) -> CommandSent:
    expires_at = None if expires_in is None else SENT + expires_in
    return CommandSent("EH000281", 48, (Argument(1, "13"), Argument(2, "5")), expires_at, SENT, "ab" * 16, SENT)


def answered(after: int, accepted: bool = True) -> CommandResponse:
    return CommandResponse(
        "EH000281", 48, accepted, None, SENT + S // 10, SENT, SENT + after, None, None, SENT + after + 1_000_000
    )


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


def test_a_publish_that_nobody_confirmed_is_so_until_something_is_decided() -> None:
    life = Life(sent(), TIMEOUT, is_confirmed=False)
    assert standing(life, SENT).state is CommandState.UNCONFIRMED
    assert standing(life, SENT + TIMEOUT + 1).state is CommandState.TIMED_OUT
    assert standing(life._replace(response=answered(S)), SENT).state is CommandState.ACCEPTED


def test_an_expiry_after_the_timeout_is_a_timeout() -> None:
    assert standing(Life(sent(2 * TIMEOUT), TIMEOUT), SENT + TIMEOUT + 1).state is CommandState.TIMED_OUT
    assert standing(Life(sent(TIMEOUT), TIMEOUT), SENT + TIMEOUT + 1).state is CommandState.TIMED_OUT
    assert standing(Life(sent(TIMEOUT - 1), TIMEOUT), SENT + TIMEOUT).state is CommandState.EXPIRED


def held(life: Life, watermark: int) -> tuple[Decision, ...]:
    return decisions(life, standing(life, watermark))


def test_a_late_answer_is_a_decision_beside_the_timeout_whether_that_was_seen_or_not() -> None:
    life = Life(sent(), TIMEOUT, response=answered(90 * S))
    assert held(life, SENT) == held(life, SENT + 100 * S)
    assert held(life, SENT) == (
        Decision(Outcome.TIMED_OUT, SENT + TIMEOUT),
        Decision(Outcome.ACCEPTED, SENT + 90 * S),
    )
    assert held(Life(sent(), TIMEOUT), SENT) == ()


def test_what_was_decided_names_its_decision() -> None:
    assert Decided(Outcome.EXPIRED, 7, "300").decision == Decision(Outcome.EXPIRED, 7)


def test_our_receipt_stands_in_for_a_missing_arrival() -> None:
    response = answered(90 * S)._replace(arrived_at=None)
    assert arrival_of(response) == response.received_at
    assert standing(Life(sent(), TIMEOUT, response=response), SENT).late
