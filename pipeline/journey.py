"""The journey of a batch, from deliveries to durable rows and rejects. Read it top-down.

Owns the order in which things become durable: rows of facts, rows that follow from them, then in one transaction
rejects and progress. Must not know what a message means (core), where deliveries come from, or how a store keeps rows
(wires).

Every delivery ends in exactly one way, and the report counts it under that name:

    written    its row is in the store
    rejected   it is in the rejects, under one reason: `decode` refused it, or the store did, or what follows from it
               makes the program fail (`internal`; its row is in the store all the same)
    command    a copy of a command: the tracker has it, and its row is in the store
    kept       nothing was durable, the call raised, and the same batch may be given again
"""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from pipeline.core.decode import Decoded, Decoder, Outcome, reject
from pipeline.core.derivation import NOTHING_DERIVED, Derived
from pipeline.core.rows import RowMaker
from pipeline.log import place_of_fault
from pipeline.tracking import Tracking
from pipeline.wires.state import RejectsReport, StateFile
from pipeline.wires.store import Refusal, Store, StoreUnavailableError
from schemas.alert import Alert
from schemas.command import CommandResponse
from schemas.delivery import Delivery
from schemas.observation import Observation
from schemas.reject import Reject, RejectReason
from schemas.row import Row
from schemas.surprise import Surprise

_LOG = logging.getLogger(__name__)
_MOST_ROWS = 20_000
_FACTS = (Observation, CommandResponse)


class BatchReport(NamedTuple):
    """What became of one batch: `delivered = written + commands + sum(rejected)`.

    `outcomes`  what each delivery became, in order: its record, or the reject that it ended as.
    `dropped`   older rejects that had to go, so that the new ones have room.
    `derived`   the rows that followed.
    `told`      alerts that were raised or cleared, of which somebody is to be told now.
    """

    delivered: int
    written: int
    commands: int
    rejected: Counter[RejectReason]
    surprises: Counter[Surprise]
    outcomes: Sequence[Outcome]
    dropped: int = 0
    derived: Sequence[Row] = ()
    told: Sequence[Alert] = ()


OnBatch = Callable[[BatchReport], None]
"""Told of a batch that is durable. Must return soon, and raise nothing."""


class Batch:
    """Deliveries that are read, and not durable yet: what each became, and the rows in the order of the deliveries."""

    __slots__ = ("deliveries", "outcomes", "rows", "sources", "surprises")

    def __init__(self) -> None:
        """Nothing read yet. `sources[i]` is the place of the delivery of `rows[i]`."""
        self.deliveries: list[Delivery] = []
        self.outcomes: list[Outcome] = []
        self.rows: list[Row] = []
        self.sources: list[int] = []
        self.surprises: Counter[Surprise] = Counter()


class Journey:
    """Takes batches through decode, rows, the store and the local state, in that order."""

    def __init__(
        self, decoder: Decoder, rows: RowMaker, store: Store, state: StateFile, tracking: Tracking | None
    ) -> None:
        """The parts, already open; closing them is the caller's. Without `tracking` nothing follows from facts."""
        self._decoder = decoder
        self._rows = rows
        self._store = store
        self._state = state
        self._tracking = tracking

    @property
    def rejects_room(self) -> tuple[int, int]:
        """Bytes that the rejects take, and may take."""
        return self._state.room

    def take(self, deliveries: Sequence[Delivery], now: int) -> BatchReport:
        """Read a batch and make it durable. Raises as `commit` does: then the same batch can be given again."""
        batch = Batch()
        self.read(batch, deliveries)
        return self.commit(batch, now)

    def read(self, batch: Batch, deliveries: Sequence[Delivery]) -> None:
        """Read some deliveries, and add them to a batch. Pure but for what `decode` remembers; never raises.

        A few hundred at a time are the cheapest: fresh deliveries are still in the processor's cache then.
        """
        try:
            self._add(batch, deliveries, self._decoder.decode(deliveries))
        except Exception as fault:
            _LOG.error("%s: the delivery is rejected as internal; please report this", place_of_fault(fault))
            for delivery in deliveries:
                self._add(batch, [delivery], self._decode_alone(delivery))

    def commit(self, batch: Batch, now: int, operational: Sequence[Row] = ()) -> BatchReport:
        """Make a batch durable. When this returns, every delivery may be acknowledged. Blocks.

        `now` is our clock, nanoseconds since the epoch, for the age of rejects and of what went wrong; no row depends
        on it. `operational` rows belong to no delivery: they are written with the batch, and one that is refused is
        logged.
        Raises StoreUnavailableError or RejectsFullError: then no delivery may be acknowledged, and the same batch can
        be committed again, since rows and rejects are written to the same place again.
        """
        return self._commit(batch, now, self._follow(batch, Tracking.begin, now), operational)

    def commit_copies(self, batch: Batch, now: int) -> BatchReport:
        """The same for a batch of COMMAND_QUEUE, which does not say how far the operator's queue is read."""
        return self._commit(batch, now, self._follow(batch, Tracking.begin_copies, now), ())

    def queue_was_empty(self, at: int) -> None:
        """See Watermark.queue_was_empty; what follows from it comes with the next batch."""
        if self._tracking is not None:
            self._tracking.queue_was_empty(at)

    def forget_uncommitted(self) -> None:
        """See Tracking.forget_uncommitted: for a batch that was given to `commit` in vain, and will not be again."""
        if self._tracking is not None:
            self._tracking.forget_uncommitted()

    def has_news(self, now: int) -> bool:
        """Whether an empty batch has something to commit: time passed, or a command was sent."""
        return self._tracking is not None and self._tracking.has_news(now)

    def _follow(self, batch: Batch, begin: Callable[[Tracking, Sequence[Outcome], int], Derived], now: int) -> Derived:
        """What follows from a batch; what makes the program fail ends among the rejects, and is not tried again."""
        if self._tracking is None:
            return NOTHING_DERIVED
        derived = begin(self._tracking, batch.outcomes, now)
        for place, detail in self._tracking.failed.items():
            batch.outcomes[place] = reject(batch.deliveries[place], RejectReason.INTERNAL, detail)
        return derived

    def _commit(self, batch: Batch, now: int, derived: Derived, operational: Sequence[Row]) -> BatchReport:
        outcomes = list(batch.outcomes)
        rows = [*batch.rows, *derived.rows, *operational] if derived.rows or operational else batch.rows
        try:
            refusals = self._write(rows)
        except StoreUnavailableError as fault:
            if fault.may_come_later and self._tracking is not None:
                self._tracking.overtaken(derived, now)
            raise
        unwanted: dict[str, list[str]] = {}
        for row, reason, detail in refusals:
            if row >= len(batch.sources):
                unwanted.setdefault(rows[row].measurement, []).append(detail)
                continue
            source = batch.sources[row]
            outcomes[source] = reject(batch.deliveries[source], reason, detail)
        for measurement, details in unwanted.items():
            _LOG.warning("the store refused %d rows of %s: %s", len(details), measurement, details[0])
        rejects = [outcome for outcome in outcomes if isinstance(outcome, Reject)]
        kept, told = self._keep(rejects, now)
        written = sum(not isinstance(outcomes[source], Reject) for source in batch.sources)
        return BatchReport(
            delivered=len(outcomes),
            written=written,
            commands=len(outcomes) - written - len(rejects),
            rejected=Counter(refused.reason for refused in rejects),
            surprises=batch.surprises + Counter({Surprise.TOO_LATE: derived.too_late}),
            outcomes=outcomes,
            dropped=kept.dropped,
            derived=derived.rows,
            told=told,
        )

    def _write(self, rows: Sequence[Row]) -> Sequence[Refusal]:
        """Write rows in their order, so many in a request: thousands of commands can time out at one moment."""
        if len(rows) <= _MOST_ROWS:
            return self._store.write(rows)
        refusals: list[Refusal] = []
        for first in range(0, len(rows), _MOST_ROWS):
            refused = self._store.write(rows[first : first + _MOST_ROWS])
            refusals += [refusal._replace(row=first + refusal.row) for refusal in refused]
        return refusals

    def _keep(self, rejects: Sequence[Reject], now: int) -> tuple[RejectsReport, Sequence[Alert]]:
        if self._tracking is None:
            return self._state.add_rejects(rejects, now), ()
        return self._tracking.keep(rejects, now)

    def _add(self, batch: Batch, deliveries: Sequence[Delivery], decoded: Decoded) -> None:
        """Add what was decoded, or, where anything is raised, nothing of it."""
        row = self._rows.row
        rows: list[Row] = []
        sources: list[int] = []
        for place, outcome in enumerate(decoded.outcomes, start=len(batch.outcomes)):
            if isinstance(outcome, _FACTS):
                rows.append(row(outcome))
                sources.append(place)
        batch.deliveries += deliveries
        batch.outcomes += decoded.outcomes
        batch.rows += rows
        batch.sources += sources
        batch.surprises += decoded.surprises

    def _decode_alone(self, delivery: Delivery) -> Decoded:
        """One delivery, where one of several made the program fail."""
        try:
            decoded = self._decoder.decode([delivery])
            for outcome in decoded.outcomes:
                if isinstance(outcome, _FACTS):
                    self._rows.row(outcome)
        except Exception as fault:
            return Decoded([reject(delivery, RejectReason.INTERNAL, place_of_fault(fault))], Counter())
        return decoded
