"""The checker's count of facts and rejects: what is missing, extra or different is told, and nothing else."""

import hashlib
import subprocess
import sys

import orjson
import pytest

from tests.oracle.reading import Fields, RowKey
from tests.torture.expected import Expected
from tests.torture.folder import Message
from tests.torture.messages import CONFLICT_ID, S, stamp
from tests.torture.stored import StoredReject

NOW = 1_795_890_734 * S
ARRIVAL = stamp(NOW + S // 2)
REPLACED = 190
"""An id of which the last value of a second stays."""


def observation(value: object, number: int = 120) -> Message:
    body = {"Id": number, "Timestamp": stamp(NOW), "Value": value}
    return Message(1, NOW, f"EH1.O.{number}", ARRIVAL, orjson.dumps(body))


def expecting(*messages: Message, is_confirmed: bool = True) -> Expected:
    expected = Expected()
    for message in messages:
        expected.add(message, is_confirmed=is_confirmed)
    return expected


def kinds(expected: Expected, rows: dict[RowKey, Fields], *rejects: StoredReject) -> list[str]:
    found = [*expected.faults_of_rows(rows.items()), *expected.faults_of_rejects(rejects)]
    return sorted(fault.kind for fault in found)


def test_what_is_stored_as_it_was_said_is_no_fault() -> None:
    expected = expecting(observation(1.5), observation(2.5))
    assert len(expected.rows) == 2
    assert kinds(expected, dict(expected.rows)) == []


def test_lost_extra_and_wrong_rows() -> None:
    expected = expecting(observation(1.5), observation(2.5))
    (first, fields), (second, _) = expected.rows.items()
    assert kinds(expected, {first: fields}) == ["lost"]
    assert kinds(expected, {first: {"total_power_kw": 9.0}, second: expected.rows[second]}) == ["wrong"]
    moved: RowKey = (*first[:3], first[3] + 1)
    assert kinds(expected, {**expected.rows, moved: fields}) == ["extra"]


def test_of_two_values_of_one_row_the_last_one_counts() -> None:
    expected = expecting(observation(1.5, 190), observation(2.5, 190))
    ((key, _),) = expected.rows.items()
    assert kinds(expected, {key: {"in_voltage_t1_t2_v": 2.5}}) == []
    assert kinds(expected, {key: {"in_voltage_t1_t2_v": 1.5}}) == ["wrong"]


def test_a_message_that_was_never_confirmed_may_be_there() -> None:
    expected = expecting(observation(1.5), is_confirmed=False)
    assert kinds(expected, {}) == kinds(expected, dict(expected.rows)) == []
    ((key, _),) = expected.rows.items()
    assert kinds(expected, {key: {"total_power_kw": 9.0}}) == ["wrong"]


@pytest.mark.parametrize(
    ("message", "reason"),
    [(observation(1.5)._replace(body=b"{"), "json"), (observation(7, CONFLICT_ID), "store")],
)
def test_rejects(message: Message, reason: str) -> None:
    expected = expecting(message)
    digest = hashlib.sha256(message.body).hexdigest()
    kept = StoredReject(reason, message.routing_key, ARRIVAL, len(message.body), digest)
    assert kinds(expected, {}, kept) == []
    assert kinds(expected, {}) == ["lost"]
    assert kinds(expected, {}, kept._replace(reason="internal")) == ["extra", "lost"]


def test_a_derived_row_of_a_charger_that_never_spoke_is_extra() -> None:
    alert: RowKey = ("alert", "EH7", (), NOW)
    assert kinds(expecting(observation(1.5)), {**expecting(observation(1.5)).rows, alert: {}}) == ["extra"]


@pytest.mark.parametrize("program", ["checker", "generator"])
def test_it_knows_nothing_of_the_program(program: str) -> None:
    words = (
        f"import sys, tests.torture.{program}\n"
        "print(sorted(name for name in sys.modules if name.split('.')[0] in ('pipeline', 'schemas')))"
    )
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_of_bridges_that_share_a_queue_any_value_of_a_second_may_be_the_last() -> None:
    messages = [observation(value, REPLACED) for value in (1.0, 2.0, 3.0)]
    alone, shared = Expected(), Expected(is_scaled_out=True)
    for message in messages:
        alone.add(message, is_confirmed=True)
        shared.add(message, is_confirmed=True)
    ((key, fields),) = alone.rows.items()
    ((name, _),) = fields.items()
    assert kinds(alone, {key: {name: 1.0}}) == ["wrong"]
    assert kinds(shared, {key: {name: 1.0}}) == []
    assert kinds(shared, {key: {name: 4.0}}) == ["wrong"]
    assert kinds(shared, {key: {}}) == ["wrong"]
    assert kinds(shared, {}) == ["lost"]
