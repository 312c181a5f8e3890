"""The checker's reading of command rows: right ones pass, and each way to be wrong is told."""

import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tests.oracle.reading import Fields, RowKey
from tests.torture.cloud import FATES, answer, fate_of, read_command, readback
from tests.torture.command_truth import Sent
from tests.torture.commands import Commands, _are_close
from tests.torture.folder import TIMEOUT_S, Message
from tests.torture.messages import MS, S

AT = 1_795_890_734 * S + 250 * MS
REF = "dd8c4f4a2d0b1ce8f0f5e4f0f3d9b6aa"
DEADLINE = AT + TIMEOUT_S * S
PLACE = AT + zlib.crc32(REF.encode()) % 100
TAGS = (("command", "SetDynamicChargerCurrent"),)
FLAGS = dict.fromkeys(("failed", "timed_out", "expired", "late", "superseded"), 0.0)
ROW: Fields = {
    **FLAGS,
    "ref": REF,
    "state": "accepted",
    "answered": 1.0,
    "ok": 1.0,
    "confirmed": 1.0,
    "accepted": 1.0,
    "delivery_ms": 119.107,
    "response_ms": 366.107,
    "effect_ms": 900.0,
}
Rows = dict[RowKey, Fields]


def told(status: int = 201) -> list[Mapping[str, Any]]:
    """A command that was asked for and sent."""
    sent = {
        "ref": REF,
        "published_at": "2026-11-28T18:32:14.25Z",
        "expires_at": None,
        "arguments": ["16", "5"],
    }
    return [
        {"is": "asked", "key": "k", "at": AT - MS, "serial": "EH1", "id": 48},
        {"is": "told", "key": "k", "at": AT + MS, "status": status, "as": sent},
    ]


def commands(
    *faults: Mapping[str, Any], status: int = 202, is_answered: bool = True, confirmed_at: int | None = AT + S
) -> Commands:
    found = Commands(told(status), faults)
    if is_answered:
        taken = read_command("EH1.C.48", b'{"Id":48,"Arguments":[{"Id":1,"Value":"16"}]}', AT + 50 * MS)
        for due in [answer(taken, 366_107_000), *readback(taken, 900 * MS)]:
            found.see(Message(1, AT, *due.said), confirmed_at)
    return found


def rows(place: int = PLACE, **others: float | str) -> tuple[Rows, Rows, Rows]:
    """The command, its decision and whose the response is, as they must be but for what is given."""
    decided = AT + 50 * MS + 366_107_000
    outcome: RowKey = ("command_outcome", "EH1", (("command", TAGS[0][1]), ("outcome", "accepted")), decided)
    response: RowKey = ("command_response", "EH1", TAGS, AT + 50 * MS)
    return (
        {("command", "EH1", TAGS, place): {**ROW, **others}},
        {outcome: {"ref": REF, "refuted": 0.0, "late": 0.0}},
        {response: {"paired": 1.0, "ref": REF}},
    )


def test_a_command_that_ended_as_it_must_is_no_fault() -> None:
    assert list(commands().faults(*rows())) == []


@pytest.mark.parametrize(
    ("others", "words"),
    [
        ({"state": "timed_out"}, "state timed_out, not accepted"),
        ({"confirmed": 0.0}, "confirmed 0.0, not 1.0"),
        ({"response_ms": 1.0}, "response_ms 1.0, not 366.107"),
        ({"place": PLACE + 100}, "stands at"),
    ],
)
def test_each_way_to_be_wrong_is_told(others: dict[str, Any], words: str) -> None:
    (fault,) = commands().faults(*rows(**others))
    assert words in fault.words


def test_a_row_that_is_missing_or_nobodys_is_told() -> None:
    right, outcomes, responses = rows()
    (fault,) = commands().faults({}, outcomes, responses)
    assert "no row of" in fault.words
    stray: RowKey = ("command", "EH2", TAGS, AT)
    (fault,) = commands().faults({**right, stray: {**ROW, "ref": "another"}}, outcomes, responses)
    assert "nobody sent" in fault.words


def test_a_decision_that_is_missing_and_a_response_that_is_somebody_elses_are_told() -> None:
    right, outcomes, responses = rows()
    (fault,) = commands().faults(right, {}, responses)
    assert "decisions [], not [('accepted', 0.0)]" in fault.words
    ((key, _),) = responses.items()
    (fault,) = commands().faults(right, outcomes, {key: {"paired": 0.0, "ref": ""}})
    assert "not (1.0" in fault.words


def test_what_was_called_published_must_have_come() -> None:
    (fault,) = commands(status=201).faults(*rows())
    assert "never came" in fault.words


def test_while_the_clock_is_wrong_nothing_is_judged() -> None:
    step = {"kind": "clock_ahead", "began": AT, "healed": AT + S}
    assert list(commands(step).faults(*rows(state="timed_out"))) == []


def test_a_command_that_nobody_answered_timed_out() -> None:
    deadline = AT + TIMEOUT_S * S
    row: Fields = {**dict.fromkeys(ROW, 0.0), "ref": REF, "state": "timed_out", "failed": 1.0, "timed_out": 1.0}
    outcome: RowKey = ("command_outcome", "EH1", (*TAGS, ("outcome", "timed_out")), deadline)
    faults = commands(is_answered=False).faults(
        {("command", "EH1", TAGS, PLACE): row}, {outcome: {"ref": REF, "refuted": 0.0, "late": 0.0}}, {}
    )
    assert list(faults) == []


@pytest.mark.parametrize(
    ("confirmed_at", "faults", "is_fault"),
    [
        (DEADLINE, (), True),
        (DEADLINE + 1, (), False),
        (None, (), False),
        (DEADLINE, ({"kind": "broker_killed", "began": DEADLINE, "healed": DEADLINE + S},), True),
        (DEADLINE, ({"kind": "consumer_cancelled", "began": DEADLINE, "healed": DEADLINE + S},), False),
        (DEADLINE, ({"kind": "consumer_cancelled", "began": AT - 300 * S, "healed": AT - 200 * S},), True),
    ],
)
def test_nothing_times_out_while_its_answer_is_in_the_queue(
    confirmed_at: int | None, faults: Sequence[Mapping[str, Any]], is_fault: bool
) -> None:
    right, outcomes, responses = rows()
    early: RowKey = ("command_outcome", "EH1", (*TAGS, ("outcome", "timed_out")), DEADLINE)
    said: Rows = {**outcomes, early: {"ref": REF, "refuted": 1.0, "late": 0.0}}
    found = commands(*faults, confirmed_at=confirmed_at)
    told = [fault.words for fault in found.faults(right, said, responses)]
    assert len(told) == is_fault
    assert all(f"its answer was in the queue at {confirmed_at}" in words for words in told)
    assert len(found.taken_back(said)) == 1


@pytest.mark.parametrize(
    ("other", "are_close"),
    [
        ({"ref": "b", "published_at": AT + 7 * S}, True),
        ({"ref": "b", "published_at": AT - 7 * S}, True),
        ({"ref": "b", "published_at": AT + 7 * S + 1}, False),
        ({"ref": "b", "command_id": 47}, False),
        ({"ref": "b", "serial": "EH2"}, False),
        ({}, False),
    ],
)
def test_an_answer_may_be_that_of_another_command_nearby(other: dict[str, Any], are_close: bool) -> None:
    sent = Sent("a", "EH1", 48, AT, None, None)
    assert _are_close(sent, sent._replace(**other)) is are_close


def test_each_fate_befalls_some_command_and_the_same_one_always() -> None:
    names = [f"torture-{number}" for number in range(300)]
    assert {fate_of(name) for name in names} == FATES.keys()
    assert [fate_of(name) for name in names] == [fate_of(name) for name in names]
