"""Prometheus: a worker's meters as metrics, in the text form that Prometheus scrapes.

Owns the names, units and help texts of metrics. Must not know how anything is counted, or who scrapes.
A metric is made when it is asked for, from one snapshot: numbers in one answer belong together.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from pipeline.core.latencies import cumulate, total
from pipeline.core.timestamps import NS_PER_MS, NS_PER_S
from schemas.alert import AlertKind
from schemas.meters import Counts, Gauges, Histogram, Lags, Latency, MetersSnapshot, WorkerState
from schemas.reject import RejectReason
from schemas.surprise import Surprise

_PREFIX = "chargeline"
_BOUNDS_MS = (100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000, 1_800_000)
_STORE_BOUNDS_MS = (5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000)
_INF = "+Inf"
_Label = TypeVar("_Label", RejectReason, Surprise)


class _Counted(NamedTuple):
    """A counter: a number of `Counts`."""

    name: str
    help: str
    read: Callable[[Counts], int]


class _Gauged(NamedTuple):
    """A gauge: a number of `Gauges`, left out while nobody knows it."""

    name: str
    help: str
    read: Callable[[Gauges], float | None]


class _Measured(NamedTuple):
    """A histogram, with the upper bounds of its buckets, each a number of two digits."""

    latency: Latency
    help: str
    bounds_ms: Sequence[int]


_COUNTERS = (
    _Counted("delivered", "Deliveries that ended: written, a copy of a command, or rejected.", lambda c: c.delivered),
    _Counted("written", "Deliveries whose row is in the store.", lambda c: c.written),
    _Counted("commands", "Copies of commands, which are followed to their end.", lambda c: c.commands),
    _Counted("copies", "Of the deliveries, those that came over COMMAND_QUEUE.", lambda c: c.copies),
    _Counted("redelivered", "Deliveries that had been delivered before.", lambda c: c.redelivered),
    _Counted("handed_back", "Deliveries that went back to the queue unacknowledged.", lambda c: c.handed_back),
    _Counted("rejects_dropped", "Older rejects that went so that new ones have room.", lambda c: c.dropped),
    _Counted("batches", "Batches made durable.", lambda c: c.batches),
    _Counted("store_requests", "Requests to the store.", lambda c: c.requests),
    _Counted(
        "store_extra_requests", "Requests beyond one a batch, for rows the store refused.", lambda c: c.extra_requests
    ),
    _Counted("retries", "Tries to make a batch durable that failed.", lambda c: c.retries),
    _Counted("connections", "Connections made to the broker.", lambda c: c.connections),
    _Counted("rows_dropped", "Rows that went since they were older than CHARGELINE_KEEP says.", lambda c: c.outlived),
    _Counted("kafka_rebalances", "Times that Kafka's partitions were given or taken away.", lambda c: c.rebalances),
    _Counted("kafka_missed", "Messages that Kafka dropped, by retention, before they were read.", lambda c: c.missed),
)
_GAUGES = (
    _Gauged("backlog_messages", "Messages that wait in the queue, by the broker's last answer.", lambda g: g.backlog),
    _Gauged("queue_consumers", "Consumers of the queue, by the broker's last answer.", lambda g: g.consumers),
    _Gauged("unacknowledged_messages", "Deliveries here that are not acknowledged.", lambda g: g.unacknowledged),
    _Gauged("prefetch_messages", "Most deliveries that may be unacknowledged.", lambda g: g.prefetch),
    _Gauged("connected", "1 where connected to the broker, consuming or standing by.", lambda g: g.is_connected),
    _Gauged("consuming", "1 where a consumer of the queue.", lambda g: g.is_consuming),
    _Gauged(
        "holding", "1 while waiting for an operator: token, bucket, disk.", lambda g: g.state is WorkerState.HOLDING
    ),
    _Gauged(
        "store_answered_timestamp_seconds",
        "When the store last made something durable.",
        lambda g: _seconds(g.store_answered_at),
    ),
    _Gauged(
        "clock_offset_seconds",
        "Smallest received - ArrivalTime of a minute: our clock minus the cloud's, plus the way.",
        lambda g: _seconds(g.clock_offset_ns),
    ),
    _Gauged("rejects_bytes", "Bytes of the rejects kept.", lambda g: g.rejects_bytes),
    _Gauged("rejects_limit_bytes", "Most bytes of rejects that may be kept.", lambda g: g.rejects_limit),
    _Gauged(
        "kafka_in_flight_messages",
        "Messages read from Kafka that are not done with; of a bridge, those that Kafka has not confirmed.",
        lambda g: g.kafka_in_flight,
    ),
    _Gauged(
        "track_watermark_timestamp_seconds",
        "Up to when everything is known, in the partition that is the least far; 0 while nothing is.",
        lambda g: _seconds(g.watermark_at),
    ),
)
_HISTOGRAMS = (
    _Measured(Latency.STORE, "From the call of the store until a batch is durable.", _STORE_BOUNDS_MS),
    _Measured(
        Latency.DEVICE_TO_CLOUD,
        "ArrivalTime - Timestamp of observations: the cloud's clock against the device's.",
        _BOUNDS_MS,
    ),
    _Measured(Latency.CLOUD_TO_STORED, "Durable - ArrivalTime: our clock against the cloud's.", _BOUNDS_MS),
)


def metrics_registry(read: Callable[[], MetersSnapshot], version: str) -> CollectorRegistry:
    """A registry of its own, with the worker's metrics (`chargeline_…`) and those of its process (`process_…`)."""
    kept = CollectorRegistry(auto_describe=False)
    kept.register(_Worker(read, version))
    ProcessCollector(registry=kept)
    return kept


class _Worker(Collector):
    """One worker's meters."""

    def __init__(self, read: Callable[[], MetersSnapshot], version: str) -> None:
        self._read = read
        self._version = version

    def collect(self) -> Iterable[Metric]:
        snapshot = self._read()
        yield InfoMetricFamily(_PREFIX, "The program that runs.", {"version": self._version})
        yield _state(snapshot.gauges)
        for counted in _COUNTERS:
            yield CounterMetricFamily(_name(counted.name), counted.help, counted.read(snapshot.counts))
        yield _by_label("rejected", "Deliveries in the rejects.", "reason", RejectReason, snapshot.rejected)
        yield _by_label("surprises", "What was legal but unexpected.", "surprise", Surprise, snapshot.surprises)
        yield _alerts(snapshot.alerts)
        if snapshot.lags:
            yield _lags(snapshot.lags)
        for gauged in _GAUGES:
            number = gauged.read(snapshot.gauges)
            if number is not None:
                yield GaugeMetricFamily(_name(gauged.name), gauged.help, number)
        for measured in _HISTOGRAMS:
            yield _histogram(measured, snapshot.latencies[measured.latency])


def _name(name: str) -> str:
    return f"{_PREFIX}_{name}"


def _state(gauges: Gauges) -> Metric:
    family = GaugeMetricFamily(_name("state"), "1 for what the worker is doing, 0 for all else.", labels=("state",))
    for state in WorkerState:
        family.add_metric((state,), state is gauges.state)
    return family


def _alerts(counts: Mapping[AlertKind, int]) -> Metric:
    family = GaugeMetricFamily(_name("alerts_active"), "Alerts that are raised now.", labels=("kind",))
    for kind in AlertKind:
        family.add_metric((kind,), counts.get(kind, 0))
    return family


def _lags(lags: Lags) -> Metric:
    words = "Messages that wait in a partition of Kafka, from the first that is not done with."
    family = GaugeMetricFamily(_name("kafka_lag"), words, labels=("topic", "partition"))
    for (topic, partition), lag in sorted(lags.items()):
        family.add_metric((topic, str(partition)), lag)
    return family


def _by_label(name: str, words: str, label: str, values: Iterable[_Label], counts: Mapping[_Label, int]) -> Metric:
    """A counter with every value of its label from the start, so that the first increase is seen as one."""
    family = CounterMetricFamily(_name(name), words, labels=(label,))
    for value in values:
        family.add_metric((value,), counts.get(value, 0))
    return family


def _histogram(measured: _Measured, histogram: Histogram) -> Metric:
    bounds_ns = [bound * NS_PER_MS for bound in measured.bounds_ms]
    names = [str(bound / NS_PER_S) for bound in bounds_ns]
    buckets = [*zip(names, cumulate(histogram, bounds_ns), strict=True), (_INF, total(histogram))]
    return HistogramMetricFamily(
        _name(f"{measured.latency}_seconds"), measured.help, buckets, histogram.sum_ns / NS_PER_S
    )


def _seconds(nanoseconds: int | None) -> float | None:
    return None if nanoseconds is None else nanoseconds / NS_PER_S
