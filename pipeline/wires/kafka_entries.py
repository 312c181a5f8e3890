"""The entries of a compacted topic: read whole, and sent so that Kafka has them.

Owns how the client library's consumer is set for that, and how long is waited. Must not know what an entry says.
"""

import time
from collections.abc import Callable, Iterable, Mapping

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition

from pipeline.wires.kafka_fault import Complaints, KafkaUnavailableError, explain_kafka_fault, unavailable
from pipeline.wires.kafka_producer import KafkaProducer, Parcel

_AT_ONCE = 2_000
_ANSWER_S = 20.0
_BEAT_S = 0.2
_END = "_PARTITION_EOF"
_SETTINGS: Mapping[str, str | int | float | bool] = {
    # Asked for, and never joined: nothing is committed.
    "group.id": "chargeline.entries",
    "enable.auto.commit": False,
    "enable.partition.eof": True,
    "statistics.interval.ms": 0,
}


def read_entries(options: Mapping[str, str], topic: str, partitions: int) -> list[dict[bytes, bytes]]:
    """What stands in each partition under which key, as it was when this came to its end.

    Raises KafkaUnavailableError. Whoever writes meanwhile is read, or not.
    """
    complaints = Complaints()
    found: list[dict[bytes, bytes]] = [{} for _ in range(partitions)]
    consumer = Consumer({**options, **_SETTINGS}, error_cb=complaints.hear)
    left = set(range(partitions))
    try:
        consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in left])
        answered_at = time.monotonic()
        while left:
            messages = consumer.consume(_AT_ONCE, _BEAT_S)
            for message in messages:
                error, partition, key, content = message.error(), message.partition(), message.key(), message.value()
                if error is not None and error.name() != _END:
                    raise KafkaUnavailableError(f"topic {topic}: {explain_kafka_fault(error)}")
                if error is not None:
                    left.discard(-1 if partition is None else partition)
                elif partition is not None and key is not None:
                    if content is None:
                        found[partition].pop(key, None)
                    else:
                        found[partition][key] = content
            if messages:
                answered_at = time.monotonic()
            elif time.monotonic() - answered_at > _ANSWER_S:
                silence = KafkaUnavailableError(f"Kafka: topic {topic} cannot be read; see that all brokers run")
                raise complaints.trouble or silence
    except KafkaException as fault:
        raise unavailable(fault, complaints) from fault
    finally:
        consumer.close()
    return found


class EntrySender:
    """Sends entries, and waits until Kafka has them. Its calls raise KafkaUnavailableError."""

    def __init__(
        self, options: Mapping[str, str], client_id: str, topic: str, on_confirmed: Callable[[int], None]
    ) -> None:
        """`on_confirmed` is told now and then how many entries Kafka has in all."""
        self._producer = KafkaProducer(options, client_id)
        self._topic = topic
        self._on_confirmed = on_confirmed
        self._parcel = Parcel()
        self._sent = 0

    def send(self, partition: int, entries: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Begin to send entries of a partition, in their order; None drops one."""
        for key, content in entries:
            self._producer.keep(self._topic, partition, key, content, self._parcel)
            self._sent += 1
            if not self._sent % _AT_ONCE:
                self._hear(0.0)

    def wait(self) -> None:
        """Wait until Kafka has all that was sent."""
        waiting, since = self._parcel.pending, time.monotonic()
        while self._parcel.pending:
            self._hear(_BEAT_S)
            if self._parcel.pending < waiting:
                waiting, since = self._parcel.pending, time.monotonic()
            elif time.monotonic() - since > _ANSWER_S:
                raise self._producer.trouble or KafkaUnavailableError("Kafka confirms nothing; see that it runs")
        self._hear(0.0)

    def close(self) -> None:
        """Drop what is on its way."""
        self._producer.close()

    def _hear(self, wait_s: float) -> None:
        self._producer.poll(wait_s)
        fault = self._parcel.failure or self._producer.fatal
        if fault is not None:
            raise fault
        self._on_confirmed(self._sent - self._parcel.pending)
