"""Rows about the worker itself: their fields, and which time they are about."""

from pathlib import Path

from pipeline.core.latencies import EMPTY
from pipeline.core.line_protocol import to_line
from pipeline.meters import Meters
from pipeline.self_metrics import SelfMetrics, pipeline_row
from pipeline.wires.sqlite import SqliteStore
from schemas.measurement import PIPELINE, FieldType, operational_measurements
from schemas.reject import RejectReason
from tests.oracle.stores import rows_of_line_protocol, rows_of_sqlite
from tests.pipeline.meters_samples import MS, NOW, S, busy_meters, observation, report_of

FIELDS = operational_measurements()[PIPELINE].fields
START = Meters().snapshot()


def test_the_row_of_a_busy_worker() -> None:
    row = pipeline_row(START, busy_meters().snapshot(), NOW, "host1")

    assert row[:5] == ("pipeline", "-", "", (("worker", "host1"),), NOW)
    assert dict(row.fields) == {
        **{f"rejected_{reason}": float(reason is RejectReason.JSON) for reason in RejectReason},
        "delivered": 4.0,
        "written": 2.0,
        "commands": 1.0,
        "rejected": 1.0,
        "rejects_dropped": 5.0,
        "redelivered": 1.0,
        "coerced": 2.0,
        "misfit": 4.0,
        "unknown_ids": 1.0,
        "handed_back": 3.0,
        "batches": 1.0,
        "requests": 3.0,
        "extra_requests": 2.0,
        "retries": 0.0,
        "connections": 2.0,
        "batch_size": 4.0,
        "store_ms_mean": 123.0,
        "store_ms_max": 130.0,
        "device_to_cloud_ms_p50": 1_000.0,
        "device_to_cloud_ms_max": 1_000.0,
        "cloud_to_stored_ms_p50": 1_000.0,
        "cloud_to_stored_ms_max": 1_000.0,
        "clock_offset_ms": 1_000.0,
        "backlog": 7.0,
        "consumers": 1.0,
        "unacknowledged": 40.0,
        "prefetch": 15_000.0,
        "connected": 1.0,
        "consuming": 1.0,
        "holding": 0.0,
        "rejects_bytes": 2_048.0,
        "schema_version": 1.0,
    }


def test_its_fields_are_those_of_the_measurement_in_its_order_and_floats() -> None:
    fields = pipeline_row(START, busy_meters().snapshot(), NOW, "w").fields

    assert [name for name, _ in fields] == list(FIELDS)
    assert set(FIELDS.values()) == {FieldType.NUMBER}
    assert {type(value) for _, value in fields} == {float}


def test_what_nobody_knows_is_left_out() -> None:
    fields = dict(pipeline_row(START, START, NOW, "w").fields)

    assert set(FIELDS) - set(fields) == {
        "batch_size",
        "store_ms_mean",
        "store_ms_max",
        "device_to_cloud_ms_p50",
        "device_to_cloud_ms_max",
        "cloud_to_stored_ms_p50",
        "cloud_to_stored_ms_max",
        "clock_offset_ms",
        "backlog",
        "consumers",
        "rejects_bytes",
    }
    assert {name: value for name, value in fields.items() if value} == {"schema_version": 1.0}


def test_a_row_is_about_the_time_since_the_one_before_that_was_written() -> None:
    meters = busy_meters()
    metrics = SelfMetrics(meters, "w")
    take_one(meters)
    assert dict(metrics.row(NOW).fields)["delivered"] == 1.0
    take_one(meters)
    # The first row never came to be: the second one has both.
    assert dict(metrics.row(NOW + 10 * S).fields)["delivered"] == 2.0
    metrics.written()
    take_one(meters)
    fields = dict(metrics.row(NOW + 20 * S).fields)
    assert (fields["delivered"], fields["rejected_json"], fields["batch_size"]) == (1.0, 0.0, 1.0)
    # Taken while that row was on its way: it is of the next one.
    take_one(meters)
    metrics.written()
    assert dict(metrics.row(NOW + 30 * S).fields)["delivered"] == 1.0


def test_latencies_are_of_the_same_time() -> None:
    meters = busy_meters()
    before = meters.snapshot()
    meters.batch_taken(report_of(observation()), redelivered=0, store_ns=9 * MS, stored_at=NOW)
    fields = dict(pipeline_row(before, meters.snapshot(), NOW, "w").fields)

    assert (fields["store_ms_mean"], fields["store_ms_max"]) == (9.0, 9.0)
    assert EMPTY not in before.latencies.values()


def test_holding_is_shown() -> None:
    meters = busy_meters()
    meters.trouble("the disk is full", is_holding=True)
    fields = dict(pipeline_row(START, meters.snapshot(), NOW, "w").fields)

    assert (fields["holding"], fields["connected"], fields["retries"]) == (1.0, 1.0, 1.0)


def test_every_store_takes_it(tmp_path: Path) -> None:
    row = pipeline_row(START, busy_meters().snapshot(), NOW, "host 1")
    with SqliteStore.open(tmp_path / "store", operational_measurements()) as store:
        assert rows_of_sqlite(tmp_path / "store") == {}
        assert not store.write([row])

    (kept,) = rows_of_sqlite(tmp_path / "store").items()
    assert kept == (("pipeline", "-", (("worker", "host 1"),), NOW), dict(row.fields))
    assert rows_of_line_protocol(to_line(row) + "\n") == dict([kept])


def take_one(meters: Meters) -> None:
    meters.batch_taken(report_of(observation()), redelivered=0, store_ns=MS, stored_at=NOW)
