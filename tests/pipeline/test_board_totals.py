"""The totals: nothing at first, and then the sum of all batches."""

from collections import Counter

from pipeline.board_totals import Totals
from pipeline.journey import BatchReport
from schemas.reject import RejectReason
from schemas.surprise import Surprise

REPORT = BatchReport(
    delivered=6,
    written=3,
    commands=1,
    rejected=Counter({RejectReason.JSON: 2}),
    surprises=Counter({Surprise.COERCED: 5}),
    outcomes=(),
)


def test_nothing_is_nothing() -> None:
    assert Totals.nothing() == (0, 0, 0, Counter(), Counter())


def test_batches_add_up_and_change_no_earlier_totals() -> None:
    first = Totals.nothing().with_batch(REPORT)
    second = first.with_batch(REPORT)

    assert first == (6, 3, 1, Counter({RejectReason.JSON: 2}), Counter({Surprise.COERCED: 5}))
    assert second == (12, 6, 2, Counter({RejectReason.JSON: 4}), Counter({Surprise.COERCED: 10}))
