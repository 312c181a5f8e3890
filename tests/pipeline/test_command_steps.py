"""Commands as they go on."""

from collections.abc import Sequence
from itertools import islice

import pytest

from pipeline.command_steps import changes, follow
from pipeline.core.command_life import CommandState
from pipeline.wires.command_client import CommandView

SENT = CommandView(
    document={},
    ref="0" * 32,
    serial="EH1",
    command="SetDynamicChargerCurrent",
    arguments=("13", "5"),
    published_at="2023-05-04T16:55:23.000000000Z",
    deadline="2023-05-04T16:56:23.000000000Z",
    state=CommandState.PUBLISHED,
    flags=frozenset(),
    latencies={},
    readback=(48,),
    result_code="",
    comment="",
)
ACCEPTED = SENT._replace(
    state=CommandState.ACCEPTED,
    flags=frozenset({"answered", "ok"}),
    latencies={"response_ms": 1366.107, "delivery_ms": -119.4, "round_trip_ms": 1400.0},
)
CONFIRMED = ACCEPTED._replace(flags=ACCEPTED.flags | {"confirmed"}, latencies={"effect_ms": 900.0})
REJECTED = SENT._replace(state=CommandState.REJECTED, result_code="7", comment="busy")
TIMED_OUT = SENT._replace(state=CommandState.TIMED_OUT)
EXPIRED = SENT._replace(state=CommandState.EXPIRED)


def steps(*views: CommandView, effect_looks: int = 3) -> tuple[list[tuple[str, bool]], int]:
    """Names and failures of the steps of a command that is found like this, the last for ever; and the pauses."""
    pauses: list[None] = []
    later = iter(views[1:])
    found = follow(views[0], lambda: next(later, views[-1]), lambda: pauses.append(None), effect_looks)
    return [(step.name, step.is_failure) for step in found], len(pauses)


def words(*views: CommandView) -> str:
    """Of the last step."""
    later = iter(views[1:])
    *_, last = follow(views[0], lambda: next(later, views[-1]), lambda: None, 3)
    return last.words


@pytest.mark.parametrize(
    ("views", "told"),
    [
        ((SENT, SENT, ACCEPTED, CONFIRMED), [("published", False), ("accepted", False), ("confirmed", False)]),
        ((SENT, CONFIRMED), [("published", False), ("accepted", False), ("confirmed", False)]),
        ((SENT, ACCEPTED._replace(readback=())), [("published", False), ("accepted", False)]),
        ((SENT, ACCEPTED), [("published", False), ("accepted", False), ("not shown", False)]),
        (
            (SENT, ACCEPTED, ACCEPTED._replace(flags=frozenset({"superseded"}))),
            [("published", False), ("accepted", False), ("superseded", False)],
        ),
        ((SENT, REJECTED), [("published", False), ("rejected", True)]),
        ((SENT, SENT, TIMED_OUT), [("published", False), ("timed_out", True)]),
        ((SENT, EXPIRED), [("published", False), ("expired", True)]),
        (
            (SENT._replace(state=CommandState.UNCONFIRMED), ACCEPTED._replace(readback=())),
            [("unconfirmed", False), ("accepted", False)],
        ),
        ((TIMED_OUT,), [("timed_out", True)]),
    ],
)
def test_the_steps_to_each_end(views: Sequence[CommandView], told: list[tuple[str, bool]]) -> None:
    assert steps(*views)[0] == told


def test_it_pauses_before_each_look_and_not_for_ever() -> None:
    assert steps(SENT, SENT, SENT, REJECTED)[1] == 3
    assert steps(SENT, ACCEPTED, effect_looks=5)[1] == 6
    assert steps(SENT, ACCEPTED, CONFIRMED, effect_looks=5)[1] == 2
    assert steps(SENT, ACCEPTED._replace(flags=frozenset({"superseded"})), effect_looks=5)[1] == 1


def test_the_words_name_clocks_codes_and_times() -> None:
    assert words(TIMED_OUT) == (
        "no answer until 2023-05-04T16:56:23Z; the charger may be offline, and one may still come"
    )
    assert words(SENT, REJECTED) == "result code 7, busy"
    assert words(REJECTED._replace(result_code="", comment="")) == "no result code"
    assert words(ACCEPTED._replace(readback=())) == (
        "response 1,366 ms (the cloud's clock), delivery -119 ms (the charger's clock against the cloud's), "
        "round trip 1,400 ms (the worker's clock)"
    )
    assert words(SENT, CONFIRMED) == "the charger shows it, 900 ms after it was created (the cloud's clock)"
    assert "ref 000" in next(follow(SENT, lambda: SENT, lambda: None)).words


def test_what_is_new_or_has_changed_is_told_once_the_oldest_first() -> None:
    other, last = SENT._replace(ref="1" * 32), SENT._replace(ref="2" * 32)
    looks = iter([[SENT], [other, SENT], [other, SENT], [other, ACCEPTED], [other], [last, other]])
    told = changes(lambda: next(looks), lambda: None)

    assert list(islice(told, 4)) == [SENT, other, ACCEPTED, last]


def test_several_at_the_first_look_come_the_oldest_first() -> None:
    newer = SENT._replace(ref="1" * 32)
    told = changes(lambda: [newer, SENT], lambda: None)
    assert [next(told), next(told)] == [SENT, newer]
