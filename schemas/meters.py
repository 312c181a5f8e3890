"""Meters: what a worker knows of its own work at one moment.

Owns the names of what is counted and measured, and the record of it. Must not know how it is counted
(`pipeline.meters`) or who is shown it (`pipeline.self_metrics`, `pipeline.wires.metrics`).
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from schemas.alert import AlertKind
from schemas.reject import RejectReason
from schemas.surprise import Surprise


class WorkerState(StrEnum):
    """What a worker is doing: the first of these that holds.

    STOPPING    it was told to stop, and finishes what is at hand.
    HOLDING     it waits for an operator: a token, a bucket, a full disk.
    RETRYING    the store does not answer as it should; what is at hand is tried again.
    CONSUMING   deliveries come as they are sent.
    STANDBY     connected; another consumer has the queue to itself.
    CONNECTING  not connected to the broker.
    """

    STOPPING = "stopping"
    HOLDING = "holding"
    RETRYING = "retrying"
    CONSUMING = "consuming"
    STANDBY = "standby"
    CONNECTING = "connecting"


class Latency(StrEnum):
    """What is measured in time.

    STORE            of one batch: from the call of the store until rows and rejects are durable; our clock.
    DEVICE_TO_CLOUD  ArrivalTime - Timestamp of an observation: the cloud's clock against the device's.
    CLOUD_TO_STORED  durable - ArrivalTime of an observation or a response: our clock against the cloud's.
    """

    STORE = "store"
    DEVICE_TO_CLOUD = "device_to_cloud"
    CLOUD_TO_STORED = "cloud_to_stored"


class Histogram(NamedTuple):
    """How often which time was measured.

    `counts`  upper bound of a bucket, nanoseconds -> times in it: at most the bound, and above the bound before it.
              The bounds are `pipeline.core.latencies.BOUNDS_NS`; buckets without any are left out. A negative time,
              of clocks that differ, counts as 0.
    `sum_ns`  of all of them, nanoseconds.
    """

    counts: Mapping[int, int]
    sum_ns: int


class Counts(NamedTuple):
    """What happened since the worker started: `delivered = written + commands + rejected`.

    `written`         deliveries whose row is in the store.
    `commands`        copies of commands, which the tracker has.
    `copies`          of the delivered, those that came over COMMAND_QUEUE.
    `rejected`        deliveries in the rejects, whatever the reason.
    `dropped`         older rejects that had to go, so that new ones have room.
    `redelivered`     of the delivered, those that the broker said it had delivered before.
    `handed_back`     deliveries that went back to the queue unacknowledged.
    `batches`         made durable, each with one delivery or more.
    `requests`        to the store; `extra_requests` are those beyond one a batch, caused by rows that it refused.
    `retries`         of batches that could not be made durable at once.
    `connections`     to the broker, the first one included.
    `outlived`        rows that are no longer in the store, being older than they are to be kept.
    `rebalances`      of Kafka's partitions: how often this process was given some, or had to give some up.
    `missed`          messages that Kafka's retention dropped before this process could read them.
    """

    delivered: int
    written: int
    commands: int
    copies: int
    rejected: int
    dropped: int
    redelivered: int
    handed_back: int
    batches: int
    requests: int
    extra_requests: int
    retries: int
    connections: int
    outlived: int
    rebalances: int
    missed: int


class Gauges(NamedTuple):
    """How the worker is at this moment. None stands for what nobody knows (yet).

    `words`              why it is not in order, empty where it is.
    `is_connected`       to the broker, consuming or standing by; `is_consuming` tells the two apart.
    `backlog`            messages that wait in the queue; `consumers` of it: by the broker's last answer.
    `unacknowledged`     deliveries that are here; `prefetch` is the most that may be.
    `store_answered_at`  when the store last made something durable, nanoseconds since the epoch, our clock.
    `clock_offset_ns`    our clock minus the cloud's: the smallest `received_at - arrived_at` of the minute that ended
                         with the latest batch. It holds the way of a message, too, and its wait in the queue: it is
                         at least the true offset, and close to it where no backlog waits.
    `rejects_bytes`      kept rejects; `rejects_limit` is the most that may be kept.
    `kafka_in_flight`    messages that were read from Kafka's topics and are not done with; of a bridge, those that it
                         has sent and Kafka has not confirmed.
    `watermark_at`       up to when `track` knows everything, in the partition of its own that is the least far.
    """

    state: WorkerState
    words: str
    is_connected: bool
    is_consuming: bool
    backlog: int | None
    consumers: int | None
    unacknowledged: int
    prefetch: int
    store_answered_at: int | None
    clock_offset_ns: int | None
    rejects_bytes: int | None
    rejects_limit: int | None
    kafka_in_flight: int | None
    watermark_at: int | None


Lags = Mapping[tuple[str, int], int]
"""Topic and partition -> messages of it that this process has still to be done with, those in flight included."""


class KafkaStatus(NamedTuple):
    """How a process is with Kafka; see Counts, Gauges and Lags. Of partitions that are its own now.

    `watermark`  nanoseconds since the epoch; None but for `track`.
    """

    lags: Lags
    in_flight: int
    rebalances: int
    missed: int
    watermark: int | None = None


class MetersSnapshot(NamedTuple):
    """Everything at one moment; it does not change any more.

    `alerts`  how many of each kind are raised, and told of; those of which there is none are left out.
    `lags`    of the partitions that are read here.
    """

    counts: Counts
    rejected: Mapping[RejectReason, int]
    surprises: Mapping[Surprise, int]
    latencies: Mapping[Latency, Histogram]
    gauges: Gauges
    alerts: Mapping[AlertKind, int]
    lags: Lags
