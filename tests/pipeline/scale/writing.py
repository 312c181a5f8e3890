"""What tests of the writer share: records in topics, and a store that does as it is told."""

import threading
from collections import deque
from collections.abc import Iterable, Mapping, Sequence

from pipeline.core.partition import Partitions
from pipeline.core.stream_messages import StreamMessage, row_messages
from pipeline.core.stream_records import StreamReader
from pipeline.wires.kafka_producer import KafkaProducer, Parcel
from pipeline.wires.store import Refusal, StoreUnavailableError
from schemas.delivery import Delivery
from schemas.reject import RejectReason
from schemas.row import Row
from schemas.stream import StreamReject, Topic
from tests.pipeline.scale.bridging import PARTITIONS, decoder, maker, options
from tests.services.kafka import Kafka

HANGS_S = 30
Content = dict[tuple[str, str, tuple[tuple[str, str], ...], int], dict[str, float | str]]


class ScriptedStore:
    """Keeps rows by their key, as stores do.

    `gate`    closed, it holds a write up, as a slow server does.
    `faults`  raised by the next writes; where one may come later, `arrive` carries it out.
    `bad`     measurements whose rows are refused.
    """

    def __init__(self) -> None:
        self.content: Content = {}
        self.batches: list[Sequence[Row]] = []
        self.faults: deque[Exception] = deque()
        self.late: list[Sequence[Row]] = []
        self.bad: set[str] = set()
        self.reloads = self.requests = 0
        self.gate = threading.Event()
        self.gate.set()

    def write(self, rows: Sequence[Row]) -> Sequence[Refusal]:
        self.gate.wait(HANGS_S)
        self.requests += 1
        if self.faults:
            fault = self.faults.popleft()
            if isinstance(fault, StoreUnavailableError) and fault.may_come_later:
                self.late.append(list(rows))
            raise fault
        self.batches.append(list(rows))
        self._keep(row for row in rows if row.measurement not in self.bad)
        return [
            Refusal(place, RejectReason.STORE, "refused")
            for place, row in enumerate(rows)
            if row.measurement in self.bad
        ]

    def arrive(self) -> None:
        """What got no answer is carried out now."""
        for rows in self.late:
            self._keep(rows)
        self.late.clear()

    def reload(self) -> None:
        self.reloads += 1

    def close(self) -> None:
        """Nothing to let go of."""

    def _keep(self, rows: Iterable[Row]) -> None:
        for row in rows:
            self.content.setdefault((row.measurement, row.charger, row.tags, row.time), {}).update(row.fields)


def away(
    *, may_come_later: bool = False, needs_operator: bool = False, retry_after_ns: int | None = None
) -> StoreUnavailableError:
    return StoreUnavailableError(
        "away", may_come_later=may_come_later, needs_operator=needs_operator, retry_after_ns=retry_after_ns
    )


def unreadable() -> StreamMessage:
    """One that becomes a reject: of a version that nobody knows."""
    return StreamMessage(Topic.OBSERVATIONS.value, 1, b"EH1", b'{"v":2,"kind":"observation"}')


def facts(deliveries: Sequence[Delivery]) -> list[StreamMessage]:
    """What a bridge sends of these to the topics that a writer reads."""
    made, _ = maker().of_batch(deliveries, decoder().decode(deliveries).outcomes, is_operators=True)
    return [message for message in made if message.topic in (Topic.OBSERVATIONS, Topic.RESPONSES)]


def alert(time: int, active: float, charger: str = "EH1") -> Row:
    return Row("alert", charger, "", (("kind", "silent"), ("command", "-")), time, (("active", active),))


def derived(rows: Iterable[Row]) -> list[StreamMessage]:
    return row_messages(rows, Partitions(PARTITIONS))


def produce(kafka: Kafka, messages: Sequence[StreamMessage]) -> None:
    """Put these into their topics, each confirmed."""
    producer, parcel = KafkaProducer(options(kafka), "test"), Parcel()
    producer.send(messages, parcel)
    while not parcel.is_confirmed:
        producer.poll(0.1)
        assert parcel.failure is None
    producer.close()


def rejects_in(kafka: Kafka) -> list[StreamReject]:
    """What the topic of rejects has."""
    found = [StreamReader().read(each.value or b"", "rejects") for each in kafka.read(Topic.REJECTS.value)]
    assert not any(read.rejects for read in found)
    return [record for read in found for record in read.records if isinstance(record, StreamReject)]


def observed(content: Mapping[tuple[str, str, tuple[tuple[str, str], ...], int], object]) -> int:
    """How many rows of total power it holds, as `bridging.messages` has them."""
    return sum(measurement == "charger_power" for measurement, *_ in content)
