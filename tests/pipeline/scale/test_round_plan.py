"""Rounds are due at once, then at least so seldom, more seldom where they take long, and where much waits."""

import pytest

from pipeline.scale.round_plan import RoundPlan, TrackPatience

PATIENCE = TrackPatience(round_s=0.1, share=0.125, session_s=10.0, most_bytes=1_000)


def due_at(plan: RoundPlan, partition: int = 0) -> float:
    """The first tenth of a second at which it is due."""
    return next(tenth / 10 for tenth in range(1_000) if plan.is_due(partition, 1, tenth / 10 + 1e-9))


def test_every_partition_is_due_at_first_and_after_a_round_not_for_a_while() -> None:
    plan = RoundPlan(PATIENCE)
    assert plan.is_due(0, 0, 0.0)
    plan.made(0, 0.0, 1, 0.0)
    assert due_at(plan) == pytest.approx(0.1)
    assert due_at(plan, 1) == 0.0


def test_rounds_that_take_long_are_more_seldom_so_that_all_together_take_their_share() -> None:
    plan = RoundPlan(PATIENCE)
    for _ in range(100):
        plan.made(0, 0.1, 4, 0.0)
    assert due_at(plan) == pytest.approx(0.1 * 4 / 0.125, abs=0.11)


def test_none_waits_longer_than_a_session() -> None:
    plan = RoundPlan(PATIENCE)
    for _ in range(100):
        plan.made(0, 60.0, 12, 0.0)
    assert due_at(plan) == pytest.approx(10.0)


def test_where_much_waits_it_is_due_at_once() -> None:
    plan = RoundPlan(PATIENCE)
    plan.made(0, 1.0, 1, 0.0)
    assert not plan.is_due(0, 1_000, 0.0)
    assert plan.is_due(0, 1_001, 0.0)


def test_what_is_not_confirmed_is_given_up_before_anybody_else_can_have_the_partition() -> None:
    assert PATIENCE.give_up_s < PATIENCE.session_s * 3 / 4
