"""Readiness: each condition alone, and its words."""

from collections.abc import Callable

import pytest

from pipeline.core.readiness import STORE_SILENT_NS, judge_readiness
from pipeline.meters import Meters
from pipeline.wires.source import SourceState
from tests.pipeline.meters_samples import CONSUMING, NOW, S, busy_meters


def unmet(meters: Meters, now: int = NOW) -> dict[str, str]:
    return {name: words for name, is_met, words in judge_readiness(meters.snapshot().gauges, now) if not is_met}


def test_a_worker_that_works_is_ready() -> None:
    conditions = judge_readiness(busy_meters().snapshot().gauges, NOW + 4 * S)

    assert conditions == (
        ("broker", True, "consuming"),
        ("store", True, "the store answered 4 s ago"),
        ("not_holding", True, "nothing waits for an operator"),
    )


def test_a_worker_that_has_just_started_is_not() -> None:
    assert unmet(Meters()) == {
        "broker": "not connected: not connected yet",
        "store": "the store has not answered yet",
    }


def test_one_that_stands_by_is_ready() -> None:
    meters = busy_meters()
    meters.look(CONSUMING._replace(state=SourceState.STANDBY, words="another consumer has it"))

    assert unmet(meters) == {}
    assert judge_readiness(meters.snapshot().gauges, NOW)[0].words == "standing by"


@pytest.mark.parametrize("later", [STORE_SILENT_NS, 0, -STORE_SILENT_NS])
def test_a_store_that_answered_lately(later: int) -> None:
    assert unmet(busy_meters(), NOW + later) == {}


@pytest.mark.parametrize(
    ("later", "words"),
    [(STORE_SILENT_NS + 1, "the store answered 30 s ago"), (-STORE_SILENT_NS - 1, "the store answered 0 s ago")],
    ids=["long ago", "by a clock that was set back"],
)
def test_a_store_that_is_silent(later: int, words: str) -> None:
    assert unmet(busy_meters(), NOW + later) == {"store": words}


TROUBLES: list[tuple[Callable[[Meters], None], dict[str, str]]] = [
    (lambda meters: meters.trouble("no answer", is_holding=False), {}),
    (
        lambda meters: meters.trouble("the disk is full", is_holding=True),
        {"not_holding": "holding: the disk is full"},
    ),
    (lambda meters: meters.stopping(), {"broker": "the worker is stopping"}),
    (
        lambda meters: meters.look(CONSUMING._replace(state=SourceState.CONNECTING, words="refused")),
        {"broker": "not connected: refused"},
    ),
]


@pytest.mark.parametrize(("happen", "expected"), TROUBLES, ids=["retrying", "holding", "stopping", "not connected"])
def test_what_keeps_a_worker_from_being_ready(happen: Callable[[Meters], None], expected: dict[str, str]) -> None:
    meters = busy_meters()
    happen(meters)

    assert unmet(meters) == expected


def test_who_gave_everything_back_is_not_connected_and_the_reason_is_said_once() -> None:
    meters = busy_meters()
    meters.trouble("the token is wrong", is_holding=True)
    meters.look(CONSUMING._replace(state=SourceState.HANDED_BACK, words="waiting for the store"))

    assert unmet(meters) == {"broker": "not connected", "not_holding": "holding: the token is wrong"}
