"""A producer: messages to topics, each confirmed by Kafka, or the reason why not.

Owns the client library's producer and how it is set. Must not know what a message means, or what waits for its
confirmation.

Nothing is given up while Kafka may come back: a message is tried until it is confirmed or refused for good, in the
order in which messages were sent (`give_up_s` is for those who would rather begin anew). So an outage shows as messages
that stay in flight, and `trouble` says why. What fails for good (a right, a missing topic, a broken identity) fails its
parcel; then this producer is over and a new one has to be made, which sends what was not confirmed again. Everything is
of one thread: confirmations come during `poll`.
"""

from collections.abc import Iterable, Mapping

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from pipeline.core.stream_messages import StreamMessage
from pipeline.wires.kafka_fault import (
    Complaints,
    KafkaUnavailableError,
    as_unavailable,
    error_of,
    unavailable,
    without_values,
)
from pipeline.wires.kafka_options import MOST_MESSAGE_BYTES

_SETTINGS: Mapping[str, str | int | float | bool] = {
    "acks": "all",
    "enable.idempotence": True,
    "compression.type": "lz4",
    "batch.size": 262_144,
    "message.max.bytes": MOST_MESSAGE_BYTES,
    # Topics were there when this began: one that is missing now is gone.
    "topic.metadata.propagation.max.ms": 10_000,
    "queue.buffering.max.messages": 500_000,
    "queue.buffering.max.kbytes": 1_048_576,
    "statistics.interval.ms": 0,
}
_ROOM_S = 0.05
_ROOM_TRIES = 20
_PROBE_S = 3.0


class Parcel:
    """Some messages that count as confirmed together."""

    __slots__ = ("failure", "pending")

    def __init__(self) -> None:
        """Nothing is sent yet. `pending` messages are not confirmed; `failure` is why one never will be."""
        self.pending = 0
        self.failure: KafkaUnavailableError | None = None

    @property
    def is_confirmed(self) -> bool:
        """Whether Kafka has all of it, durably."""
        return not self.pending and self.failure is None

    def hear(self, error: KafkaError | None, _message: Message) -> None:
        """One of the messages was confirmed, or failed for good."""
        self.pending -= 1
        if error is not None:
            self.failure = as_unavailable(error)


class KafkaProducer:
    """One producer, until `close`."""

    def __init__(self, options: Mapping[str, str], client_id: str, linger_ms: int = 5, give_up_s: float = 0.0) -> None:
        """Connects by itself, and stays connected. `options` as `client_options` gives them; `client_id` names us.

        For `linger_ms` messages wait for others to go with: less is sooner, more is cheaper. What Kafka has not
        confirmed after `give_up_s` fails for good, and is not sent any more, even by a process that slept; 0 for never.

        Raises KafkaUnavailableError for options that the library does not take.
        """
        self._complaints = Complaints()
        chosen: dict[str, str | int | float | bool] = {
            "client.id": client_id,
            **options,
            **_SETTINGS,
            "linger.ms": linger_ms,
            "message.timeout.ms": int(give_up_s * 1_000),
        }
        try:
            self._producer = Producer(chosen, error_cb=self._complaints.hear)
        except KafkaException as fault:
            words = without_values(error_of(fault).str(), options.values())
            message = f"Kafka's client does not take its options: {words}; see CHARGELINE_KAFKA_CONFIG_FILE"
            raise KafkaUnavailableError(message, needs_operator=True) from None

    @property
    def in_flight(self) -> int:
        """Messages that are neither confirmed nor failed."""
        return len(self._producer)

    @property
    def trouble(self) -> KafkaUnavailableError | None:
        """Why nothing is confirmed, if something is known; forgotten with `all_is_well`."""
        return self._complaints.trouble

    @property
    def fatal(self) -> KafkaUnavailableError | None:
        """Why this producer can send nothing any more."""
        return self._complaints.fatal

    def send(self, messages: Iterable[StreamMessage], parcel: Parcel) -> None:
        """Begin to send, as part of a parcel. Waits a moment where there is no room.

        Raises KafkaUnavailableError where there is none even then, or this producer is over: then the parcel can never
        be confirmed.
        """
        for topic, partition, key, value in messages:
            self.keep(topic, partition, key, value, parcel)

    def keep(self, topic: str, partition: int, key: bytes, value: bytes | None, parcel: Parcel) -> None:
        """The same of one message, which in a compacted topic can say that nothing stands under its key any more."""
        try:
            self._producer.produce(topic, value, key, partition, parcel.hear)
        except BufferError:
            self._send_when_there_is_room(topic, partition, key, value, parcel)
        except KafkaException as fault:
            raise as_unavailable(error_of(fault)) from fault
        parcel.pending += 1

    def poll(self, wait_s: float = 0.0) -> int:
        """Hear what was confirmed or failed, waiting at most so long for the first; how many callbacks there were."""
        return self._producer.poll(wait_s)

    def probe(self) -> KafkaUnavailableError | None:
        """Ask Kafka something; why it does not answer, None where it does. Blocks for a few seconds at most."""
        try:
            self._producer.list_topics(timeout=_PROBE_S)
        except KafkaException as fault:
            return unavailable(fault, self._complaints)
        return None

    def all_is_well(self) -> None:
        """Messages are confirmed again: what was wrong before is over."""
        self._complaints.clear()

    def close(self) -> None:
        """Drop what is in flight; its parcels fail. Blocks for a moment."""
        self._producer.purge()
        self._producer.poll(_ROOM_S)

    def _send_when_there_is_room(
        self, topic: str, partition: int, key: bytes, value: bytes | None, parcel: Parcel
    ) -> None:
        for _ in range(_ROOM_TRIES):
            self._producer.poll(_ROOM_S)
            try:
                self._producer.produce(topic, value, key, partition, parcel.hear)
            except BufferError:
                continue
            return
        raise KafkaUnavailableError("Kafka takes messages more slowly than they come, and there is no room for more")
