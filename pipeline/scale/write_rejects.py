"""Rejects of a role on their way to their topic, each confirmed by Kafka.

Owns the producer for them, which is made when the first one is, and anew where it confirms nothing for long: seen with
librdkafka 2.16, which after a restart of the only broker knew of none any more, and asked nobody. Must not know why
something is refused.
"""

from collections.abc import Callable, Sequence
from time import monotonic

from pipeline.core.partition import Partitions
from pipeline.core.stream_messages import reject_message
from pipeline.core.stream_rejects import of_stream
from pipeline.wires.kafka_fault import KafkaUnavailableError
from pipeline.wires.kafka_producer import KafkaProducer, Parcel
from schemas.reject import Reject

_AWAY_S, _ANEW_S = 5.0, 30.0


class RejectSender:
    """For one thread."""

    def __init__(self, begin: Callable[[], KafkaProducer], partitions: Partitions) -> None:
        """`begin` makes a producer; it raises KafkaUnavailableError, and blocks for a moment."""
        self._begin = begin
        self._partitions = partitions
        self._producer: KafkaProducer | None = None
        self._batch: object = None
        self._parcel: Parcel | None = None
        self._sent_at = 0.0

    def deliver(self, batch: object, rejects: Sequence[Reject], wait_s: float) -> bool:
        """Send what was refused of a batch, and wait; whether Kafka has all of it.

        Asked again about the same batch, it goes on waiting: of its rejects there may be fewer then, of partitions that
        are still ours. Another batch is sent, whatever became of the one before.
        Raises KafkaUnavailableError: then they are sent again when it is asked again.
        """
        if batch is not self._batch:
            self._batch, self._parcel = batch, None
        if not rejects:
            return True
        try:
            if self._producer is None:
                self._producer = self._begin()
            if self._parcel is None:
                parcel = Parcel()
                self._producer.send([reject_message(of_stream(each), self._partitions) for each in rejects], parcel)
                self._parcel, self._sent_at = parcel, monotonic()
            self._producer.poll(wait_s)
            fault = self._parcel.failure or self._producer.fatal
            if fault is None and not self._parcel.is_confirmed and monotonic() - self._sent_at > _ANEW_S:
                fault = self.trouble
            if fault is not None:
                raise fault
        except KafkaUnavailableError:
            self.close()
            raise
        if not self._parcel.is_confirmed:
            return False
        self._parcel = None
        self._producer.all_is_well()
        return True

    @property
    def trouble(self) -> KafkaUnavailableError | None:
        """Why Kafka does not confirm what was sent; None where that has not lasted for long."""
        if self._producer is None or self._parcel is None or monotonic() - self._sent_at <= _AWAY_S:
            return None
        words = "Kafka confirms nothing of what was rejected; see that it runs"
        return self._producer.trouble or KafkaUnavailableError(words)

    def close(self) -> None:
        """Drop what is not confirmed."""
        self._parcel = None
        if self._producer is not None:
            self._producer.close()
            self._producer = None
