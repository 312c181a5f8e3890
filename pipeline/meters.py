"""Meters: the one place where a worker counts and measures itself.

Owns the numbers, and keeps them cheap: it is called once a batch. Must not know who is shown them, or the present
time. Everything is of one thread, that of the worker's event loop.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from pipeline.core.decode import Outcome
from pipeline.core.latencies import HistogramMaker
from pipeline.core.timestamps import NS_PER_S
from pipeline.journey import BatchReport
from pipeline.wires.source import SourceState, SourceStatus
from schemas.alert import AlertKind
from schemas.command import CommandResponse
from schemas.meters import Counts, Gauges, KafkaStatus, Latency, MetersSnapshot, WorkerState
from schemas.observation import Observation, Product
from schemas.reject import RejectReason
from schemas.surprise import Surprise

_ENERGY_PER_HOUR = 122
"""The charger's energy of an hour is stamped with the hour's start, which says nothing about its way."""

_OFFSET_SLOT_NS = 5 * NS_PER_S
_OFFSET_SLOTS = 60 * NS_PER_S // _OFFSET_SLOT_NS
_UNKNOWN = SourceStatus(SourceState.CONNECTING, "not connected yet", None, None, 0, 0, 0, 0)
_NO_KAFKA = KafkaStatus({}, 0, 0, 0)
_STATES: Mapping[SourceState, WorkerState] = MappingProxyType(
    {
        SourceState.CONNECTING: WorkerState.CONNECTING,
        SourceState.STANDBY: WorkerState.STANDBY,
        SourceState.CONSUMING: WorkerState.CONSUMING,
        SourceState.HANDED_BACK: WorkerState.CONNECTING,
        SourceState.STOPPED: WorkerState.STOPPING,
    }
)


class _Times(NamedTuple):
    """What the records of a batch say about time, in nanoseconds.

    `from_devices`  how long observations took to the cloud. A response does not say when its device made it.
    `arrivals`      when each record arrived in the cloud.
    `offsets`       how much later we received each than it had arrived there.
    """

    from_devices: Sequence[int]
    arrivals: Sequence[int]
    offsets: Sequence[int]


class Meters:
    """What a worker counts and measures, from its start on."""

    def __init__(self) -> None:
        """Nothing has happened yet."""
        self._delivered = self._written = self._commands = self._dropped = self._redelivered = self._copies = 0
        self._alerts: Mapping[AlertKind, int] = MappingProxyType({})
        self._batches = self._requests = self._extra_requests = self._retries = self._outlived = 0
        self._rejected: Counter[RejectReason] = Counter()
        self._surprises: Counter[Surprise] = Counter()
        self._latencies = {latency: HistogramMaker() for latency in Latency}
        self._offsets = _SlidingMinimum()
        self._source = _UNKNOWN
        self._kafka: KafkaStatus | None = None
        self._trouble: tuple[WorkerState, str] | None = None
        self._is_stopping = False
        self._store_answered_at: int | None = None
        self._rejects: tuple[int, int] | None = None

    def batch_taken(self, report: BatchReport, *, redelivered: int, store_ns: int, stored_at: int) -> None:
        """A batch is durable, which may hold no delivery at all.

        `redelivered` of its deliveries had been delivered before; the store took `store_ns` nanoseconds; it was
        durable at `stored_at`, nanoseconds since the epoch, on the clock of `received_at`.
        """
        self._store_answered_at = stored_at
        self._latencies[Latency.STORE].add([store_ns])
        if not report.delivered:
            return
        self._batches += 1
        self._delivered += report.delivered
        self._written += report.written
        self._commands += report.commands
        self._dropped += report.dropped
        self._redelivered += redelivered
        self._rejected += report.rejected
        self._surprises += report.surprises
        times = _times_of(report.outcomes)
        self._latencies[Latency.DEVICE_TO_CLOUD].add(times.from_devices)
        self._latencies[Latency.CLOUD_TO_STORED].add([stored_at - arrived_at for arrived_at in times.arrivals])
        self._offsets.add(min(times.offsets, default=None), stored_at)

    def copies_taken(self, report: BatchReport, *, redelivered: int, store_ns: int, stored_at: int) -> None:
        """A batch of COMMAND_QUEUE became durable; see `batch_taken`."""
        self._copies += report.delivered
        self.batch_taken(report, redelivered=redelivered, store_ns=store_ns, stored_at=stored_at)

    def requests(self, count: int) -> None:
        """The store needed so many requests for a batch."""
        self._requests += count
        self._extra_requests += max(count - 1, 0)

    def rows_dropped(self, count: int) -> None:
        """So many rows went, being older than they are to be kept."""
        self._outlived += count

    def look(self, source: SourceStatus) -> None:
        """The source is so now. What it counts itself (connections, deliveries handed back) is taken from here."""
        self._source = source

    def look_at_kafka(self, status: KafkaStatus) -> None:
        """Of a process that works with Kafka: how it does there. What it counts itself is taken from here."""
        self._kafka = status

    def trouble(self, words: str, *, is_holding: bool) -> None:
        """A batch could not be made durable, and will be tried again; `words` say why.

        `is_holding`: it takes an operator to end that.
        """
        self._retries += 1
        self._trouble = (WorkerState.HOLDING if is_holding else WorkerState.RETRYING, words)

    def recovered(self) -> None:
        """A batch could be made durable, so there is no trouble (any more)."""
        self._trouble = None

    def stopping(self) -> None:
        """The worker was told to stop."""
        self._is_stopping = True

    def rejects_kept(self, size: int, limit: int) -> None:
        """The rejects kept take `size` bytes, of `limit`."""
        self._rejects = (size, limit)

    def alerts_active(self, counts: Mapping[AlertKind, int]) -> None:
        """So many alerts of each kind are raised now."""
        self._alerts = MappingProxyType(dict(counts))

    def snapshot(self) -> MetersSnapshot:
        """Everything as it is now; it does not change when the meters do."""
        kafka = self._kafka or _NO_KAFKA
        return MetersSnapshot(
            counts=Counts(
                delivered=self._delivered,
                written=self._written,
                commands=self._commands,
                copies=self._copies,
                rejected=self._rejected.total(),
                dropped=self._dropped,
                redelivered=self._redelivered,
                handed_back=self._source.handed_back,
                batches=self._batches,
                requests=self._requests,
                extra_requests=self._extra_requests,
                retries=self._retries,
                connections=self._source.connections,
                outlived=self._outlived,
                rebalances=kafka.rebalances,
                missed=kafka.missed,
            ),
            rejected=MappingProxyType(dict(self._rejected)),
            surprises=MappingProxyType(dict(self._surprises)),
            latencies=MappingProxyType({latency: maker.histogram() for latency, maker in self._latencies.items()}),
            gauges=self._gauges(),
            alerts=self._alerts,
            lags=MappingProxyType(dict(kafka.lags)),
        )

    def _gauges(self) -> Gauges:
        source = self._source
        state, words = self._trouble or (_STATES[source.state], source.words)
        size, limit = self._rejects or (None, None)
        return Gauges(
            state=WorkerState.STOPPING if self._is_stopping else state,
            words=words,
            is_connected=source.state in (SourceState.STANDBY, SourceState.CONSUMING),
            is_consuming=source.state is SourceState.CONSUMING,
            backlog=source.backlog,
            consumers=source.consumers,
            unacknowledged=source.unacknowledged,
            prefetch=source.prefetch,
            store_answered_at=self._store_answered_at,
            clock_offset_ns=self._offsets.minimum(),
            rejects_bytes=size,
            rejects_limit=limit,
            kafka_in_flight=None if self._kafka is None else self._kafka.in_flight,
            watermark_at=None if self._kafka is None else self._kafka.watermark,
        )


class _SlidingMinimum:
    """The smallest number of a minute, exact to a slot of 5 s."""

    def __init__(self) -> None:
        self._slots: dict[int, int] = {}

    def add(self, number: int | None, now: int) -> None:
        """A number of `now`; with None, only the minute goes on. A clock that was set back forgets what lay ahead."""
        slot = now // _OFFSET_SLOT_NS
        self._slots = {kept: least for kept, least in self._slots.items() if slot - _OFFSET_SLOTS < kept <= slot}
        if number is not None:
            self._slots[slot] = min(number, self._slots.get(slot, number))

    def minimum(self) -> int | None:
        return min(self._slots.values(), default=None)


def _times_of(outcomes: Sequence[Outcome]) -> _Times:
    ways: list[int] = []
    arrivals: list[int] = []
    offsets: list[int] = []
    for outcome in outcomes:
        if isinstance(outcome, Observation):
            _, product, number, _, _, _, observed_at, arrived_at, received_at = outcome
            if arrived_at is None:
                continue
            if number != _ENERGY_PER_HOUR or product is not Product.CHARGER:
                ways.append(arrived_at - observed_at)
        elif isinstance(outcome, CommandResponse) and outcome.arrived_at is not None:
            arrived_at, received_at = outcome.arrived_at, outcome.received_at
        else:
            continue
        arrivals.append(arrived_at)
        if received_at is not None:
            offsets.append(received_at - arrived_at)
    return _Times(ways, arrivals, offsets)
