"""A real Apache Kafka for the tests: one KRaft node of their own, on free ports, with its data in a temporary folder.

Owns the node's files and life, and what tests do to topics. Must not know which topics the program has, and must not
use the program's own way of making or reading them.
"""

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from tests.services.process import LOOPBACK, Command, ServerProcess, ServiceError, free_ports, listens

JARS_NAMED_BY = "CHARGELINE_TEST_KAFKA_JARS"
VERSION = "4.3.1"
USER = "test"
HEAP = ("-Xms128m", "-Xmx512m")
ANSWER_S = 20.0
MOST_TOPICS_WAIT = 200
MOST_LEADERLESS_TRIES = 1_000

Result = TypeVar("Result")


class Stored(NamedTuple):
    """One record of a topic as it lies on the broker."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None


class Kafka:
    """One node. Its methods raise ServiceError when it refuses or is away.

    `brokers`       its address for clients without a password, `host:port`.
    `sasl_brokers`  its address for clients that log in by SASL PLAIN as `user` with `password`.
    """

    def __init__(self, folder: Path, advertised: int | None = None) -> None:
        """A node that is not running; its data will be in `folder`. Raises ServiceError where the jars are missing.

        Whoever comes by `way` is told to come by the port `advertised`, where something may stand between.
        """
        port, sasl_port, controller, way = free_ports(4)
        self.brokers = f"{LOOPBACK}:{port}"
        self.sasl_brokers = f"{LOOPBACK}:{sasl_port}"
        self.way = f"{LOOPBACK}:{way}"
        self.user = USER
        self.password = secrets.token_hex(16)
        self._ports = (port, sasl_port)
        self._folder = folder
        self._properties = folder / "server.properties"
        self._prepare(port, sasl_port, controller, way, advertised or way)
        words = (*_java(), "kafka.Kafka", str(self._properties))
        self._process = ServerProcess(Command("Kafka", words, self._environment(), folder / "kafka.log"))

    @classmethod
    def own(cls, folder: Path, advertised: int | None = None) -> "Kafka":
        """A started node with its data in `folder`.

        Raises:
            ServiceError: it is not there, or does not start: the end of its log.
        """
        node = cls(folder, advertised)
        node._format()
        node.start()
        return node

    @property
    def pid(self) -> int:
        """The server's process. Raises ServiceError while it is not running."""
        return self._process.pid

    def start(self) -> None:
        """Start it, on the same ports and data as before, and wait until it answers (about 6 s)."""
        self._process.start(self._answers)

    def stop(self) -> None:
        """End it in order."""
        self._process.stop()

    def kill(self) -> None:
        """End it by SIGKILL."""
        self._process.kill()

    def restart(self) -> None:
        """`stop`, then `start`."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Hold it still: connections stay open, nothing answers."""
        self._process.pause()

    def resume(self) -> None:
        """Let it go on after `pause`."""
        self._process.resume()

    def settle(self) -> None:
        """Make it run and answer, whatever a test that failed has left."""
        self._process.settle(self._answers)

    def close(self) -> None:
        """Leave nothing running: node and data are not needed any more."""
        self._process.kill()

    def topics(self) -> dict[str, int]:
        """Every topic with its number of partitions, but for the broker's own (`__…`)."""
        listed = self._admin().list_topics(timeout=ANSWER_S).topics
        return {name: len(topic.partitions) for name, topic in listed.items() if not name.startswith("__")}

    def delete_topics(self, names: Iterable[str]) -> None:
        """Delete topics with all that is in them, and wait until they are gone."""
        wanted = list(names)
        if not wanted:
            return
        # The client must outlive its answers: when it goes, they never come.
        admin = self._admin()
        for future in admin.delete_topics(wanted, operation_timeout=ANSWER_S).values():
            _result(future)
        for _ in range(MOST_TOPICS_WAIT):
            if not self.topics().keys() & set(wanted):
                return
        raise ServiceError(f"Kafka did not delete {', '.join(wanted)}")

    def read(self, topic: str) -> Sequence[Stored]:
        """Everything that is in a topic now, partition by partition, in order."""
        return read_topic(self.brokers, topic)

    def count(self, topic: str) -> int:
        """How many records are in a topic now."""
        consumer = Consumer({"bootstrap.servers": self.brokers, "group.id": "test-count", "log_level": 0})
        try:
            places = [TopicPartition(topic, partition) for partition in range(self.topics()[topic])]
            return sum(end - begin for begin, end in (_span(consumer, place) for place in places))
        except KafkaException as fault:
            raise ServiceError(f"Kafka refuses or is away: {fault}") from fault
        finally:
            consumer.close()

    def log_end(self) -> str:
        """The end of the server's log."""
        return self._process.log_end()

    def _admin(self) -> AdminClient:
        return AdminClient({"bootstrap.servers": self.brokers, "log_level": 0})

    def _answers(self) -> bool:
        if not all(listens(port) for port in self._ports):
            return False
        with suppress(KafkaException):
            return bool(self._admin().list_topics(timeout=1.0).brokers)
        return False

    def _environment(self) -> dict[str, str]:
        return {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(self._folder), "LANG": "C.UTF-8"}

    def _format(self) -> None:
        words = (*_java(), "kafka.tools.StorageTool", "format", f"--cluster-id={secrets.token_urlsafe(16)}")
        done = subprocess.run(
            (*words, "--config", str(self._properties)),
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ServiceError(f"Kafka's storage cannot be made ready: {done.stderr or done.stdout}")

    def _prepare(self, port: int, sasl_port: int, controller: int, way: int, advertised: int) -> None:
        login = "org.apache.kafka.common.security.plain.PlainLoginModule required"
        direct = f"PLAINTEXT://{LOOPBACK}:{port},SASL://{LOOPBACK}:{sasl_port}"
        settings = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@{LOOPBACK}:{controller}",
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "PLAINTEXT",
            "listeners": f"{direct},WAY://{LOOPBACK}:{way},CONTROLLER://{LOOPBACK}:{controller}",
            "advertised.listeners": f"{direct},WAY://{LOOPBACK}:{advertised}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,SASL:SASL_PLAINTEXT,WAY:PLAINTEXT,"
            "CONTROLLER:PLAINTEXT",
            "sasl.enabled.mechanisms": "PLAIN",
            "listener.name.sasl.plain.sasl.jaas.config": f'{login} user_{self.user}="{self.password}";',
            "log.dirs": str(self._folder / "data"),
            # A topic that nobody made is a fault of the program, which a broker that makes it would hide.
            "auto.create.topics.enable": "false",
            "offsets.topic.num.partitions": "4",
            "offsets.topic.replication.factor": "1",
            "transaction.state.log.num.partitions": "4",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "share.coordinator.state.topic.num.partitions": "1",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
            # A dead member is noticed within a test.
            "group.min.session.timeout.ms": "500",
            # A killed node is let in again once its earlier life counts as over.
            "broker.session.timeout.ms": "1500",
            "broker.heartbeat.interval.ms": "300",
            "log.cleaner.dedupe.buffer.size": "8388608",
            "num.network.threads": "2",
            "num.io.threads": "4",
        }
        self._properties.write_text("".join(f"{key}={value}\n" for key, value in settings.items()), "utf-8")
        self._properties.chmod(0o600)


def read_topic(brokers: str, topic: str) -> Sequence[Stored]:
    """Everything that is in a topic now, partition by partition, in order. Raises ServiceError."""
    consumer = Consumer(
        {
            "bootstrap.servers": brokers,
            "group.id": f"test-{secrets.token_hex(6)}",
            "enable.auto.commit": False,
            "enable.partition.eof": False,
            "auto.offset.reset": "earliest",
            "log_level": 0,
        }
    )
    try:
        count = len(consumer.list_topics(topic, timeout=ANSWER_S).topics[topic].partitions)
        return [one for partition in range(count) for one in _read(consumer, topic, partition)]
    except KafkaException as fault:
        raise ServiceError(f"Kafka refuses or is away: {fault}") from fault
    finally:
        consumer.close()


def _read(consumer: Consumer, topic: str, partition: int) -> list[Stored]:
    place = TopicPartition(topic, partition, 0)
    try:
        begin, end = _span(consumer, place)
        consumer.assign([place])
        found: list[Stored] = []
        while len(found) < end - begin:
            # It waits until it has as many as it is asked for.
            messages = consumer.consume(end - begin - len(found), ANSWER_S)
            if not messages:
                raise ServiceError(f"Kafka stopped answering in {topic}, partition {partition}")
            for message in messages:
                fault = message.error()
                if fault is not None:
                    raise ServiceError(f"{topic}, partition {partition}: {fault}")
                found.append(Stored(partition, message.offset() or 0, message.key(), message.value()))
    except KafkaException as fault:
        raise ServiceError(f"Kafka refuses or is away: {fault}") from fault
    return found


def _span(consumer: Consumer, place: TopicPartition) -> tuple[int, int]:
    """The first offset of a partition and the next one; a new partition may have no leader for a moment."""
    for _ in range(MOST_LEADERLESS_TRIES):
        try:
            begin, end = consumer.get_watermark_offsets(place, timeout=ANSWER_S)
            return begin, end
        except KafkaException as fault:
            if fault.args[0].code() != KafkaError.NOT_LEADER_FOR_PARTITION:
                raise
    raise ServiceError(f"{place.topic}, partition {place.partition}, has no leader")


def _result(future: "Future[Result]") -> Result:
    try:
        return future.result(ANSWER_S)
    except KafkaException as fault:
        raise ServiceError(f"Kafka refuses or is away: {fault}") from fault


def _java() -> tuple[str, ...]:
    java = shutil.which("java")
    if java is None:
        raise ServiceError("There is no java: run `make services`.")
    return (java, *HEAP, "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", f"{_jars()}/*")


def _jars() -> Path:
    named = os.environ.get(JARS_NAMED_BY)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    jars = Path(named) if named else cache / "chargeline" / f"kafka-{VERSION}" / "jars"
    if not jars.is_dir():
        raise ServiceError(f"There is no Kafka in {jars}: run `make services`, or set {JARS_NAMED_BY}.")
    return jars
