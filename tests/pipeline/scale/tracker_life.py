"""One life of a tracker in the test's own loop, at a real Kafka, with parts of the test's own where it wants."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

from pipeline.core.partition import Partitions
from pipeline.core.stream_records import StreamReader
from pipeline.scale.confirmed_sender import ConfirmedSender
from pipeline.scale.damaged_state import DamagedState
from pipeline.scale.round_plan import TrackPatience
from pipeline.scale.track import Settled, Tracker, TrackerParts
from pipeline.scale.track_beginning import begin_partition
from pipeline.scale.track_partition import TrackPartition
from pipeline.wires.faust_app import FaustParts, FollowedTopic, FollowingEndedError
from pipeline.wires.faust_options import broker_urls
from pipeline.wires.kafka_fault import KafkaUnavailableError
from pipeline.wires.kafka_producer import KafkaProducer
from schemas.stream import Topic
from tests.pipeline.core.derivation_samples import CATALOGUE, SPANS
from tests.pipeline.core.partition_samples import COUNT
from tests.pipeline.scale.bridging import options
from tests.services.kafka import Kafka

HANGS_S = 120
PATIENCE = TrackPatience(round_s=0.05, session_s=4.0)


class Parts(NamedTuple):
    """What a test may replace."""

    sender: type[ConfirmedSender] = ConfirmedSender
    partition: type[TrackPartition] = TrackPartition
    patience: TrackPatience = PATIENCE


AS_IT_IS = Parts()


class Life:
    """`settled`, `given` and `trouble` are what was told, in its order."""

    def __init__(self, kafka: Kafka, folder: Path, parts: Parts) -> None:
        reader, chosen = StreamReader(), options(kafka)
        self.settled: list[Settled] = []
        self.given: list[frozenset[int]] = []
        self.trouble: list[KafkaUnavailableError | None] = []

        def make(partition: int, kept: Mapping[str, bytes]) -> TrackPartition:
            return parts.partition(CATALOGUE, SPANS, reader, partition, kept)

        producer = KafkaProducer(chosen, "test", 1, parts.patience.give_up_s)
        self.sender = parts.sender(producer, 1.0, self.trouble.append)
        begin = partial(begin_partition, make, DamagedState().see)
        self.tracker = Tracker(TrackerParts(begin, Partitions(COUNT), self.sender, self.settled.append), parts.patience)
        self.topic = FollowedTopic(
            FaustParts(
                urls=broker_urls(chosen),
                credentials=None,
                topic=Topic.TRACK.value,
                state=Topic.STATE.value,
                folder=folder,
                session_s=parts.patience.session_s,
                take=self.tracker.take,
                keep=self.tracker.keep,
                given_up=self.tracker.give_up,
                given=self.given.append,
            )
        )
        self.tracker.follow(self.topic)

    @property
    def records(self) -> int:
        """Records that are done with."""
        return sum(settled.records for settled in self.settled)

    @property
    def is_done(self) -> bool:
        """Whether everything that was sent is done with, in all partitions."""
        lags = self.topic.lags()
        return len(lags) == COUNT and not any(lags.values())


@asynccontextmanager
async def living(kafka: Kafka, folder: Path, parts: Parts = AS_IT_IS) -> AsyncIterator[Life]:
    """A life, ended in order."""
    life = Life(kafka, folder, parts)
    async with asyncio.timeout(HANGS_S):
        tasks = [asyncio.create_task(each) for each in (life.tracker.beat(), life.tracker.watch())]
        following = asyncio.create_task(life.topic.run())
        try:
            yield life
        finally:
            for task in tasks:
                task.cancel()
            life.tracker.close()
            await life.topic.stop()
            with suppress(FollowingEndedError):
                await following
