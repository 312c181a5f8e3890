"""The bridge as a process, between a real broker and a real Kafka: nothing is lost, whatever ends."""

import asyncio
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from pipeline.core.bridges import Bridges
from pipeline.core.stream_records import StreamReader
from pipeline.core.stream_shapes import StreamRecord
from pipeline.scale.bridge_assembly import begin_with_kafka, serve_bridge
from pipeline.settings import SettingsError, load_settings
from pipeline.wires.amqp_address import address_of_url
from pipeline.wires.amqp_publish import publish_stream
from pipeline.wires.kafka_fault import KafkaUnavailableError
from schemas.command import CommandResponse, CommandSent
from schemas.delivery import Delivery
from schemas.observation import Observation
from schemas.reject import Reject
from schemas.stream import Freshness, StreamReject, Tick, Topic
from tests.campaigns.running import RunningWorker
from tests.campaigns.stage import Stage, Stream, simulate
from tests.pipeline.scale.bridging import PARTITIONS, decoder, make_topics
from tests.services.kafka import Kafka
from tests.services.rabbitmq import RabbitMq

PATIENCE_S = 60.0
LEAVES_S = 10.0


@pytest.fixture(scope="module")
def stream() -> Stream:
    return simulate(3_000, 20, seed=1)


class Processes:
    """Bridges on one queue, at one Kafka."""

    def __init__(self, stage: Stage, folder: Path, kafka: Kafka) -> None:
        self._stage = stage
        self._folder = folder
        self._kafka = kafka
        self._running = ExitStack()

    def start(self, name: str, **settings: str) -> RunningWorker:
        """One more, under way."""
        folder = self._folder / name
        folder.mkdir()
        given = {name: value for name, value in self._stage.settings().items() if name.startswith("AMQP")} | {
            "KAFKA_BROKERS": self._kafka.brokers,
            "KAFKA_PARTITIONS": str(PARTITIONS),
            "PREFETCH": "500",
            "BATCH": "500",
            **settings,
        }
        bridge = RunningWorker(folder, given, "--role", "bridge")
        bridge.start()
        self._running.callback(bridge.kill)
        return bridge

    def close(self) -> None:
        self._running.close()


@contextmanager
def bridges(folder: Path, rabbitmq: RabbitMq, vhost: str, kafka: Kafka) -> Iterator[tuple[Stage, Processes]]:
    stage = Stage(folder, rabbitmq, vhost)
    stage.fill([])
    running = Processes(stage, folder, kafka)
    try:
        yield stage, running
    finally:
        running.close()


def records(kafka: Kafka, topic: Topic) -> list[StreamRecord]:
    found = [StreamReader().read(each.value or b"", topic) for each in kafka.read(topic.value)]
    assert not any(read.rejects for read in found)
    return [record for read in found for record in read.records]


def content(kafka: Kafka) -> Counter[object]:
    """Every fact and reject that the topics have, and how often, whenever it was received."""
    found: Counter[object] = Counter()
    for topic in (Topic.OBSERVATIONS, Topic.RESPONSES, Topic.REJECTS):
        for record in records(kafka, topic):
            assert isinstance(record, Observation | CommandResponse | StreamReject)
            found[record.key if isinstance(record, StreamReject) else record._replace(received_at=None)] += 1
    return found


def expected(stream: Stream) -> Counter[object]:
    """What the topics must have of a stream: facts as they are decoded, rejects as the oracle has them."""
    facts = [each for each in decoder().decode(stream.deliveries).outcomes if not isinstance(each, Reject)]
    places = [decoder().decode([each]).outcomes[0] for each in stream.deliveries]
    rejects = [each.key for each in places if isinstance(each, Reject)]
    assert set(rejects) == set(stream.rejects)
    return Counter([*(fact._replace(received_at=None) for fact in facts), *rejects])


def together(kafka: Kafka) -> int:
    """How far all bridges together have come, by their ticks; 0 while nothing is known."""
    bridges = Bridges()
    for record in records(kafka, Topic.TRACK):
        if isinstance(record, Tick):
            bridges.take(record)
    return bridges.watermark or 0


def until_delivered(bridge: RunningWorker, most: int) -> None:
    bridge.until(lambda: bridge.delivered() >= most, PATIENCE_S)


def until_consuming(bridge: RunningWorker) -> None:
    bridge.until(lambda: bridge.metrics().get("chargeline_consuming") == 1, PATIENCE_S)


def leave(bridge: RunningWorker) -> None:
    """It ends in order, and soon."""
    began = time.monotonic()
    assert bridge.end(signal.SIGTERM) == 0
    assert time.monotonic() - began < LEAVES_S


@pytest.mark.services
def test_every_delivery_is_in_its_topic_once_and_its_end_is_told(
    rabbitmq: RabbitMq, vhost: str, kafka: Kafka, tmp_path: Path, stream: Stream
) -> None:
    make_topics(kafka)
    with bridges(tmp_path, rabbitmq, vhost, kafka) as (stage, running):
        stage.fill(stream.deliveries)
        began = time.time_ns()
        bridge = running.start("bridge")
        until_delivered(bridge, len(stream.deliveries))
        assert bridge.readiness()[0] == 200
        # The queue is empty, and nobody else consumes: then everything is known up to the present.
        bridge.until(lambda: together(kafka) >= began, PATIENCE_S)
        leave(bridge)
        assert stage.is_drained()
    assert content(kafka) == expected(stream)
    ticks = [record for record in records(kafka, Topic.TRACK) if isinstance(record, Tick)]
    assert [tick.is_last for tick in ticks].count(True) == PARTITIONS
    assert {tick.consumers for tick in ticks} == {None, 1}


@pytest.mark.services
def test_kills_of_bridge_and_kafka_lose_nothing(
    rabbitmq: RabbitMq, vhost: str, kafka: Kafka, tmp_path: Path, stream: Stream
) -> None:
    make_topics(kafka)
    with bridges(tmp_path, rabbitmq, vhost, kafka) as (stage, running):
        stage.fill(stream.deliveries)
        for life, most in enumerate((500, 1_000)):
            bridge = running.start(f"killed{life}")
            until_delivered(bridge, most)
            bridge.kill()
        bridge = running.start("last")
        until_delivered(bridge, 1)
        kafka.kill()
        kafka.start()
        rabbitmq.close_connections(vhost, "maintenance")
        bridge.until(stage.is_drained, PATIENCE_S)
        leave(bridge)
    found = content(kafka)
    assert set(found) == set(expected(stream))
    assert found >= expected(stream)


@pytest.mark.services
def test_it_leaves_soon_while_kafka_is_away_and_acknowledges_nothing(
    rabbitmq: RabbitMq, vhost: str, kafka: Kafka, tmp_path: Path, stream: Stream
) -> None:
    make_topics(kafka)
    with bridges(tmp_path, rabbitmq, vhost, kafka) as (stage, running):
        bridge = running.start("bridge")
        bridge.until(lambda: bridge.readiness()[0] == 200, PATIENCE_S)
        kafka.kill()
        stage.fill(stream.deliveries[:200])
        bridge.until(lambda: "see that Kafka runs" in bridge.readiness()[1] or stage.waiting() == 0, PATIENCE_S)
        leave(bridge)
        assert bridge.delivered() == 0
        assert stage.waiting() == 200


@pytest.mark.services
def test_it_waits_for_its_topics_and_says_how_to_make_them(
    rabbitmq: RabbitMq, vhost: str, kafka: Kafka, tmp_path: Path, stream: Stream
) -> None:
    with bridges(tmp_path, rabbitmq, vhost, kafka) as (stage, running):
        stage.fill(stream.deliveries[:100])
        bridge = running.start("bridge")
        bridge.until(lambda: "make the topics: chargeline topics create" in bridge.readiness()[1], PATIENCE_S)
        assert stage.waiting() == 100
        make_topics(kafka)
        bridge.until(stage.is_drained, PATIENCE_S)
        leave(bridge)
    assert sum(content(kafka).values()) == 100


@pytest.mark.services
def test_two_bridges_share_a_queue_and_each_tells_its_own_progress(
    rabbitmq: RabbitMq, vhost: str, kafka: Kafka, tmp_path: Path, stream: Stream
) -> None:
    make_topics(kafka)
    with bridges(tmp_path, rabbitmq, vhost, kafka) as (stage, running):
        both = [running.start(name, AMQP_SHARE="on", PREFETCH="100", BATCH="100") for name in ("one", "two")]
        for bridge in both:
            until_consuming(bridge)
        stage.fill(stream.deliveries)
        both[0].until(stage.is_drained, PATIENCE_S)
        assert all(bridge.delivered() > 0 for bridge in both)
        for bridge in both:
            leave(bridge)
    assert content(kafka) == expected(stream)
    last = [record for record in records(kafka, Topic.TRACK) if isinstance(record, Tick) and record.is_last]
    assert len({tick.bridge for tick in last}) == 2
    assert len(last) == 2 * PARTITIONS


@pytest.mark.services
def test_copies_of_commands_reach_track_and_move_nothing(
    rabbitmq: RabbitMq, vhost: str, kafka: Kafka, tmp_path: Path
) -> None:
    make_topics(kafka)
    body = b'{"Id": 22, "Arguments": [{"Id": 1, "Value": "true"}]}'
    copies = [
        Delivery(f"EH{number:06}.C.22", {"PublishedAt": "2026-01-02T03:04:05Z"}, body, None, f"m{number}")
        for number in range(30)
    ]
    with bridges(tmp_path, rabbitmq, vhost, kafka) as (_, running):
        asyncio.run(publish_stream(address_of_url(rabbitmq.url(vhost=vhost)), "copies", copies))
        bridge = running.start("bridge", COMMAND_QUEUE="copies")
        until_delivered(bridge, 30)
        assert bridge.metrics()["chargeline_copies_total"] == 30
        leave(bridge)
        assert rabbitmq.queue_length(vhost, "copies") == 0
    found = records(kafka, Topic.TRACK)
    commands = [record for record in found if isinstance(record, CommandSent)]
    assert {command.serial for command in commands} == {copy.routing_key.partition(".")[0] for copy in copies}
    assert not any(isinstance(record, Freshness) for record in found)


@pytest.mark.services
def test_topics_with_another_number_of_partitions_are_refused(kafka: Kafka) -> None:
    make_topics(kafka)
    settings = load_settings({"CHARGELINE_KAFKA_BROKERS": kafka.brokers})
    with pytest.raises(
        KafkaUnavailableError, match="has 3 partitions, and CHARGELINE_KAFKA_PARTITIONS is 12"
    ) as caught:
        begin_with_kafka(settings, "test")
    assert caught.value.needs_operator


def test_what_keeps_it_from_starting_is_said_by_name() -> None:
    with pytest.raises(SettingsError, match="CHARGELINE_AMQP_URL and CHARGELINE_AMQP_QUEUE"):
        serve_bridge(load_settings({}), {})
    amqp = {"CHARGELINE_AMQP_URL": "amqp://u:p@127.0.0.1:1/", "CHARGELINE_AMQP_QUEUE": "q"}
    with pytest.raises(SettingsError, match="CHARGELINE_KAFKA_BROKERS"):
        serve_bridge(load_settings(amqp), {})
