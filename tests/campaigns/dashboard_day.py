"""A simulated day in a bucket, for the dashboards to show: what a worker would have written, without a broker.

Owns the day: a fleet with every quirk, two sites and chargers without one, a worker's rows about itself, and alerts of
each kind. Rows are made by the program's own core. Must not know which dashboards there are.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pipeline.core.alert_rows import alert_row
from pipeline.core.decode import Decoder, Outcome
from pipeline.core.derivation import Derivation, Spans
from pipeline.core.line_protocol import to_line
from pipeline.core.redaction import Personal, Redaction
from pipeline.core.rows import RowMaker
from pipeline.core.tracker import Tracker
from pipeline.journey import BatchReport
from pipeline.meters import Meters
from pipeline.self_metrics import SelfMetrics
from pipeline.simulator.command_copy import copy_of
from pipeline.simulator.fleet import Fleet, FleetPlan
from pipeline.simulator.quirks import Quirk, Quirks
from pipeline.wires.amqp_carried import as_carried
from pipeline.wires.source import SourceState, SourceStatus
from schemas.alert import Alert, AlertKind
from schemas.catalogue import shipped_catalogue
from schemas.command import Argument, CommandResponse, CommandSent
from schemas.delivery import Delivery
from schemas.measurement import CHARGER_SNAPSHOT
from schemas.observation import Observation
from schemas.reject import Reject, RejectReason
from schemas.row import Row
from tests.services.influxdb import InfluxDb

S = 10**9
MINUTE_NS = 60 * S
HOUR_NS = 60 * MINUTE_NS
SNAPSHOT_NS = 5 * MINUTE_NS
SPANS = Spans(timeout=60 * S, silent_after=20 * 60 * S, late_data=6 * 3_600 * S)
SITES = ("Nord", "Syd", "")
"""A third of the devices are of each; the last has no site, as without a fleet file."""
LINES = 5_000
WAY_NS = 200 * 10**6
STORE_NS = 20 * 10**6
"""How long a message takes from the cloud to us, and a batch to the store."""
_WORKER_KINDS = (AlertKind.REJECTS, AlertKind.BACKLOG, AlertKind.HOLDING, AlertKind.STREAM_SILENT)
_RATES = {Quirk.OFFLINE: 0.05, Quirk.DEAD: 0.05, Quirk.UNKNOWN_ID: 0.01, Quirk.EXPIRES: 0.1, Quirk.LATE_RESPONSE: 0.05}


class DayPlan(NamedTuple):
    """How many chargers, for how many hours.

    `copies`  so many chargers live the life of each that is simulated.
    `busy`    see FleetPlan.
    `step`    how often the worker tells of itself, nanoseconds.
    """

    chargers: int
    hours: int
    copies: int = 1
    busy: float = 2.0
    step: int = MINUTE_NS
    seed: int = 8


class Span(NamedTuple):
    """From when to when there is something to see, nanoseconds since the epoch; and how many rows."""

    begin: int
    end: int
    rows: int = 0


def fill(influxdb: InfluxDb, bucket: str, plan: DayPlan) -> Span:
    """Live through the day, and write all of it to a bucket."""
    begin = FleetPlan().start
    written = 0
    lines: list[str] = []
    for row in rows_of_day(plan):
        lines += [to_line(twin) for twin in _twins(row, plan.copies)]
        if len(lines) >= LINES:
            influxdb.write(bucket, "\n".join(lines))
            written += len(lines)
            lines.clear()
    influxdb.write(bucket, "\n".join(lines))
    return Span(begin, begin + plan.hours * HOUR_NS, written + len(lines))


def _twins(row: Row, copies: int) -> Iterator[Row]:
    yield row
    for number in range(1, copies if row.charger != "-" else 1):
        yield row._replace(charger=f"{row.charger}-{number}")


def rows_of_day(plan: DayPlan) -> Iterator[Row]:
    """Every row of the day, in the order in which a worker writes them."""
    fleet = Fleet(FleetPlan(plan.seed, plan.chargers, busy=plan.busy, commands_an_hour=1.0), Quirks.all().but(_RATES))
    sites = {serial: SITES[place % len(SITES)] for place, serial in enumerate(fleet.serials)}
    worker = _Worker()
    begin = now = fleet.plan.start
    while now < begin + plan.hours * HOUR_NS:
        now += plan.step
        for row in worker.take(fleet.advance_with_commands(now), now):
            yield row._replace(site=sites.get(row.charger, ""))
    yield from _alerts_of_a_worker(now)
    yield from _rarities(now, fleet.serials[0])


class _Worker:
    """What a worker does with a batch, all but the servers."""

    def __init__(self) -> None:
        catalogue = shipped_catalogue()
        self._decoder = Decoder(catalogue, Redaction(Personal.DROP))
        self._maker = RowMaker(catalogue)
        self._derivation = Derivation(catalogue, SPANS)
        self._meters = Meters()
        self._metrics = SelfMetrics(self._meters, "sample")

    def take(self, items: Sequence[Delivery | CommandSent], now: int) -> Iterator[Row]:
        """The rows of a batch, of what follows from it, and of the worker itself."""
        copies = [copy_of(item) for item in items if isinstance(item, CommandSent)]
        self._derivation.take_copies(self._decoder.decode(copies).outcomes)
        decoded = self._decoder.decode([as_carried(item) for item in items if isinstance(item, Delivery)])
        outcomes = [_received(outcome) for outcome in decoded.outcomes]
        for outcome in outcomes:
            if isinstance(outcome, (Observation, CommandResponse)):
                yield self._maker.row(outcome)
        self._derivation.take(outcomes)
        yield from self._derived()
        self._count(BatchReport(len(outcomes), 0, 0, _rejected(outcomes), decoded.surprises, outcomes), now)
        yield self._metrics.row(now)
        self._metrics.written()

    def _derived(self) -> Iterator[Row]:
        is_whole = False
        while not is_whole:
            derived = self._derivation.advance()
            yield from derived.rows
            self._derivation.progress()
            self._derivation.kept()
            is_whole = derived.is_whole

    def _count(self, report: BatchReport, now: int) -> None:
        written = report.delivered - report.rejected.total()
        self._meters.requests(1)
        self._meters.rejects_kept(10_000, 1 << 30)
        self._meters.look(SourceStatus(SourceState.CONSUMING, "", 7, 1, 40, 15_000, connections=1, handed_back=0))
        self._meters.batch_taken(report._replace(written=written), redelivered=0, store_ns=STORE_NS, stored_at=now)


def _received(outcome: Outcome) -> Outcome:
    if isinstance(outcome, (Observation, CommandResponse)) and outcome.arrived_at is not None:
        return outcome._replace(received_at=outcome.arrived_at + WAY_NS)
    return outcome


def _rejected(outcomes: Sequence[object]) -> Counter[RejectReason]:
    return Counter(outcome.reason for outcome in outcomes if isinstance(outcome, Reject))


def _alerts_of_a_worker(now: int) -> Iterator[Row]:
    """One alert of each kind that is the worker's own: raised, cleared, and raised again."""
    for place, kind in enumerate(_WORKER_KINDS):
        raised = now - (place + 2) * HOUR_NS
        edges = ((raised, True), (raised + MINUTE_NS, False), (raised + HOUR_NS, True))
        for at, is_raised in edges:
            began_at = at if is_raised else raised
            yield alert_row(Alert("-", kind, "-", at, began_at, is_raised, 1.0, f"A sample of {kind}"))


def _rarities(now: int, serial: str) -> Iterator[Row]:
    """What a fleet like this one never shows, or not at the end of a day: modes, a silence, an open command."""
    for mode in (5, 6, 8):
        for point in range(6):
            at = now - now % SNAPSHOT_NS - point * SNAPSHOT_NS
            yield Row(CHARGER_SNAPSHOT, f"EH90000{mode}", SITES[0], (), at, (("op_mode", float(mode)),))
    yield alert_row(
        Alert(serial, AlertKind.CHARGER_SILENT, "-", now, now, True, 1_200.0, f"{serial} has not been heard")
    )
    tracker = Tracker(shipped_catalogue(), SPANS.timeout, SPANS.late_data)
    tracker.add_command(CommandSent(serial, 48, (Argument(1, "13"),), None, now - S, "0" * 32, now - S))
    yield from tracker.advance(now, now - HOUR_NS).rows
