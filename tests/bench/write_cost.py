"""One life of `chargeline run --role write`, from the topics into InfluxDB, with one process or several: what it took.

Topics that were filled before are taken into a bucket of its own. CPU time is that of the processes, user and system
and the client library's threads together. Wall time is from the first message that is done with until all are, by the
processes' own counters: the first of two has a head start while the other joins, which the rate includes. Afterwards
every field that facts have must hold as many values in the bucket as the oracle says.
"""

import time
from collections.abc import Sequence
from pathlib import Path

from pipeline.core.decode import Decoder
from pipeline.core.partition import Partitions
from pipeline.core.redaction import Personal, Redaction
from pipeline.core.stream_messages import MessageMaker, StreamMessage
from pipeline.core.stream_rejects import RejectMaker
from schemas.catalogue import shipped_catalogue
from schemas.delivery import Delivery
from schemas.stream import Topic
from tests.bench.cost_table import Life
from tests.bench.role_stage import PARTITIONS, RoleStage
from tests.bench.server_cost import cpu_s_of
from tests.bench.store_content import Content, content_of_bucket
from tests.services.influxdb import InfluxDb
from tests.services.kafka import Kafka
from tests.services.process import ServiceError

POLL_S, IDLE_S = 0.02, 2.0
SILENT_AFTER_NS = 1_200 * 10**9


class WriteRing:
    """Kafka and InfluxDB, each with a folder of its name in `folder`, which gets all that writers leave."""

    def __init__(self, folder: Path, influxdb: InfluxDb, kafka: Kafka) -> None:
        self._folder = folder
        self._influxdb = influxdb
        self._stage = RoleStage(folder, kafka)

    def live(self, messages: Sequence[StreamMessage], expected: Content, count: int) -> Life:
        """One life of so many writers, on fresh topics and with a fresh bucket."""
        self._stage.make_topics(messages)
        bucket = self._influxdb.add_bucket()
        settings = {
            "CHARGELINE_INFLUX_URL": self._influxdb.url,
            "CHARGELINE_INFLUX_ORG": self._influxdb.org,
            "CHARGELINE_INFLUX_TOKEN": self._influxdb.token,
            "CHARGELINE_INFLUX_BUCKET": bucket,
        }
        before = self._servers()
        try:
            with self._stage.lives("write", count, settings) as writers:
                if messages:
                    began = writers.until(lambda: any(writers.delivered()), POLL_S)
                    ended = writers.until(lambda: sum(filter(None, writers.delivered())) >= len(messages), POLL_S)
                else:
                    began = writers.until(writers.are_ready, POLL_S)
                    time.sleep(IDLE_S)
                    ended = time.monotonic()
                after = self._servers()
                self._see(bucket, expected)
                usage = writers.end()
        finally:
            self._influxdb.delete_bucket(bucket)
        kafka_s, influxdb_s = (later - earlier for later, earlier in zip(after, before, strict=True))
        return Life(
            messages=max(len(messages), 1),
            idle_cpu_s=0.0,
            cpu_s=usage.cpu_s,
            wall_s=ended - began,
            peak_bytes=usage.peak_bytes,
            influxdb_cpu_s=influxdb_s,
            kafka_cpu_s=kafka_s,
        )

    def _servers(self) -> tuple[float, float]:
        return cpu_s_of(self._folder / "kafka"), cpu_s_of(self._folder / "influxdb")

    def _see(self, bucket: str, expected: Content) -> None:
        found = content_of_bucket(self._influxdb, bucket)
        differing = {field: (found.get(field), count) for field, count in expected.items() if found.get(field) != count}
        if differing:
            raise ServiceError(f"the bucket does not hold what it must: {differing}")


def written_stream(messages: Sequence[Delivery]) -> list[StreamMessage]:
    """What a bridge makes of these, but for what is not for writers."""
    catalogue, redaction = shipped_catalogue(), Redaction(Personal.DROP)
    maker = MessageMaker(catalogue, Partitions(PARTITIONS), RejectMaker(catalogue, redaction), SILENT_AFTER_NS)
    decoder = Decoder(catalogue, redaction)
    found: list[StreamMessage] = []
    for first in range(0, len(messages), 500):
        piece = messages[first : first + 500]
        made, _ = maker.of_batch(piece, decoder.decode(piece).outcomes, is_operators=True)
        found += [message for message in made if message.topic in (Topic.OBSERVATIONS, Topic.RESPONSES)]
    return found
