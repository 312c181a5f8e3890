"""Settlement: exactly the refused rows are found, all others are written last and in order, and no request is silly.

The store here is a model of InfluxDB 2.7's answers (the real one: tests/pipeline/wires/test_influx.py): malformed
lines make the whole request fail; otherwise what it cannot hold is dropped, of which only one kind is told.
"""

from collections.abc import Callable, Generator, Sequence
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.line_protocol import to_line
from pipeline.core.settlement import Group, Refusals, UnsettledError, settle
from pipeline.core.verdict import Action, Conflict, Verdict
from schemas.reject import RejectReason
from schemas.row import Row

OLDEST = 1_000


def row(time: int, field: str = "a", value: float | str = 1.0) -> Row:
    return Row("m", "EH000001", "", (), time, ((field, value),))


class Model(NamedTuple):
    """A store that has numbers in `numbers`, keeps nothing before OLDEST, parses no field `bad`, and takes `most`."""

    numbers: frozenset[str] = frozenset("abcd")
    quotes: bool = True
    most: int = 10_000

    def refuses(self, row: Row) -> bool:
        ((field, value),) = row.fields
        return field == "bad" or row.time < OLDEST or (field in self.numbers and isinstance(value, str))

    def judge(self, rows: Sequence[Row]) -> Verdict:
        if len(rows) > self.most:
            return Verdict(Action.SPLIT, "too big")
        bad = [row for row in rows if row.fields[0][0] == "bad"]
        if bad:
            words = "\n".join(f"unable to parse '{to_line(row)}': bad" for row in bad) if self.quotes else "no"
            return Verdict(Action.EXAMINE, words, is_about_lines=self.quotes)
        conflicts = [row for row in rows if self.refuses(row) and row.time >= OLDEST]
        if conflicts:
            ((field, _),) = conflicts[0].fields
            conflict = Conflict("m", field, is_text=True)
            return Verdict(Action.EXAMINE, "conflict", True, len(conflicts), conflict)
        old = [row for row in rows if row.time < OLDEST]
        if old:
            return Verdict(Action.EXAMINE, "old", True, len(old), is_retention=True)
        return Verdict(Action.ACCEPT, "")


def drive(rows: Sequence[Row], model: Model) -> tuple[Refusals, list[list[int]]]:
    """The refusals, and what was sent."""
    settlement = settle(rows, [to_line(row) for row in rows])
    sent: list[list[int]] = []
    group = next(settlement)
    while True:
        sent.append(list(group))
        try:
            group = settlement.send(model.judge([rows[place] for place in group]))
        except StopIteration as end:
            refusals: Refusals = end.value
            return refusals, sent


def exhaust(settlement: Generator[Group, Verdict, Refusals], judge: Callable[[Group], Verdict]) -> None:
    """Answer until it ends."""
    group = next(settlement)
    while True:
        group = settlement.send(judge(group))


def test_a_batch_without_fault_is_one_request() -> None:
    assert drive([row(OLDEST + n) for n in range(5_000)], Model()) == ({}, [list(range(5_000))])


def test_three_of_one_field_cost_two_requests_more() -> None:
    rows = [row(OLDEST + n) for n in range(5_000)]
    for place in (7, 2_500, 4_999):
        rows[place] = row(OLDEST, "d", "text")
    refusals, sent = drive(rows, Model())
    assert refusals == dict.fromkeys((7, 2500, 4999), (RejectReason.STORE, "conflict"))
    assert len(sent) == 3


def test_three_of_three_fields_cost_two_requests_more_each() -> None:
    rows = [row(OLDEST + n, "abcd"[n % 4]) for n in range(5_000)]
    for place, field in ((7, "a"), (2_500, "b"), (4_999, "d")):
        rows[place] = row(OLDEST, field, "text")
    refusals, sent = drive(rows, Model())
    assert set(refusals) == {7, 2_500, 4_999}
    assert len(sent) == 7


def test_malformed_lines_that_are_quoted_cost_one_request_more() -> None:
    rows = [row(OLDEST + n) for n in range(5_000)]
    rows[7] = rows[4_000] = row(OLDEST, "bad")
    refusals, sent = drive(rows, Model())
    assert refusals[7] == (RejectReason.STORE, f"unable to parse '{to_line(rows[7])}': bad")
    assert set(refusals) == {7, 4_000}
    assert len(sent) == 2


def test_what_is_too_old_is_named_so() -> None:
    rows = [row(n) for n in range(OLDEST - 2, OLDEST + 10)]
    refusals, sent = drive(rows, Model())
    assert refusals == dict.fromkeys((0, 1), (RejectReason.RETENTION, "old"))
    assert len(sent) == 3


ROWS = st.lists(
    st.builds(
        row,
        st.integers(OLDEST - 20, OLDEST + 1_000),
        st.sampled_from(("a", "b", "c", "d", "text", "bad")),
        st.sampled_from((1.0, 1.0, 1.0, "text")),
    ),
    min_size=1,
    max_size=60,
)


@given(ROWS, st.booleans(), st.integers(1, 60))
def test_exactly_what_the_store_refuses_is_refused(rows: list[Row], quotes: bool, most: int) -> None:
    model = Model(quotes=quotes, most=most)
    refusals, sent = drive(rows, model)
    assert set(refusals) == {place for place, each in enumerate(rows) if model.refuses(each)}
    accepted = [group for group in sent if model.judge([rows[place] for place in group]).action is Action.ACCEPT]
    last = {place: number for number, group in enumerate(accepted) for place in group}
    written = sorted(last)
    assert written == [place for place in range(len(rows)) if place not in refusals]
    assert [last[place] for place in written] == sorted(last.values())


def test_a_request_that_is_refused_whatever_it_holds_blames_no_row() -> None:
    settlement = settle([row(OLDEST)], [to_line(row(OLDEST))])
    assert next(settlement) == [0]
    assert settlement.send(Verdict(Action.EXAMINE, "gzip: invalid header")) == ()
    with pytest.raises(UnsettledError, match="gzip: invalid header"):
        settlement.send(Verdict(Action.EXAMINE, "gzip: invalid header"))


def test_a_row_too_big_for_any_request_is_refused() -> None:
    settlement = settle([row(OLDEST)], [to_line(row(OLDEST))])
    next(settlement)
    assert settlement.send(Verdict(Action.SPLIT, "too big")) == ()
    with pytest.raises(StopIteration) as end:
        settlement.send(Verdict(Action.ACCEPT, ""))
    assert end.value.value == {0: (RejectReason.STORE, "too big")}


def test_a_store_that_contradicts_itself_is_not_asked_for_ever() -> None:
    rows = [row(OLDEST + n) for n in range(4)]
    settlement = settle(rows, [to_line(each) for each in rows])
    together = Verdict(Action.EXAMINE, "partial write", True, 1)
    with pytest.raises(UnsettledError, match="takes alone"):
        exhaust(settlement, lambda group: together if len(group) == len(rows) else Verdict(Action.ACCEPT, ""))
