"""The journey of a batch, from deliveries to durable rows and rejects. Read it top-down.

Owns the order in which things become durable. Must not know what a message means (core), where deliveries come
from, or how a store keeps rows (wires).

Every delivery ends in exactly one way, and the report counts it under that name:

    written    its row is in the store
    rejected   it is in the rejects, under one reason: `decode` refused it, or the store did
    command    a copy of a command: read, but this version keeps no row of it
    kept       nothing was durable, the call raised, and the same batch may be given again
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from pipeline.core.decode import Decoder, Outcome, reject
from pipeline.core.rows import RowMaker
from pipeline.wires.state import StateFile
from pipeline.wires.store import Store
from schemas.command import CommandResponse
from schemas.delivery import Delivery
from schemas.observation import Observation
from schemas.reject import Reject, RejectReason
from schemas.row import Row
from schemas.surprise import Surprise


class BatchReport(NamedTuple):
    """What became of one batch: `delivered = written + commands + sum(rejected)`.

    `outcomes`  what each delivery became, in order: its record, or the reject that it ended as.
    `dropped`   older rejects that had to go, so that the new ones have room.
    """

    delivered: int
    written: int
    commands: int
    rejected: Counter[RejectReason]
    surprises: Counter[Surprise]
    outcomes: Sequence[Outcome]
    dropped: int = 0


class Journey:
    """Takes batches through decode, rows, the store and the local state, in that order."""

    def __init__(self, decoder: Decoder, rows: RowMaker, store: Store, state: StateFile) -> None:
        """The parts, already open; closing them is the caller's."""
        self._decoder = decoder
        self._rows = rows
        self._store = store
        self._state = state

    def take(self, deliveries: Sequence[Delivery], now: int) -> BatchReport:
        """Make a batch durable. When this returns, every delivery may be acknowledged.

        `now` is our clock, nanoseconds since the epoch, for the age of rejects alone.
        Raises StoreUnavailableError or RejectsFullError: then no delivery may be acknowledged, and the same batch can
        be given again, since rows and rejects are written to the same place again.
        """
        decoded = self._decoder.decode(deliveries)
        outcomes = list(decoded.outcomes)
        rows, sources = self._make_rows(outcomes)
        refusals = self._store.write(rows)
        for row, reason, detail in refusals:
            outcomes[sources[row]] = reject(deliveries[sources[row]], reason, detail)
        rejects = [outcome for outcome in outcomes if isinstance(outcome, Reject)]
        kept = self._state.add_rejects(rejects, now)
        written = len(rows) - len(refusals)
        return BatchReport(
            delivered=len(deliveries),
            written=written,
            commands=len(deliveries) - written - len(rejects),
            rejected=Counter(refused.reason for refused in rejects),
            surprises=decoded.surprises,
            outcomes=outcomes,
            dropped=kept.dropped,
        )

    def _make_rows(self, outcomes: Sequence[Outcome]) -> tuple[list[Row], list[int]]:
        """The rows of a batch, and for each the place of its delivery."""
        rows: list[Row] = []
        sources: list[int] = []
        for place, outcome in enumerate(outcomes):
            if isinstance(outcome, Observation | CommandResponse):
                rows.append(self._rows.row(outcome))
                sources.append(place)
        return rows, sources
