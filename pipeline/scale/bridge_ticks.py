"""Ticks on their way: how far a bridge has come, sent to every partition now and then.

Owns when a tick is due, and that one is on its way at a time: one that is not confirmed says that Kafka is away. Must
not know what a tick says (`bridge_progress`), or what is done about a Kafka that is away.
"""

from collections.abc import Callable
from time import time_ns

from pipeline.core.stream_messages import MessageMaker
from pipeline.scale.bridge_progress import BridgeProgress
from pipeline.wires.kafka_fault import KafkaUnavailableError
from pipeline.wires.kafka_producer import KafkaProducer, Parcel


class BridgeTicks:
    """The ticks of one life of a bridge. Moments are of one monotonic clock, in seconds."""

    def __init__(
        self, progress: BridgeProgress, maker: MessageMaker, tick_s: float, clock: Callable[[], float]
    ) -> None:
        """None was sent. One is due every `tick_s` seconds."""
        self._progress = progress
        self._maker = maker
        self._tick_s = tick_s
        self._clock = clock
        self._parcel: Parcel | None = None
        self._sent_at = -tick_s

    @property
    def sent_at(self) -> float | None:
        """When the one on its way was sent; None where none is."""
        return None if self._parcel is None else self._sent_at

    @property
    def failure(self) -> KafkaUnavailableError | None:
        """Why the one on its way can never be confirmed, or could not even be sent."""
        return None if self._parcel is None else self._parcel.failure

    def take_confirmed(self) -> float | None:
        """Where one was confirmed since somebody asked, how many seconds that took; otherwise None."""
        if self._parcel is None or not self._parcel.is_confirmed:
            return None
        self._parcel = None
        return self._clock() - self._sent_at

    def send_when_due(self, producer: KafkaProducer) -> None:
        """Send one where it is time, and something is known."""
        if not self._progress.has_begun:
            return
        if self._parcel is None and self._clock() - self._sent_at >= self._tick_s:
            self._send(producer, is_last=False)

    def send_last(self, producer: KafkaProducer) -> None:
        """Send the last one: nobody need wait for this bridge."""
        if self._progress.has_told:
            self._send(producer, is_last=True)

    def forget(self) -> None:
        """The one on its way went with its producer."""
        self._parcel = None

    def _send(self, producer: KafkaProducer, *, is_last: bool) -> None:
        self._sent_at = self._clock()
        self._parcel = Parcel()
        try:
            producer.send(self._maker.of_tick(self._progress.tick(time_ns(), is_last=is_last)), self._parcel)
        except KafkaUnavailableError as fault:
            self._parcel.failure = fault
