"""What became of all deliveries that the live board was told of.

Owns the sums. Must not know what a delivery says, or how the sums look.
"""

from collections import Counter
from typing import NamedTuple, Self

from pipeline.journey import BatchReport
from schemas.reject import RejectReason
from schemas.surprise import Surprise


class Totals(NamedTuple):
    """What became of all deliveries so far: `delivered = written + commands + sum(rejected)`."""

    delivered: int
    written: int
    commands: int
    rejected: Counter[RejectReason]
    surprises: Counter[Surprise]

    @classmethod
    def nothing(cls) -> Self:
        """Before the first delivery."""
        return cls(0, 0, 0, Counter(), Counter())

    def with_batch(self, report: BatchReport) -> "Totals":
        """The same after one more batch."""
        return Totals(
            delivered=self.delivered + report.delivered,
            written=self.written + report.written,
            commands=self.commands + report.commands,
            rejected=self.rejected + report.rejected,
            surprises=self.surprises + report.surprises,
        )
