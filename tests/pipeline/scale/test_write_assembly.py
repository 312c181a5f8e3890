"""The writer as a process, between a real Kafka and a real InfluxDB: the same rows as one machine, whatever ends."""

import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from pipeline.assembly import STORE_FILE, Memory, open_journey
from pipeline.core.stream_messages import StreamMessage
from pipeline.scale.write_assembly import serve_write
from pipeline.settings import SettingsError, load_settings
from schemas.delivery import Delivery
from schemas.reject import RejectReason
from schemas.row import Row
from schemas.stream import Topic
from tests.campaigns.running import RunningWorker
from tests.campaigns.stage import rows_of_influxdb, simulate
from tests.facts_alone import facts_alone
from tests.oracle.stores import Rows, difference, rows_of_sqlite
from tests.pipeline.scale.bridging import PARTITIONS, START, S, make_topics, messages
from tests.pipeline.scale.writing import derived, facts, produce, rejects_in
from tests.services.influxdb import InfluxDb
from tests.services.kafka import Kafka

PATIENCE_S = 90.0
LEAVES_S = 10.0
SESSION_S = 10.0


class Processes:
    """Writers of one group, into one bucket."""

    def __init__(self, folder: Path, kafka: Kafka, influxdb: InfluxDb, bucket: str) -> None:
        self._folder = folder
        self._settings = {
            "KAFKA_BROKERS": kafka.brokers,
            "KAFKA_PARTITIONS": str(PARTITIONS),
            "INFLUX_URL": influxdb.url,
            "INFLUX_ORG": influxdb.org,
            "INFLUX_BUCKET": bucket,
            "INFLUX_TOKEN": influxdb.token,
            "LOG_FORMAT": "text",
        }
        self._running = ExitStack()

    def start(self, name: str, **settings: str) -> RunningWorker:
        """One more, under way; a setting that is empty is left out."""
        folder = self._folder / name
        folder.mkdir()
        given = {each: value for each, value in {**self._settings, **settings}.items() if value}
        writer = RunningWorker(folder, {"DATA_DIR": str(folder / "data"), **given}, "--role", "write")
        writer.start()
        self._running.callback(writer.kill)
        return writer

    def close(self) -> None:
        self._running.close()


@contextmanager
def writers(folder: Path, kafka: Kafka, influxdb: InfluxDb, bucket: str) -> Iterator[Processes]:
    running = Processes(folder, kafka, influxdb, bucket)
    try:
        yield running
    finally:
        running.close()


def until_done(writer: RunningWorker, count: float, *others: RunningWorker) -> None:
    """Until these have done with so many messages together."""
    writer.until(lambda: sum(each.delivered() for each in (writer, *others)) >= count, PATIENCE_S)


def leave(writer: RunningWorker) -> None:
    """It ends in order, and soon."""
    began = time.monotonic()
    assert writer.end(signal.SIGTERM) == 0
    assert time.monotonic() - began < LEAVES_S
    assert "leaving without waiting" not in writer.story()


def by_one_machine(deliveries: Sequence[Delivery], folder: Path) -> Rows:
    """What a single worker stores of the same."""
    settings = load_settings({"CHARGELINE_DATA_DIR": str(folder)})
    with open_journey(settings, now=START, memory=Memory.NONE) as journey:
        journey.take(deliveries, START)
    return rows_of_sqlite(folder / STORE_FILE)


def command(number: int, version: int) -> Row:
    """One of the contents that a command's row has in its life."""
    fields = (("state", f"state {version}"), ("attempt", float(version)))
    return Row("command", f"EH{number:06}", "", (("command", "start"),), START + number * S, fields)


def commands_of(influxdb: InfluxDb, bucket: str) -> dict[str, object]:
    """The latest state of each command, by charger."""
    return {key[1]: fields["state"] for key, fields in rows_of_influxdb(influxdb, bucket, ["command"]).items()}


@pytest.mark.services
def test_two_writers_store_what_one_machine_stores(
    kafka: Kafka, influxdb: InfluxDb, bucket: str, tmp_path: Path
) -> None:
    make_topics(kafka)
    stream = simulate(3_000, 20, seed=1)
    made = facts(stream.deliveries)
    produce(kafka, made)
    with writers(tmp_path, kafka, influxdb, bucket) as running:
        both = [running.start(name, BATCH="100") for name in ("one", "two")]
        until_done(both[0], len(made), both[1])
        both[0].until(lambda: all(writer.readiness()[0] == 200 for writer in both), PATIENCE_S)
        assert sum(writer.metrics().get("chargeline_kafka_lag", 0.0) for writer in both) == 0
        assert all(writer.metrics()["chargeline_kafka_in_flight_messages"] == 0 for writer in both)
        for writer in both:
            leave(writer)
    found = facts_alone(rows_of_influxdb(influxdb, bucket))
    assert difference(stream.reading.rows, found) == []
    assert difference(by_one_machine(stream.deliveries, tmp_path / "single"), found) == []
    assert not rejects_in(kafka)


@pytest.mark.services
def test_kills_lose_nothing_and_derived_rows_end_as_the_latest(
    kafka: Kafka, influxdb: InfluxDb, bucket: str, tmp_path: Path
) -> None:
    make_topics(kafka)
    made = facts(messages(6_000))
    produce(kafka, made)
    produce(kafka, derived(command(number, version) for version in range(20) for number in range(100)))
    with writers(tmp_path, kafka, influxdb, bucket) as running:
        staying = running.start("staying", BATCH="50")
        for life in range(2):
            killed = running.start(f"killed{life}", BATCH="50")
            until_done(killed, 300)
            killed.kill()
        staying.until(lambda: rows_in(influxdb, bucket) == 6_000, PATIENCE_S)
        staying.until(lambda: set(commands_of(influxdb, bucket).values()) == {"state 19"}, PATIENCE_S)
        leave(staying)
    assert len(commands_of(influxdb, bucket)) == 100
    found = facts_alone(rows_of_influxdb(influxdb, bucket))
    assert difference(by_one_machine(messages(6_000), tmp_path / "single"), found) == []


@pytest.mark.services
def test_a_store_away_for_longer_than_the_session_costs_no_partition(
    kafka: Kafka, influxdb: InfluxDb, bucket: str, tmp_path: Path
) -> None:
    make_topics(kafka)
    produce(kafka, facts(messages(500)))
    with writers(tmp_path, kafka, influxdb, bucket) as running:
        writer = running.start("writer", BATCH="100")
        until_done(writer, 500)
        before = writer.metrics()["chargeline_kafka_rebalances_total"]
        influxdb.kill()
        produce(kafka, facts(messages(500, first=500)))
        writer.until(lambda: "InfluxDB at" in writer.story(), PATIENCE_S)
        time.sleep(1.2 * SESSION_S)
        assert writer.delivered() == 500
        assert writer.readiness()[0] == 503 or writer.metrics()["chargeline_retries_total"] > 0
        assert sum(value for name, value in writer.metrics().items() if name == "chargeline_kafka_lag") == 500
        influxdb.start()
        until_done(writer, 1_000)
        assert writer.metrics()["chargeline_kafka_rebalances_total"] == before
        leave(writer)
    assert rows_in(influxdb, bucket) == 1_000


@pytest.mark.services
def test_refused_rows_and_unknown_versions_are_rejects_and_neighbours_are_written(
    kafka: Kafka, influxdb: InfluxDb, bucket: str, tmp_path: Path
) -> None:
    make_topics(kafka)
    influxdb.write(bucket, f'command,charger=EH9,command=start attempt="text" {START}')
    unknown = StreamMessage(Topic.DERIVED.value, 0, b"EH1", b'{"v":7,"kind":"row"}')
    produce(kafka, [*facts(messages(50)), unknown, *derived([command(1, 1)])])
    with writers(tmp_path, kafka, influxdb, bucket) as running:
        writer = running.start("writer")
        until_done(writer, 52)
        assert writer.metrics()["chargeline_rejected_total"] == 2
        leave(writer)
    assert rows_in(influxdb, bucket) == 50
    found = {each.reason: each for each in rejects_in(kafka)}
    assert set(found) == {RejectReason.STORE, RejectReason.VERSION}
    assert "type conflict" in found[RejectReason.STORE].detail
    assert found[RejectReason.VERSION].body == unknown.value


@pytest.mark.services
def test_a_token_that_is_replaced_ends_the_hold(kafka: Kafka, influxdb: InfluxDb, bucket: str, tmp_path: Path) -> None:
    make_topics(kafka)
    token = tmp_path / "token"
    token.write_text("wrong")
    token.chmod(0o600)
    produce(kafka, facts(messages(50)))
    with writers(tmp_path, kafka, influxdb, bucket) as running:
        writer = running.start("writer", INFLUX_TOKEN="", INFLUX_TOKEN_FILE=str(token))
        writer.until(lambda: writer.metrics().get("chargeline_holding") == 1, PATIENCE_S)
        assert "holding: InfluxDB at" in writer.readiness()[1]
        assert writer.delivered() == 0
        token.write_text(influxdb.token)
        writer.send(signal.SIGHUP)
        until_done(writer, 50)
        leave(writer)


@pytest.mark.services
def test_it_waits_for_kafka_and_its_topics_and_leaves_soon_while_it_does(
    kafka: Kafka, influxdb: InfluxDb, bucket: str, tmp_path: Path
) -> None:
    with writers(tmp_path, kafka, influxdb, bucket) as running:
        writer = running.start("writer")
        writer.until(lambda: "make the topics: chargeline topics create" in writer.readiness()[1], PATIENCE_S)
        make_topics(kafka)
        produce(kafka, facts(messages(50)))
        until_done(writer, 50)
        kafka.kill()
        writer.until(lambda: "see that Kafka runs" in writer.story(), PATIENCE_S)
        kafka.start()
        produce(kafka, facts(messages(50, first=50)))
        until_done(writer, 100)
        kafka.kill()
        leave(writer)
    assert rows_in(influxdb, bucket) == 100


@pytest.mark.services
def test_sqlite_is_for_one_writer(kafka: Kafka, influxdb: InfluxDb, bucket: str, tmp_path: Path) -> None:
    make_topics(kafka)
    produce(kafka, facts(messages(50)))
    alone = {"INFLUX_URL": "", "INFLUX_ORG": "", "INFLUX_BUCKET": "", "INFLUX_TOKEN": ""}
    with writers(tmp_path, kafka, influxdb, bucket) as running:
        writer = running.start("writer", DATA_DIR=str(tmp_path / "data"), **alone)
        until_done(writer, 50)
        other = running.start("other", DATA_DIR=str(tmp_path / "data"), **alone)
        with pytest.raises(AssertionError, match="the worker ended with 1"):
            other.until(lambda: False, PATIENCE_S)
        assert "CHARGELINE_DATA_DIR" in other.story()
        leave(writer)
    assert len(facts_alone(rows_of_sqlite(tmp_path / "data" / STORE_FILE))) == 50


def test_what_keeps_it_from_starting_is_said_by_name() -> None:
    with pytest.raises(SettingsError, match="CHARGELINE_KAFKA_BROKERS"):
        serve_write(load_settings({}), {})


def rows_in(influxdb: InfluxDb, bucket: str) -> int:
    """How many rows of total power there are."""
    found = influxdb.query(bucket, "SELECT count(total_power_kw) FROM charger_power")
    return int(str(found[0].values["count"])) if found else 0
