"""Meters: what each event changes, and what is measured of which record."""

import pytest

from pipeline.core.decode import Outcome
from pipeline.meters import Meters
from pipeline.wires.source import SourceState
from schemas.meters import Counts, Histogram, KafkaStatus, Latency, WorkerState
from schemas.observation import Product
from schemas.reject import RejectReason
from schemas.surprise import Surprise
from tests.pipeline.meters_samples import (
    CONSUMING,
    MS,
    NOW,
    S,
    busy_meters,
    copy_of_a_command,
    observation,
    refused,
    report_of,
    response,
)


def take(meters: Meters, *outcomes: Outcome, at: int = NOW) -> None:
    meters.batch_taken(report_of(*outcomes), redelivered=0, store_ns=MS, stored_at=at)


def test_nothing_has_happened_yet() -> None:
    snapshot = Meters().snapshot()

    assert set(snapshot.counts) == {0}
    assert not snapshot.rejected
    assert not snapshot.surprises
    assert set(snapshot.latencies) == set(Latency)
    assert snapshot.gauges.state is WorkerState.CONNECTING
    assert not snapshot.gauges.is_connected
    assert snapshot.gauges.store_answered_at is None
    assert snapshot.gauges.clock_offset_ns is None
    assert snapshot.gauges.backlog is None
    assert snapshot.gauges.rejects_bytes is None
    assert snapshot.gauges.kafka_in_flight is None
    assert snapshot.lags == {}


def test_what_was_looked_at_in_kafka_is_shown_as_it_was() -> None:
    meters = Meters()
    lags = {("t", 0): 3}
    meters.look_at_kafka(KafkaStatus(lags, in_flight=2, rebalances=4, missed=5))
    snapshot = meters.snapshot()
    lags.clear()
    assert snapshot.lags == {("t", 0): 3}
    assert (snapshot.counts.rebalances, snapshot.counts.missed, snapshot.gauges.kafka_in_flight) == (4, 5, 2)


def test_a_batch_adds_to_every_count() -> None:
    meters = busy_meters()
    snapshot = meters.snapshot()

    assert snapshot.counts == Counts(
        delivered=4,
        written=2,
        commands=1,
        rejected=1,
        dropped=5,
        copies=0,
        redelivered=1,
        handed_back=3,
        batches=1,
        requests=3,
        extra_requests=2,
        retries=0,
        connections=2,
        outlived=0,
        rebalances=0,
        missed=0,
    )
    assert snapshot.rejected == {RejectReason.JSON: 1}
    assert snapshot.surprises == {Surprise.COERCED: 2, Surprise.MISFIT: 4, Surprise.UNKNOWN_ID: 1}
    assert snapshot.latencies[Latency.STORE] == Histogram({130 * MS: 1}, 123 * MS)
    assert snapshot.gauges.store_answered_at == NOW


def test_counts_go_on_and_an_earlier_snapshot_does_not() -> None:
    meters = busy_meters()
    before = meters.snapshot()
    earlier = (before.counts, dict(before.rejected), dict(before.surprises), dict(before.latencies))
    take(meters, observation(), refused())
    after = meters.snapshot()

    assert after.counts.delivered == after.counts.written + after.counts.commands + after.counts.rejected == 6
    assert after.rejected == {RejectReason.JSON: 2}
    assert (before.counts, dict(before.rejected), dict(before.surprises), dict(before.latencies)) == earlier


def test_a_batch_without_deliveries_only_shows_that_the_store_answers() -> None:
    meters = Meters()
    take(meters, at=NOW)
    snapshot = meters.snapshot()

    assert set(snapshot.counts) == {0}
    assert snapshot.gauges.store_answered_at == NOW
    assert snapshot.latencies[Latency.STORE].counts == {MS: 1}


def test_latencies_are_of_records_whose_arrival_is_known() -> None:
    meters = Meters()
    take(
        meters,
        observation(observed_at=NOW - 7 * S, arrived_at=NOW - 3 * S),
        observation(arrived_at=None),
        response(arrived_at=NOW - S, received_at=None),
        refused(),
        copy_of_a_command(),
    )
    latencies = meters.snapshot().latencies

    assert latencies[Latency.DEVICE_TO_CLOUD] == Histogram({4 * S: 1}, 4 * S)
    assert latencies[Latency.CLOUD_TO_STORED] == Histogram({3 * S: 1, S: 1}, 4 * S)


def test_the_energy_of_an_hour_has_no_way_from_its_device() -> None:
    meters = Meters()
    take(meters, observation(number=122), observation(number=122, product=Product.EQUALIZER))

    assert meters.snapshot().latencies[Latency.DEVICE_TO_CLOUD].counts == {S: 1}
    assert meters.snapshot().latencies[Latency.CLOUD_TO_STORED].counts == {S: 2}


def test_the_clock_offset_is_the_smallest_of_a_minute() -> None:
    meters = Meters()
    offsets = []
    for second, offset_ms in ((0, 300), (20, 90), (40, 700), (79, 500), (85, 400), (200, None)):
        at = NOW + second * S
        received = None if offset_ms is None else at + offset_ms * MS
        take(meters, observation(arrived_at=at, received_at=received), response(None, received), at=at)
        offsets.append(meters.snapshot().gauges.clock_offset_ns)

    assert [offset and offset // MS for offset in offsets] == [300, 90, 90, 90, 400, None]


def test_a_clock_that_was_set_back_forgets_the_offsets_before() -> None:
    meters = Meters()
    take(meters, observation(arrived_at=NOW, received_at=NOW - 9 * S))
    take(meters, observation(arrived_at=NOW, received_at=NOW + 80 * MS), at=NOW - 3_600 * S)

    assert meters.snapshot().gauges.clock_offset_ns == 80 * MS


@pytest.mark.parametrize(
    ("source", "state", "is_connected"),
    [
        (SourceState.CONNECTING, WorkerState.CONNECTING, False),
        (SourceState.STANDBY, WorkerState.STANDBY, True),
        (SourceState.CONSUMING, WorkerState.CONSUMING, True),
        (SourceState.HANDED_BACK, WorkerState.CONNECTING, False),
        (SourceState.STOPPED, WorkerState.STOPPING, False),
    ],
)
def test_the_state_is_the_sources(source: SourceState, state: WorkerState, is_connected: bool) -> None:
    meters = Meters()
    meters.look(CONSUMING._replace(state=source, words="so it is"))
    gauges = meters.snapshot().gauges

    assert (gauges.state, gauges.words, gauges.is_connected) == (state, "so it is", is_connected)
    assert gauges.is_consuming is (source is SourceState.CONSUMING)
    assert (gauges.backlog, gauges.consumers, gauges.unacknowledged, gauges.prefetch) == (7, 1, 40, 15_000)


def test_trouble_comes_before_the_source_and_stopping_before_all() -> None:
    meters = busy_meters()
    assert meters.snapshot().gauges.state is WorkerState.CONSUMING
    meters.trouble("no answer", is_holding=False)
    assert meters.snapshot().gauges.state is WorkerState.RETRYING
    meters.trouble("the token is wrong", is_holding=True)
    assert meters.snapshot().gauges.state is WorkerState.HOLDING
    meters.recovered()
    assert meters.snapshot().gauges.words == ""
    meters.trouble("no answer again", is_holding=False)
    meters.stopping()
    snapshot = meters.snapshot()

    assert snapshot.gauges.state is WorkerState.STOPPING
    assert snapshot.gauges.words == "no answer again"
    assert snapshot.gauges.is_connected
    assert snapshot.counts.retries == 3


def test_the_room_of_the_rejects() -> None:
    gauges = busy_meters().snapshot().gauges

    assert (gauges.rejects_bytes, gauges.rejects_limit) == (2_048, 1 << 30)


def test_copies_are_counted_among_the_delivered_and_by_themselves() -> None:
    meters = Meters()
    meters.copies_taken(report_of(), redelivered=0, store_ns=MS, stored_at=NOW)
    meters.copies_taken(report_of(observation(), observation()), redelivered=0, store_ns=MS, stored_at=NOW)
    counts = meters.snapshot().counts
    assert (counts.delivered, counts.copies) == (2, 2)
