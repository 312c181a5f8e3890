"""Metrics of a worker, as a reader of Prometheus's text form understands them."""

import re

import pytest
from prometheus_client import generate_latest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

from pipeline.meters import Meters
from pipeline.wires.metrics import metrics_registry
from schemas.alert import AlertKind
from schemas.meters import Counts, KafkaStatus, WorkerState
from schemas.reject import RejectReason
from schemas.surprise import Surprise
from tests.pipeline.meters_samples import MS, NOW, busy_meters, observation, report_of


def scrape(meters: Meters) -> dict[str, Metric]:
    text = generate_latest(metrics_registry(meters.snapshot, "1.2.3")).decode()
    return {family.name: family for family in text_string_to_metric_families(text)}


def value(families: dict[str, Metric], family: str, **labels: str) -> float:
    (sample,) = [
        sample
        for sample in families[f"chargeline_{family}"].samples
        if sample.labels == labels and not sample.name.endswith(("_sum", "_count"))
    ]
    return sample.value


def test_the_numbers_are_the_meters() -> None:
    families = scrape(busy_meters())
    plain = {
        name.removeprefix("chargeline_"): family.samples[0].value
        for name, family in families.items()
        if name.startswith("chargeline_") and [sample.labels for sample in family.samples] == [{}]
    }

    assert plain == {
        "delivered": 4,
        "written": 2,
        "commands": 1,
        "copies": 0,
        "redelivered": 1,
        "handed_back": 3,
        "rejects_dropped": 5,
        "batches": 1,
        "store_requests": 3,
        "store_extra_requests": 2,
        "retries": 0,
        "connections": 2,
        "rows_dropped": 0,
        "kafka_rebalances": 0,
        "kafka_missed": 0,
        "backlog_messages": 7,
        "queue_consumers": 1,
        "unacknowledged_messages": 40,
        "prefetch_messages": 15_000,
        "connected": 1,
        "consuming": 1,
        "holding": 0,
        "store_answered_timestamp_seconds": NOW / 1e9,
        "clock_offset_seconds": 1.0,
        "rejects_bytes": 2_048,
        "rejects_limit_bytes": 1 << 30,
    }


def test_no_count_is_forgotten() -> None:
    counts = Counts(*range(1_000, 1_000 + len(Counts._fields)))
    snapshot = busy_meters().snapshot()._replace(counts=counts)
    text = generate_latest(metrics_registry(lambda: snapshot, "1")).decode()
    shown = {sample.value for family in text_string_to_metric_families(text) for sample in family.samples}

    # The rejected are shown by their reasons.
    assert set(counts) - shown == {counts.rejected}


def test_a_reader_of_kafka_shows_the_lag_of_each_partition() -> None:
    meters = busy_meters()
    assert "chargeline_kafka_lag" not in scrape(meters)
    meters.look_at_kafka(KafkaStatus({("t", 0): 3, ("t", 1): 0}, in_flight=2, rebalances=4, missed=5))
    assert "chargeline_track_watermark_timestamp_seconds" not in scrape(meters)
    meters.look_at_kafka(KafkaStatus({("t", 0): 3, ("t", 1): 0}, in_flight=2, rebalances=4, missed=5, watermark=NOW))
    families = scrape(meters)
    assert value(families, "track_watermark_timestamp_seconds") == NOW / 1e9
    assert value(families, "kafka_lag", topic="t", partition="0") == 3
    assert value(families, "kafka_lag", topic="t", partition="1") == 0
    assert value(families, "kafka_in_flight_messages") == 2
    assert value(families, "kafka_rebalances") == 4
    assert value(families, "kafka_missed") == 5


def test_reasons_and_surprises_are_labels_and_there_from_the_start() -> None:
    families = scrape(busy_meters())

    assert {reason: value(families, "rejected", reason=reason) for reason in RejectReason} == {
        reason: float(reason is RejectReason.JSON) for reason in RejectReason
    }
    assert value(families, "surprises", surprise=Surprise.COERCED) == 2
    assert value(families, "surprises", surprise=Surprise.UNKNOWN_ID) == 1
    assert value(families, "surprises", surprise=Surprise.WRAPPED) == 0


def test_the_state_is_one_of_all() -> None:
    meters = busy_meters()
    meters.trouble("the disk is full", is_holding=True)
    families = scrape(meters)

    assert {state: value(families, "state", state=state) for state in WorkerState} == {
        state: float(state is WorkerState.HOLDING) for state in WorkerState
    }
    assert value(families, "holding") == 1


def test_what_nobody_knows_is_left_out() -> None:
    unknown = {"backlog_messages", "queue_consumers", "store_answered_timestamp_seconds"}
    unknown |= {"clock_offset_seconds", "rejects_bytes", "rejects_limit_bytes"}

    assert set(scrape(busy_meters())) - set(scrape(Meters())) == {f"chargeline_{name}" for name in unknown}


def test_histograms_are_cumulative_in_seconds() -> None:
    meters = Meters()
    for latency_ms in (-20, 100, 101, 600, 2_000_000):
        record = observation(observed_at=NOW - latency_ms * MS, arrived_at=NOW)
        meters.batch_taken(report_of(record), redelivered=0, store_ns=40 * MS, stored_at=NOW)
    families = scrape(meters)
    buckets = {
        sample.labels["le"]: sample.value
        for sample in families["chargeline_device_to_cloud_seconds"].samples
        if "le" in sample.labels
    }

    assert buckets == {
        "0.1": 2,
        "0.25": 3,
        "0.5": 3,
        "1.0": 4,
        "2.5": 4,
        "5.0": 4,
        "10.0": 4,
        "30.0": 4,
        "60.0": 4,
        "300.0": 4,
        "1800.0": 4,
        "+Inf": 5,
    }
    rest = {
        sample.name: sample.value
        for sample in families["chargeline_device_to_cloud_seconds"].samples
        if not sample.labels
    }
    assert rest == {
        "chargeline_device_to_cloud_seconds_count": 5,
        "chargeline_device_to_cloud_seconds_sum": pytest.approx(2_000.801),
    }
    assert value(families, "store_seconds", le="0.025") == 0
    assert value(families, "store_seconds", le="0.05") == 5


def test_every_metric_has_its_words_and_a_name_by_the_rules() -> None:
    for name, family in scrape(busy_meters()).items():
        assert family.documentation.endswith(".")
        assert re.fullmatch(r"(chargeline|process)_[a-z_]+|chargeline", name)
        if family.type == "counter":
            assert all(sample.name == f"{name}_total" for sample in family.samples)


def test_the_version_is_told() -> None:
    assert value(scrape(Meters()), "info", version="1.2.3") == 1


def test_each_scrape_is_of_its_own_moment() -> None:
    meters = Meters()
    registry = metrics_registry(meters.snapshot, "1")
    before = generate_latest(registry)
    meters.batch_taken(report_of(observation()), redelivered=0, store_ns=MS, stored_at=NOW)

    assert b"chargeline_written_total 0.0" in before
    assert b"chargeline_written_total 1.0" in generate_latest(registry)


def test_every_kind_of_alert_has_a_gauge() -> None:
    meters = busy_meters()
    meters.alerts_active({AlertKind.CHARGER_SILENT: 3})
    families = scrape(meters)
    assert value(families, "alerts_active", kind="charger_silent") == 3
    assert len(families["chargeline_alerts_active"].samples) == len(AlertKind)
