"""The roles' hostile day: all three at work, and talkative, at a Kafka whose password is a canary.

Owns what is planted, and what of the day is kept to be looked at. Must not know what must not be found.
"""

import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pipeline.wires.kafka_options import client_options
from pipeline.wires.kafka_topics import TopicKeeper, TopicPlan
from tests.campaigns.running import PROGRAM, RunningWorker
from tests.campaigns.scaled import ROLES
from tests.campaigns.stage import Stage
from tests.security.hostile_day import hostile_deliveries, say
from tests.security.listening import Port, listening
from tests.services.http import request
from tests.services.kafka import Kafka
from tests.services.rabbitmq import RabbitMq

PARTITIONS = 3
KEPT_NS = 86_400 * 10**9
READY = 200
FAULT = (
    "import pipeline.scale.track_assembly as t; from pipeline.cluster import kafka_options; "
    "t.serve_track = lambda settings, *a: {}[str(dict(kafka_options(settings)))]; "
)
"""Makes `chargeline run --role track` stumble over the password."""


@dataclass
class Evidence:
    """What was seen: outputs by where, what is in topics, how ports differed from the one of HTTP, and files."""

    password: bytes
    outputs: dict[str, bytes]
    topics: dict[str, bytes]
    ports: dict[str, set[Port]]
    folder: Path


def live_through(folder: Path, rabbitmq: RabbitMq, kafka: Kafka, vhost: str) -> Evidence:
    """The whole day: the roles, until all that came is stored, the commands that show settings, and a crash."""
    written, given = folder / "written", folder / "given"
    given.mkdir()
    stage = Stage(written, rabbitmq, vhost)
    stage.fill(hostile_deliveries())
    options = given / "kafka.properties"
    login = f"sasl.mechanism=PLAIN\nsasl.username={kafka.user}\nsasl.password={kafka.password}\n"
    options.write_text(f"security.protocol=SASL_PLAINTEXT\n{login}", "utf-8")
    options.chmod(0o600)
    host, _, port = kafka.sasl_brokers.rpartition(":")
    TopicKeeper(client_options([(host, int(port))], options)).create(TopicPlan(PARTITIONS, 1, KEPT_NS))
    settings = stage.settings(
        KAFKA_BROKERS=kafka.sasl_brokers,
        KAFKA_CONFIG_FILE=str(options),
        KAFKA_PARTITIONS=str(PARTITIONS),
        KAFKA_REPLICATION="1",
        LOG_LEVEL="debug",
    )
    evidence = Evidence(kafka.password.encode(), {}, {}, {}, written)
    _work(evidence, settings, stage)
    evidence.topics |= {name: b"\n".join(each.value or b"" for each in kafka.read(name)) for name in kafka.topics()}
    for words in (["config"], ["topics", "create"], ["check", "--role", "track"]):
        evidence.outputs[" ".join(words)] = say({**settings, "HTTP": "off"}, *PROGRAM, *words)
    evidence.outputs["crash"] = say(settings, sys.executable, "-c", FAULT + PROGRAM[-1], "run", "--role", "track")
    return evidence


def _work(evidence: Evidence, settings: Mapping[str, str], stage: Stage) -> None:
    roles = {}
    for role in ROLES:
        folder = evidence.folder / role
        folder.mkdir(parents=True)
        roles[role] = RunningWorker(folder, settings, "--role", role)
    try:
        for worker in roles.values():
            worker.start()
        for worker in roles.values():
            worker.until(partial(_is_ready, worker))
        roles["bridge"].until(stage.is_drained)
        for role in ("track", "write"):
            roles[role].until(partial(_is_through, roles[role]))
        for role, worker in roles.items():
            evidence.ports[role] = listening(worker.pid) ^ {worker.port}
            for name in ("metrics", "readyz"):
                evidence.outputs[f"{name} of {role}"] = request("GET", f"{worker.url}/{name}").body
            evidence.outputs[f"arguments of {role}"] = Path(f"/proc/{worker.pid}/cmdline").read_bytes()
            worker.send(signal.SIGHUP)
        for role, worker in roles.items():
            worker.end()
            evidence.outputs[f"log of {role}"] = worker.log.read_bytes()
    finally:
        for worker in roles.values():
            worker.kill()


def _is_ready(worker: RunningWorker) -> bool:
    return worker.readiness()[0] == READY


def _is_through(worker: RunningWorker) -> bool:
    return worker.metrics().get("chargeline_kafka_lag") == 0
