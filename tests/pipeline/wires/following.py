"""What tests of Faust as we use it share: somebody who follows `track` at a real Kafka and says what happens."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaException, TopicPartition

from pipeline.core.stream_messages import StreamMessage
from pipeline.wires import kafka_silence
from pipeline.wires.faust_app import TRACK_GROUP, FaustParts, FollowedTopic, FollowingEndedError, Taken
from pipeline.wires.faust_options import broker_credentials, broker_urls
from pipeline.wires.faust_table import key_in
from pipeline.wires.kafka_fault import ReadAgainError
from pipeline.wires.kafka_producer import KafkaProducer, Parcel
from schemas.stream import Topic
from tests.pipeline.scale.bridging import PARTITIONS, options
from tests.services.kafka import Kafka
from tests.services.process import ServiceError
from tests.waiting import until

HANGS_S = 60
SESSION_S = 2.0
TRIES, PAUSE_S = 200, 0.1


class Follower:
    """One member of the group.

    `taken`   what came, in its order.
    `told`    `given_up`, and the partitions that were given, in their order.
    """

    def __init__(self, kafka: Kafka, folder: Path, login: Mapping[str, str] | None = None) -> None:
        self.taken: list[Taken] = []
        self.told: list[str | frozenset[int]] = []
        self.producer = KafkaProducer(options(kafka), "test")
        self.parcel = Parcel()
        chosen = options(kafka) if login is None else login
        self.topic = FollowedTopic(
            FaustParts(
                urls=broker_urls(chosen),
                credentials=broker_credentials(chosen),
                topic=Topic.TRACK.value,
                state=Topic.STATE.value,
                folder=folder,
                session_s=SESSION_S,
                take=self._take,
                keep=self._keep,
                given_up=self._give_up,
                given=self.told.append,
            )
        )

    @property
    def ours(self) -> frozenset[int]:
        """The partitions it was given last, once what was kept of them is there."""
        if not self.topic.is_restored:
            return frozenset()
        return next((told for told in reversed(self.told) if isinstance(told, frozenset)), frozenset())

    @property
    def is_kept(self) -> bool:
        """Whether Kafka has every entry."""
        self.producer.poll()
        return self.parcel.is_confirmed

    async def keep_entries(self, count: int, partitions: Sequence[int]) -> None:
        """So many entries of the table, in these partitions by turns; Kafka has them then."""
        for number in range(count):
            self.topic.table[key_in(partitions[number % len(partitions)], f"entry {number}")] = b"kept"
        await until(lambda: self.is_kept)

    async def _take(self, taken: Taken) -> None:
        self.taken.append(taken)

    def _keep(self, partition: int, key: bytes, content: bytes | None) -> None:
        self.producer.keep(Topic.STATE.value, partition, key, content, self.parcel)

    async def _give_up(self) -> None:
        self.told.append("given_up")


@asynccontextmanager
async def following(kafka: Kafka, folder: Path) -> AsyncIterator[Follower]:
    """One at work, ended in order."""
    follower = Follower(kafka, folder)
    async with asyncio.timeout(HANGS_S):
        running = asyncio.create_task(follower.topic.run())
        try:
            yield follower
        finally:
            await follower.topic.stop()
            with suppress(FollowingEndedError):
                await running
            follower.producer.close()


async def until_told(follower: Follower, running: asyncio.Task[None]) -> str:
    """Until it ends by itself; with which words."""
    async with asyncio.timeout(HANGS_S):
        with pytest.raises(ReadAgainError) as caught:
            await running
        await follower.topic.stop()
    follower.producer.close()
    return str(caught.value)


def lose_patience(patch: pytest.MonkeyPatch) -> None:
    """From now on what gives nothing has stalled after a few seconds."""
    for name, seconds in (("SILENT_S", 1.0), ("STALLED_S", 3.0), ("FLOWED_S", 0.0)):
        patch.setattr(kafka_silence, name, seconds)


def numbers(count: int, first: int = 0) -> list[StreamMessage]:
    """Messages that say their number, spread over the partitions."""
    return [
        StreamMessage(Topic.TRACK.value, number % PARTITIONS, b"key", str(number).encode())
        for number in range(first, first + count)
    ]


def committed(kafka: Kafka) -> dict[int, int]:
    """What the group has committed, by partition; -1001 for nothing."""
    consumer = Consumer({"bootstrap.servers": kafka.brokers, "group.id": TRACK_GROUP, "log_level": 0})
    places = [TopicPartition(Topic.TRACK.value, partition) for partition in range(PARTITIONS)]
    try:
        for _ in range(TRIES):
            # A broker that has just begun does not know at once whose groups it has.
            with suppress(KafkaException):
                return {place.partition: place.offset for place in consumer.committed(places, timeout=20.0)}
            time.sleep(PAUSE_S)
        raise ServiceError("Kafka does not say what is committed")
    finally:
        consumer.close()
