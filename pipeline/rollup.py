"""Rollup: hours, snapshots and sessions of the past, worked out anew from the facts in the store, and written there.

Owns how much is read at once, what is written, and from where on it can go on when it was ended. Must not know what
rows follow from facts (`pipeline.core.recomputation`), how stores are asked, or how anything is shown.

The rows of an hour bear its firmware as a tag. Where there is a row already, the new one takes its place, and so its
tag: another one would stand beside it.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from pipeline.core.arrivals import HELD_NS
from pipeline.core.clock_offset import HOUR_NS, hour_of
from pipeline.core.recomputation import SETTLED_NS, Recomputation
from pipeline.core.timestamps import NS_PER_S
from pipeline.wires.fact_source import FactSource
from pipeline.wires.store import Store
from schemas.measurement import CHARGER_HOUR
from schemas.row import Row

REACH_NS = 30 * 86_400 * NS_PER_S
"""How far back it is looked for what a charger said last, and for whether it was silent."""

_FIRST_SLICE_NS = 600 * NS_PER_S
_LONGEST_SLICE_NS = 6 * HOUR_NS
_MANY, _FEW = 100_000, 25_000
"""Rows in a slice: of more, the next one is shorter; of fewer, longer."""


class Span(NamedTuple):
    """The time that is worked out anew: [first, until), nanoseconds, whole hours."""

    first: int
    until: int


class Step(NamedTuple):
    """How far it is. `at` is up to when facts were read; rows before `done` are written, and final."""

    at: int
    done: int
    facts: int
    rows: int
    refused: tuple[str, ...]


def roll_up(source: FactSource, store: Store, recomputation: Recomputation, span: Span, present: int) -> Iterator[Step]:
    """Work out the rows of a span, and write them; how far it is, after each slice of time.

    It can be ended anywhere, and goes on where `Step.done` is the first moment of the span. Raises
    StoreUnavailableError.
    """
    firmwares = _Firmwares(source)
    lead, end = recomputation.lead_from, min(recomputation.facts_until, present)
    recomputation.begin(
        source.last_before(recomputation.last_fields(), lead - REACH_NS, lead),
        source.between(recomputation.fields(), lead, span.first),
        source.silences(lead - REACH_NS, end),
    )
    at, length = span.first, _FIRST_SLICE_NS
    facts = rows = 0
    refused: list[str] = []

    def write(portions: Iterable[Sequence[Row]]) -> int:
        written = 0
        for portion in portions:
            refused.extend(refusal.detail for refusal in store.write(firmwares.kept(portion)))
            written += len(portion)
        return written

    while at < end:
        until = min(at + length, end)
        found = list(source.between(recomputation.fields(), at, until))
        rows += write(recomputation.take(found, until))
        facts += len(found)
        at = until
        done = max(hour_of(at - (recomputation.facts_until - span.until) - HELD_NS), span.first)
        yield Step(at, min(done, span.until), facts, rows, tuple(refused))
        length = _next_length(length, len(found))
    rows += write(recomputation.finish())
    yield Step(recomputation.facts_until, span.until, facts, rows, tuple(refused))


def latest_hour(present: int, late_ns: int) -> int:
    """The end of the last hour that a worker does not correct by itself any more, nanoseconds."""
    return hour_of(present - late_ns - SETTLED_NS)


def _next_length(length: int, found: int) -> int:
    if found > _MANY:
        return max(length // 2, NS_PER_S)
    return min(length * 2, _LONGEST_SLICE_NS) if found < _FEW else length


class _Firmwares:
    """The firmware that the rows of hours bear already."""

    def __init__(self, source: FactSource) -> None:
        self._source = source
        self._hours: dict[int, dict[str, str]] = {}

    def kept(self, rows: Sequence[Row]) -> Sequence[Row]:
        """The same rows; those that are there already bear what they bear."""
        unknown = {row.time for row in rows if row.measurement == CHARGER_HOUR} - self._hours.keys()
        if unknown:
            self._hours = {hour: known for hour, known in self._hours.items() if hour > max(unknown) - 2 * HELD_NS}
            self._hours |= {hour: {} for hour in unknown}
            for (charger, hour), firmware in self._source.firmwares(unknown).items():
                if hour in unknown:
                    self._hours[hour][charger] = firmware
        return [self._with_firmware(row) if row.measurement == CHARGER_HOUR else row for row in rows]

    def _with_firmware(self, row: Row) -> Row:
        firmware = self._hours[row.time].setdefault(row.charger, dict(row.tags)["firmware"])
        return row._replace(tags=(("firmware", firmware),))
