"""What tests of the tracker share: what a bridge sends of a fleet's stream, the rows that must come, and those that do.

Rows are held against one derivation that took the same stream; see `partition_samples`.
"""

from collections.abc import Iterable, Mapping, Sequence

from pipeline.core.derivation import Derivation
from pipeline.core.partition import Partitions
from pipeline.core.stream_messages import MessageMaker, StreamMessage
from pipeline.core.stream_records import StreamReader
from pipeline.core.stream_rejects import RejectMaker
from schemas.command import CommandResponse, CommandSent
from schemas.delivery import Delivery
from schemas.observation import Observation
from schemas.row import Row
from schemas.stream import StreamReject, Tick, Topic
from tests.pipeline.core.derivation_samples import CATALOGUE, SPANS, Disk, Kept, S, T
from tests.pipeline.core.partition_samples import COUNT, DROP, PLAN, finish, stream, whoever_knew
from tests.services.kafka import Kafka

STEP = 80 * S


class Feed:
    """What the only bridge of a queue sends to `track`, batch by batch, and what must follow from it."""

    def __init__(self, seed: int = 0, hours: int = 1) -> None:
        self._batches = stream(seed, hours)
        self._maker = maker()
        self._alone = Derivation(CATALOGUE, SPANS)
        self._disk = Disk()
        self._ticks = 0
        self._at = PLAN.start

    def batches(self) -> Iterable[list[StreamMessage]]:
        """All of it; at the end everything is known."""
        for outcomes in self._batches:
            self._alone.take(outcomes)
            finish(self._alone, self._disk)
            deliveries = [Delivery("", {}, b"", 0)] * len(outcomes)
            made, _ = self._maker.of_batch(deliveries, outcomes, is_operators=True)
            yield [*(message for message in made if message.topic == Topic.TRACK), *self._tick()]
        for _ in range(6):
            yield self._tick()
        finish(self._alone, self._disk)

    def rows(self) -> Kept:
        """What must be known once all batches are sent."""
        return whoever_knew(self._disk)

    def _tick(self) -> list[StreamMessage]:
        self._ticks += 1
        self._at += STEP
        watermark = self._alone.watermark
        tick = Tick("b", 1, self._ticks, self._at, watermark, watermark, 1, self._at - 60 * S, is_last=False)
        return self._maker.of_tick(tick)


class Hours:
    """A bridge that says how far it is, in seconds since `derivation_samples.T`."""

    def __init__(self) -> None:
        self._maker = maker()
        self._ticks = 0

    def records(self, records: Sequence[Observation | CommandResponse | CommandSent]) -> list[StreamMessage]:
        """What it sends to `track` of these."""
        made, _ = self._maker.of_batch([Delivery("", {}, b"", 0)] * len(records), records, is_operators=True)
        return [message for message in made if message.topic == Topic.TRACK]

    def until(self, second: int) -> list[StreamMessage]:
        """It knows everything before this, and says so until that is proved, which takes it less than a minute."""
        made: list[StreamMessage] = []
        watermark = T + second * S
        for later in (10, 30, 50):
            self._ticks += 1
            at = watermark + later * S
            tick = Tick("b", 1, self._ticks, at, watermark, watermark, 1, at - 3 * S, is_last=False)
            made += self._maker.of_tick(tick)
        return made


def maker() -> MessageMaker:
    return MessageMaker(CATALOGUE, Partitions(COUNT), RejectMaker(CATALOGUE, DROP), SPANS.silent_after)


def derived_rows(kafka: Kafka) -> list[Row]:
    """Every row that was sent, partition by partition in order."""
    found = [StreamReader().read(each.value or b"", "derived") for each in kafka.read(Topic.DERIVED.value)]
    assert not any(read.rejects for read in found)
    return [record for read in found for record in read.records if isinstance(record, Row)]


def known(rows: Iterable[Row]) -> Kept:
    """What a store has of these."""
    disk = Disk()
    disk.write(list(rows))
    return whoever_knew(disk)


def difference(kafka: Kafka, expected: Kept) -> Mapping[object, object]:
    """Rows that are missing, too many, or other than they must be: found and expected."""
    found = known(derived_rows(kafka))
    keys = found.keys() | expected.keys()
    return {key: (found.get(key), expected.get(key)) for key in keys if found.get(key) != expected.get(key)}


def rejects_in(kafka: Kafka) -> list[StreamReject]:
    """What the topic of rejects has."""
    found = [StreamReader().read(each.value or b"", "rejects") for each in kafka.read(Topic.REJECTS.value)]
    return [record for read in found for record in read.records if isinstance(record, StreamReject)]
