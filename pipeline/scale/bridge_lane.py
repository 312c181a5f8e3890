"""A lane of the bridge: one queue, from its deliveries to parcels on their way to Kafka.

Owns the queue's parcels in their order, and what is acknowledged when. Must not know when Kafka is there, or what other
lanes do.
"""

from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from pipeline.core.decode import Decoder, Outcome
from pipeline.core.freshness import LatestArrival, all_moments, newest_arrival
from pipeline.core.stream_messages import MessageMaker, StreamMessage
from pipeline.core.trusted_clock import Arrival
from pipeline.journey import BatchReport
from pipeline.wires.kafka_fault import KafkaUnavailableError
from pipeline.wires.kafka_producer import Parcel
from pipeline.wires.source import Piece, Source, Token
from schemas.command import CommandResponse, CommandSent
from schemas.observation import Observation
from schemas.reject import Reject
from schemas.surprise import Surprise

Send = Callable[[Sequence[StreamMessage], Parcel], None]
"""Begins to send messages as part of a parcel; raises KafkaUnavailableError where it cannot."""


class Sent(NamedTuple):
    """A piece on its way.

    `report`        what its deliveries become once it is confirmed.
    `latest`        the latest moment at which one of them reached the cloud (LatestArrival); None where none says.
    `newest`        the latest arrival, as for QueueProgress.
    `last_at`       when the last of them reached us, our clock; None where nobody knows.
    `sent_at`       when it was sent, the loop's clock, seconds.
    """

    parcel: Parcel
    token: Token
    report: BatchReport
    redelivered: int
    latest: int | None
    newest: Arrival | None
    last_at: int | None
    sent_at: float

    @property
    def fresh_at(self) -> int | None:
        """When the last of them reached us, where none of them had been delivered before; None where one had."""
        return None if self.redelivered else self.last_at


class Lane:
    """See above. For one asyncio task at a time."""

    def __init__(self, source: Source, decoder: Decoder, maker: MessageMaker, *, is_operators: bool) -> None:
        """`is_operators` False is for COMMAND_QUEUE. `decoder` redacts: nothing personal reaches a topic."""
        self.source = source
        self.is_operators = is_operators
        self._decoder = decoder
        self._maker = maker
        self._under_way: deque[Sent] = deque()
        self._unconfirmed = 0
        self._epoch = self._void_epoch = 0
        self._latest_arrival = LatestArrival()

    @property
    def unconfirmed(self) -> int:
        """Deliveries that are on their way to Kafka."""
        return self._unconfirmed

    @property
    def oldest_at(self) -> float | None:
        """When the first of what is on its way was sent, the loop's clock; None where nothing is."""
        return self._under_way[0].sent_at if self._under_way else None

    def send(self, piece: Piece, now: float, send: Send) -> None:
        """Decode a piece, and begin to send it. Raises KafkaUnavailableError: then it is not on its way."""
        if piece.token.epoch <= self._void_epoch:
            return
        self._epoch = piece.token.epoch
        decoded = self._decoder.decode(piece.deliveries)
        messages, outcomes = self._maker.of_batch(piece.deliveries, decoded.outcomes, is_operators=self.is_operators)
        parcel = Parcel()
        send(messages, parcel)
        latest = newest = None
        if self.is_operators:
            heard = all_moments(each for each in outcomes if isinstance(each, Observation | CommandResponse))
            latest, newest = self._latest_arrival.of(heard) or None, newest_arrival(outcomes)
        report = _report(outcomes, decoded.surprises)
        last_at = piece.deliveries[-1].received_at
        self._under_way.append(Sent(parcel, piece.token, report, piece.redelivered, latest, newest, last_at, now))
        self._unconfirmed += len(piece.deliveries)

    def take_confirmed(self) -> Sequence[Sent]:
        """Pieces that are confirmed, and all before them, in order; they are not on their way any more."""
        taken: list[Sent] = []
        while self._under_way and self._under_way[0].parcel.is_confirmed:
            sent = self._under_way.popleft()
            self._unconfirmed -= sent.report.delivered
            taken.append(sent)
        return taken

    @property
    def failure(self) -> KafkaUnavailableError | None:
        """Why something that is on its way can never be confirmed; None where nothing failed for good."""
        return next((sent.parcel.failure for sent in self._under_way if sent.parcel.failure is not None), None)

    def forget(self, piece: Piece | None = None) -> None:
        """Drop what is on its way, and a piece that cannot be sent: all of it goes back to the queue.

        The source must have been told so. What still comes of that channel is passed over, or its acknowledgement
        would cover what was dropped.
        """
        self._unconfirmed = 0
        self._under_way.clear()
        self._void_epoch = max(self._void_epoch, self._epoch if piece is None else piece.token.epoch)


def _report(outcomes: Sequence[Outcome], surprises: Counter[Surprise]) -> BatchReport:
    rejects = [outcome for outcome in outcomes if isinstance(outcome, Reject)]
    commands = sum(isinstance(outcome, CommandSent) for outcome in outcomes)
    return BatchReport(
        delivered=len(outcomes),
        written=len(outcomes) - commands - len(rejects),
        commands=commands,
        rejected=Counter(refused.reason for refused in rejects),
        surprises=surprises,
        outcomes=outcomes,
    )
