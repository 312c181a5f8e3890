"""Rows into the store: a fault of ours costs one row, and the order of the others stays."""

from collections.abc import Sequence

import pytest

from pipeline.scale.write_store import write_rows
from pipeline.wires.store import Refusal, StoreUnavailableError
from schemas.reject import RejectReason
from schemas.row import Row
from tests.pipeline.scale.writing import ScriptedStore, alert, away


class Failing(ScriptedStore):
    """Fails at rows of some times, as a fault of ours would, before it takes any of the call."""

    def __init__(self, *times: int) -> None:
        super().__init__()
        self._times = times

    def write(self, rows: Sequence[Row]) -> Sequence[Refusal]:
        if any(row.time in self._times for row in rows):
            raise ZeroDivisionError
        return super().write(rows)


def test_rows_go_in_one_call_where_nothing_is_wrong() -> None:
    store = ScriptedStore()
    rows = [alert(time, 1.0) for time in range(10)]
    assert write_rows(store, rows) == []
    assert store.batches == [rows]


@pytest.mark.parametrize("bad", [(0,), (9,), (3, 4), tuple(range(10))])
def test_rows_that_make_the_program_fail_are_refused_alone(bad: tuple[int, ...]) -> None:
    store = Failing(*bad)
    rows = [alert(time, 1.0) for time in range(10)]
    refusals = write_rows(store, rows)
    assert [refusal.row for refusal in refusals] == list(bad)
    assert {refusal.reason for refusal in refusals} == {RejectReason.INTERNAL}
    assert [row.time for batch in store.batches for row in batch] == [time for time in range(10) if time not in bad]


def test_refusals_of_the_store_name_their_rows_in_parts_too() -> None:
    store = Failing(2)
    store.bad = {"alert"}
    refusals = write_rows(store, [alert(time, 1.0) for time in range(5)])
    assert [(refusal.row, refusal.reason is RejectReason.INTERNAL) for refusal in refusals] == [
        (place, place == 2) for place in range(5)
    ]


def test_trouble_of_the_store_is_the_callers() -> None:
    store = ScriptedStore()
    store.faults.append(away())
    with pytest.raises(StoreUnavailableError):
        write_rows(store, [alert(1, 1.0)])
