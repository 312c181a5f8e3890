"""Turns of sessions: who has little to read is read at once, who has much in proportion to it."""

import pytest

from pipeline.core.session_turns import SessionTurns
from pipeline.core.timestamps import NS_PER_S as S

FACTS = {"little": 256, "much": 6_400, "most": 10**6}
T = 1_750_000_000 * S


@pytest.fixture
def turns() -> SessionTurns:
    return SessionTurns(FACTS.__getitem__)


def test_who_has_little_is_read_at_once_and_once(turns: SessionTurns) -> None:
    turns.ask("little", T)
    turns.ask("little", T)
    assert turns.take(T) == {"little"}
    assert turns.take(T + 10**6 * S) == set()


@pytest.mark.parametrize(("serial", "wait_s"), [("much", 100), ("most", 600)])
def test_who_has_much_waits_from_the_first_time_it_was_asked_for(turns: SessionTurns, serial: str, wait_s: int) -> None:
    for second in range(wait_s):
        turns.ask(serial, T + second * S)
        assert turns.take(T + second * S) == set()
        assert turns.is_waiting(serial)
    assert turns.take(T + wait_s * S) == {serial}
    assert not turns.is_waiting(serial)
    turns.ask(serial, T + wait_s * S)
    assert turns.take(T + wait_s * S) == set()


def test_a_moment_that_has_come_asks_as_anybody_does(turns: SessionTurns) -> None:
    for serial in ("little", "much"):
        turns.ask_at(serial, T + 60 * S)
        turns.ask_at(serial, T + 60 * S)
    assert turns.take(T + 59 * S) == set()
    assert turns.take(T + 60 * S) == {"little"}
    turns.ask_at("much", T + 100 * S)
    assert turns.take(T + 159 * S) == set()
    assert turns.take(T + 160 * S) == {"much"}


def test_who_was_asked_for_long_ago_has_waited(turns: SessionTurns) -> None:
    turns.ask_at("much", T + 60 * S)
    turns.ask_at("most", T + 60 * S)
    assert turns.take(T + 200 * S) == {"much"}
    assert turns.take(T + 660 * S) == {"most"}


def test_some_are_read_now_whatever_it_costs(turns: SessionTurns) -> None:
    turns.ask("most", T)
    turns.ask_now("most")
    assert turns.take(T) == {"most"}
    assert turns.take(T + 600 * S) == {"most"}


def test_after_a_restart_whoever_has_much_is_read_after_a_while(turns: SessionTurns) -> None:
    turns.restore(FACTS, T)
    assert turns.take(T) == set()
    assert turns.take(T + 600 * S) == {"much", "most"}
