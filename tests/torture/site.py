"""The site: a broker, a store, the ways to them, a small disk, and the processes of a shell between.

Owns what is started and how it is watched. Each process has a clock of its own that can be stepped, and everything it
does to others goes through a proxy that can fail. Must not know which faults there are.
"""

import os
import secrets
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import aio_pika

from tests.services.influxdb import InfluxDb
from tests.services.kafka import Kafka
from tests.services.process import LOOPBACK, ServiceError, free_ports
from tests.services.rabbitmq import RabbitMq
from tests.services.toxiproxy import Toxiproxy
from tests.torture.folder import COPIES, EXCHANGE, INLET, OPERATOR, QUEUE, SAMPLES, TAKEN, TIMEOUT_S, append
from tests.torture.messages import CONFLICT_ID, OLD
from tests.torture.plan import Befalls, Targets
from tests.torture.shells import Shell
from tests.torture.tortured import Tortured

PROGRAM = (sys.executable, "-c", "from pipeline.cli import main; main()")
DISK_MIB = 512
DISK_BLOCK = 512
KAFKA_FOLDER = "kafka"
YEAR_S = 365 * 86_400
SAMPLE_S = 2.0
KAFKA_SETTINGS = {"KAFKA_PARTITIONS": "3", "KAFKA_REPLICATION": "1", "AMQP_SHARE": "on"}
SETTLES_S = 45.0
"""After the queue is empty, until every role has said all that follows, and all time-outs are past."""


class Site:
    """Everything, running. Use `site`."""

    def __init__(self, folder: Path, shell: Shell, program: str, others: Mapping[str, str], *, has_clock: bool) -> None:
        self.folder = folder
        self._shell = shell
        self.broker = RabbitMq.own(_made(folder / "rabbitmq"))
        self.store = InfluxDb.own(_made(folder / "influxdb"))
        self.proxies = Toxiproxy.own(folder)
        self.vhost = self.broker.add_vhost()
        self.bucket = self.store.add_bucket(shard_s=YEAR_S)
        self.token_file = folder / "influx-token"
        self.token = self.store.add_token(self.bucket)
        self.token_file.touch(mode=0o600)
        self.token_file.write_text(self.token.token, "ascii")
        self.disk = _made(folder / "disk")
        self.has_own_disk = _mounted(self.disk)
        self.data_dir = self.disk / "data"
        self.http_token = secrets.token_hex(16)
        self.amqp_url = self.broker.url(vhost=self.vhost)
        ways = {"broker": urlsplit(self.amqp_url), "store": urlsplit(self.store.url)}
        ports = {name: self.proxies.add_proxy(name, f"{LOOPBACK}:{far.port}") for name, far in ways.items()}
        self.ways = [*ways]
        self._kafka = None
        if shell.has_kafka:
            # Kafka tells its clients where to go, which must be the near end of a way that can fail.
            (near,) = free_ports(1)
            self._kafka = Kafka.own(_made(folder / KAFKA_FOLDER), advertised=near)
            self.proxies.add_proxy("kafka", self._kafka.way, near)
            self.ways.append("kafka")
            others = {"KAFKA_BROKERS": f"{LOOPBACK}:{near}", **KAFKA_SETTINGS, **others}
        user = ways["broker"].netloc.rpartition("@")[0]
        settings = {
            "AMQP_URL": ways["broker"]._replace(netloc=f"{user}@{LOOPBACK}:{ports['broker']}").geturl(),
            "AMQP_QUEUE": QUEUE,
            "AMQP_EXCHANGE": EXCHANGE,
            "COMMAND_QUEUE": COPIES,
            "COMMAND_TIMEOUT": f"{TIMEOUT_S}s",
            "OPERATOR": OPERATOR,
            "HTTP_TOKEN": self.http_token,
            "INFLUX_URL": f"http://{LOOPBACK}:{ports['store']}",
            "INFLUX_ORG": self.store.org,
            "INFLUX_BUCKET": self.bucket,
            "INFLUX_TOKEN_FILE": str(self.token_file),
            "DATA_DIR": str(self.data_dir),
            "LOG_FORMAT": "text",
            **others,
        }
        words = tuple(shlex.split(program)) or PROGRAM
        self.parts = [Tortured(part, folder, words, settings, has_clock=has_clock) for part in shell.parts]
        self.drains_s = SETTLES_S if shell.has_kafka else 0.0
        self._make_topics = [*words, "topics", "create"] if shell.has_kafka else []
        self._is_over = threading.Event()
        self._sampler = threading.Thread(target=self._sample)

    @property
    def kafka(self) -> Kafka:
        """Raises ServiceError in a shell without one."""
        if self._kafka is None:
            raise ServiceError("this shell has no Kafka")
        return self._kafka

    @property
    def targets(self) -> Targets:
        """What faults can be on, by name."""
        roles, writers = self._shell.roles(), self._shell.roles(that_store=True)
        return {Befalls.WAY: self.ways, Befalls.PROCESS: roles, Befalls.WRITER: writers}

    def victim(self, role: str, dice: float) -> Tortured:
        """One of the processes of a role, by a number from 0 to 1."""
        parts = [part for part in self.parts if part.role == role]
        return parts[min(int(dice * len(parts)), len(parts) - 1)]

    @property
    def ended_by_itself(self) -> list[Tortured]:
        """Those whose life is over although nobody ended it."""
        return [part for part in self.parts if not part.process.running]

    async def prepare(self) -> None:
        """What is there before the worker: the queues of the cloud, and rows of the wrong type in the bucket."""
        async with await aio_pika.connect(self.amqp_url) as connection:
            channel = await connection.channel()
            for queue, exchange in ((QUEUE, INLET), (TAKEN, EXCHANGE), (COPIES, COPIES)):
                declared = await channel.declare_queue(queue, durable=True)
                made = await channel.declare_exchange(exchange, aio_pika.ExchangeType.TOPIC, durable=True)
                await declared.bind(made, "#")
        self.store.write(self.bucket, f'charger_other,charger={OLD} o{CONFLICT_ID}="text" {time.time_ns()}')

    def start(self) -> None:
        """Start the processes, and watch how they grow."""
        if self._make_topics:
            subprocess.run(self._make_topics, env=self.parts[0].environment, check=True, stdout=subprocess.DEVNULL)
        for part in self.parts:
            part.start()
        self._sampler.start()

    def is_drained(self) -> bool:
        """Whether no message waits, and none is on its way. On a busy machine the broker may not say at once."""
        try:
            if any(self.broker.queue_length(self.vhost, queue) for queue in (QUEUE, COPIES)):
                return False
            if any(part.lag() for part in self.parts):
                return False
            return not any(self.broker.unacknowledged(self.vhost, queue) for queue in (QUEUE, COPIES))
        except (subprocess.TimeoutExpired, ServiceError, OSError):
            return False

    def has_orphans(self) -> bool:
        """Whether the broker counts messages as delivered that no channel has.

        So it may be once a queue's process died, and nobody but the broker can give them back.
        """
        with suppress(subprocess.TimeoutExpired, ServiceError):
            held = self.broker.unacknowledged(self.vhost, QUEUE) + self.broker.unacknowledged(self.vhost, COPIES)
            return held > 0 and self.broker.held_by_channels(self.vhost) == 0
        return False

    def close(self) -> None:
        """Nothing of it is left but files."""
        self._is_over.set()
        if self._sampler.ident is not None:
            self._sampler.join()
        for part in self.parts:
            part.process.kill()
        self.proxies.close()
        if self._kafka is not None:
            self._kafka.close()
        self.store.close()
        self.broker.close()
        if self.has_own_disk:
            if self.data_dir.exists():
                subprocess.run(["cp", "-a", str(self.data_dir), str(self.folder / "data-at-the-end")], check=False)
            subprocess.run(["umount", "--lazy", str(self.disk)], check=False)

    def _sample(self) -> None:
        kafka = None if self._kafka is None else self.folder / KAFKA_FOLDER
        while not self._is_over.wait(SAMPLE_S):
            resident = {part.name: part.resident() for part in self.parts}
            sizes = {"data_dir": _size(self.data_dir), "kafka": None if kafka is None else _size(kafka)}
            append(self.folder / SAMPLES, {"at": time.time_ns(), "resident": resident, **sizes})


@contextmanager
def site(folder: Path, shell: Shell, program: str, others: Mapping[str, str], *, has_clock: bool) -> Iterator[Site]:
    """A site in `folder`, with everything up but the worker. `program` in place of `chargeline`, words in one text."""
    here = Site(folder, shell, program, others, has_clock=has_clock)
    try:
        yield here
    finally:
        here.close()


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _size(folder: Path) -> int:
    """Bytes that its files take on the disk. What goes meanwhile counts for nothing."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += (Path(place) / name).lstat().st_blocks * DISK_BLOCK
    return total


def _mounted(folder: Path) -> bool:
    """Whether a small disk of its own could be had here: that takes the right to mount."""
    words = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m,mode=700", "tmpfs", str(folder)]
    with suppress(OSError):
        return subprocess.run(words, capture_output=True, check=False).returncode == 0
    return False
