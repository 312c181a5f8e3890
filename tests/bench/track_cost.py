"""One life of `chargeline run --role track`, from its topic to derived rows, with one process or several: what it took.

Once all partitions are given out, a topic is filled at once and followed to its end: all that a bridge sends to `track`
of simulated messages and commands, in batches of one size, with a tick after each. What is counted is a record of that
topic: an observation that is followed, a response, a command, a list of who was heard, a tick (every partition has each
tick). Beside it a message of the queue is counted, most of which never come here but as part of such a list.

CPU time is that of the processes, user and system and the client library's threads together; that of Kafka is without
the filling. Wall time is from its beginning until every record is done with, by the processes' own counters.
Afterwards the derived rows must be those of one derivation.
"""

import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from pipeline.core.decode import Decoder, Outcome
from pipeline.core.derivation import Derivation
from pipeline.core.partition import Partitions
from pipeline.core.redaction import Personal, Redaction
from pipeline.core.stream_messages import MessageMaker, StreamMessage
from pipeline.core.stream_records import StreamReader
from pipeline.core.stream_rejects import RejectMaker
from pipeline.simulator.fleet import Fleet, FleetPlan
from pipeline.simulator.quirks import Quirks
from schemas.command import CommandSent
from schemas.delivery import Delivery
from schemas.stream import Tick, Topic
from tests.bench.cost_table import Life
from tests.bench.role_stage import PARTITIONS, Lives, RoleStage
from tests.bench.server_cost import cpu_s_of
from tests.pipeline.core.derivation_samples import CATALOGUE, SPANS, Disk, Kept, S
from tests.pipeline.core.partition_samples import finish, whoever_knew
from tests.pipeline.scale.tracking import difference
from tests.services.kafka import Kafka
from tests.services.process import ServiceError

POLL_S, IDLE_S = 0.05, 5.0
BATCH = 5_000
STEP = 80 * S
PLAN = FleetPlan(seed=1, chargers=500, commands_an_hour=2.0)
LAG = re.compile(r"^chargeline_kafka_lag\{.*\} (\S+)$", re.MULTILINE)


class Stream(NamedTuple):
    """What a bridge sends to `track`, how many records that is, of how many messages, and the rows that follow."""

    sent: Sequence[StreamMessage]
    records: int
    messages: int
    rows: Kept


class TrackRing:
    """Kafka, with a folder of its name in `folder`, which gets all that trackers leave."""

    def __init__(self, folder: Path, kafka: Kafka) -> None:
        self._folder = folder
        self._kafka = kafka
        self._stage = RoleStage(folder, kafka)

    def live(self, stream: Stream, count: int) -> Life:
        """One life of so many trackers, on fresh topics."""
        self._stage.make_topics()
        with self._stage.lives("track", count, {}) as trackers:
            began = trackers.until(lambda: _have_all(trackers, count), POLL_S)
            self._stage.fill(stream.sent)
            before = cpu_s_of(self._folder / "kafka")
            if stream.records:
                ended = trackers.until(lambda: sum(filter(None, trackers.delivered())) >= stream.records, POLL_S)
            else:
                time.sleep(IDLE_S)
                ended = time.monotonic()
            kafka_s = cpu_s_of(self._folder / "kafka") - before
            differing = difference(self._kafka, stream.rows)
            if differing:
                raise ServiceError(f"{len(differing)} derived rows are not what they must be: {list(differing)[:3]}")
            usage = trackers.end()
        wall_s = ended - began
        return Life(max(stream.records, 1), 0.0, usage.cpu_s, wall_s, usage.peak_bytes, kafka_cpu_s=kafka_s)


def tracked_stream(count: int, batch: int) -> Stream:
    """A fleet's ordinary stream with commands, in batches, until it has so many messages."""
    redaction = Redaction(Personal.DROP)
    maker = MessageMaker(CATALOGUE, Partitions(PARTITIONS), RejectMaker(CATALOGUE, redaction), SPANS.silent_after)
    alone, disk, reader = Derivation(CATALOGUE, SPANS), Disk(), StreamReader()
    found: list[StreamMessage] = []
    messages = ticks = 0
    at = PLAN.start
    for outcomes in _batches(count, batch, Decoder(CATALOGUE, redaction)):
        messages += sum(not isinstance(outcome, CommandSent) for outcome in outcomes)
        alone.take(outcomes)
        finish(alone, disk)
        made, _ = maker.of_batch([Delivery("", {}, b"", 0)] * len(outcomes), outcomes, is_operators=True)
        found += [message for message in made if message.topic == Topic.TRACK]
        ticks, at = ticks + 1, at + STEP
        found += maker.of_tick(_tick(ticks, at, alone.watermark))
    for _ in range(6):
        ticks, at = ticks + 1, at + STEP
        found += maker.of_tick(_tick(ticks, at, alone.watermark))
    finish(alone, disk)
    records = sum(len(reader.read(message.value, "bench").records) for message in found)
    return Stream(found, records, messages, whoever_knew(disk))


def _batches(count: int, batch: int, decoder: Decoder) -> Iterator[list[Outcome]]:
    fleet, now, left = Fleet(PLAN, Quirks.none()), PLAN.start, count
    waiting: list[Outcome] = []
    while left > 0:
        now += 600 * S
        for item in fleet.advance_with_commands(now):
            if isinstance(item, CommandSent):
                waiting.append(item)
            elif left > 0:
                waiting += decoder.decode([item]).outcomes
                left -= 1
            if len(waiting) >= batch:
                yield waiting
                waiting = []
    yield waiting


def _tick(number: int, at: int, watermark: int | None) -> Tick:
    return Tick("b", 1, number, at, watermark, watermark, 1, at - STEP // 2, is_last=False)


def _have_all(trackers: Lives, count: int) -> bool:
    """Whether each has its share of the partitions."""
    return all(len(LAG.findall(text)) == PARTITIONS // count for text in trackers.metrics())
