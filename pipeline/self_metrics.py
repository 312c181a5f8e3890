"""Self-metrics: rows of what a worker counted and measured, written to the store like any other.

Owns the fields of measurement `pipeline`. Must not know how anything is counted (`pipeline.meters`), when a row is
due, or the present time. Pure but for `SelfMetrics`, which remembers the row before.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from pipeline.core.latencies import EMPTY, mean_ns, quantile_ns, since
from pipeline.core.timestamps import NS_PER_MS
from pipeline.meters import Meters
from schemas.measurement import PIPELINE, SCHEMA_VERSION
from schemas.meters import Counts, Gauges, Latency, MetersSnapshot, WorkerState
from schemas.reject import RejectReason
from schemas.row import Row
from schemas.surprise import Surprise

NO_CHARGER = "-"
"""The tag `charger` of a row that is about none."""

_SURPRISES: Mapping[str, Surprise] = MappingProxyType(
    {"coerced": Surprise.COERCED, "misfit": Surprise.MISFIT, "unknown_ids": Surprise.UNKNOWN_ID}
)
_MEDIAN = 0.5
_LARGEST = 1.0

_Figure = tuple[str, float | None]
"""A field and its number; None where there is none now, so that the row leaves it out."""


class SelfMetrics:
    """The rows of one worker, each about the time since the one before it that was written."""

    def __init__(self, meters: Meters, worker: str) -> None:
        """`worker` names the worker among those that write to the same store; tag `worker`."""
        self._meters = meters
        self._worker = worker
        self._written = self._latest = meters.snapshot()

    def row(self, now: int) -> Row:
        """The row of this moment; `now` in nanoseconds since the epoch. Until `written`, it may never come to be."""
        self._latest = self._meters.snapshot()
        return pipeline_row(self._written, self._latest, now, self._worker)

    def written(self) -> None:
        """The latest row is in the store: the next one counts from there."""
        self._written = self._latest


def pipeline_row(before: MetersSnapshot, after: MetersSnapshot, now: int, worker: str) -> Row:
    """What happened between two snapshots, and how things are at the later one, as a row of `now`.

    Numbers that nobody knows are left out: of no batch there is no mean.
    """
    figures = [*_counts(before, after), *_latencies(before, after), *_gauges(after.gauges)]
    fields = tuple((name, float(number)) for name, number in figures if number is not None)
    return Row(PIPELINE, NO_CHARGER, "", (("worker", worker),), now, fields)


def _counts(before: MetersSnapshot, after: MetersSnapshot) -> Iterable[_Figure]:
    counts = Counts(*(later - earlier for earlier, later in zip(before.counts, after.counts, strict=True)))
    yield "delivered", counts.delivered
    yield "written", counts.written
    yield "commands", counts.commands
    yield "rejected", counts.rejected
    for reason in RejectReason:
        yield f"rejected_{reason}", after.rejected.get(reason, 0) - before.rejected.get(reason, 0)
    yield "rejects_dropped", counts.dropped
    yield "redelivered", counts.redelivered
    for name, surprise in _SURPRISES.items():
        yield name, after.surprises.get(surprise, 0) - before.surprises.get(surprise, 0)
    yield "handed_back", counts.handed_back
    yield "batches", counts.batches
    yield "requests", counts.requests
    yield "extra_requests", counts.extra_requests
    yield "retries", counts.retries
    yield "connections", counts.connections
    yield "batch_size", counts.delivered / counts.batches if counts.batches else None


def _latencies(before: MetersSnapshot, after: MetersSnapshot) -> Iterable[_Figure]:
    measured = {
        latency: since(before.latencies.get(latency, EMPTY), after.latencies.get(latency, EMPTY)) for latency in Latency
    }
    yield "store_ms_mean", _milliseconds(mean_ns(measured[Latency.STORE]))
    yield "store_ms_max", _milliseconds(quantile_ns(measured[Latency.STORE], _LARGEST))
    for latency in (Latency.DEVICE_TO_CLOUD, Latency.CLOUD_TO_STORED):
        yield f"{latency}_ms_p50", _milliseconds(quantile_ns(measured[latency], _MEDIAN))
        yield f"{latency}_ms_max", _milliseconds(quantile_ns(measured[latency], _LARGEST))


def _gauges(gauges: Gauges) -> Iterable[_Figure]:
    yield "clock_offset_ms", _milliseconds(gauges.clock_offset_ns)
    yield "backlog", gauges.backlog
    yield "consumers", gauges.consumers
    yield "unacknowledged", gauges.unacknowledged
    yield "prefetch", gauges.prefetch
    yield "connected", gauges.is_connected
    yield "consuming", gauges.is_consuming
    yield "holding", gauges.state is WorkerState.HOLDING
    yield "rejects_bytes", gauges.rejects_bytes
    yield "schema_version", SCHEMA_VERSION


def _milliseconds(nanoseconds: float | None) -> float | None:
    return None if nanoseconds is None else nanoseconds / NS_PER_MS
