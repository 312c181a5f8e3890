"""Rejects: which are meant, and what trying again does."""

import json
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from pipeline.assembly import STATE_FILE, STORE_FILE, open_journey, reject_limits
from pipeline.rejects import UnclearKeyError, of_device, only_one, reject_entry, retry
from pipeline.wires.state import StateFile
from schemas.reject import Reject, RejectReason
from tests.oracle.stores import rows_of_sqlite
from tests.pipeline.settings_for_tests import settings_in

NOW = 1_800_000_000 * 10**9
ARRIVAL = {"ArrivalTime": "2023-06-08T06:59:17.0130000+00:00"}
GOOD = b'{"Id": 48, "Timestamp": "2023-06-08T06:59:16Z", "Value": 13}'
# What an older program refused: the first three can be read now.
REJECTS = [
    Reject(RejectReason.INTERNAL, "EH1.O.48", ARRIVAL, GOOD, 5, "a fault that is mended"),
    Reject(RejectReason.SHAPE, "EH2.O.48", ARRIVAL, GOOD, 5, "a rule that has changed"),
    Reject(RejectReason.KIND, "EH2.C.48", ARRIVAL, b'{"Id": 48, "Arguments": []}', 5, "a kind that is known now"),
    Reject(RejectReason.JSON, "EH1.O.48", ARRIVAL, b"{", 5, "still no JSON"),
    Reject(RejectReason.TOO_LARGE, "EH1.O.48", ARRIVAL, b"x" * 300_000, 5, "too large"),
]


@pytest.fixture
def state(tmp_path: Path) -> Iterator[StateFile]:
    with StateFile.open(tmp_path / STATE_FILE, reject_limits(settings_in(tmp_path))) as opened:
        opened.add_rejects(REJECTS, NOW)
        yield opened


def test_a_key_names_one_reject_or_none(state: StateFile) -> None:
    (first, *others) = state.rejects()
    assert only_one(first.key[:9], [first]) == first
    for key, found, words in (
        ("a\x1b", [], "'a.x1b': no reject has this key"),
        ("", [first], "no reject has this key"),
        ("a", [first, *others], "several rejects"),
    ):
        with pytest.raises(UnclearKeyError, match=words):
            only_one(key, found)


def test_which_are_of_a_device(state: StateFile) -> None:
    assert {kept.key for kept in of_device(state.rejects(), "EH2")} == {reject.key for reject in REJECTS[1:3]}
    assert len(list(of_device(state.rejects(), ""))) == len(REJECTS)
    assert not list(of_device(state.rejects(), "EH"))


def test_what_can_be_read_now_becomes_rows(state: StateFile, tmp_path: Path) -> None:
    with open_journey(settings_in(tmp_path), now=NOW) as journey:
        retried = retry(state.rejects(), journey, NOW)
    keys = [reject.key for reject in REJECTS]
    assert set(retried.written) == set(keys[:2])
    assert (retried.commands, retried.refused, retried.cut) == ([keys[2]], [keys[3]], [keys[4]])
    assert {charger for _, charger, *_ in rows_of_sqlite(tmp_path / STORE_FILE)} == {"EH1", "EH2"}
    assert {kept.key for kept in state.rejects()} == set(keys)


def test_a_reject_can_be_printed_as_json(state: StateFile) -> None:
    for kept in state.rejects():
        entry = json.loads(orjson.dumps(reject_entry(kept)))
        assert (entry["key"], entry["routing_key"]) == (kept.key, kept.routing_key)
        assert entry["received_at"] == "1970-01-01T00:00:00.000000005Z"
