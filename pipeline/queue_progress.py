"""Queue progress: when the operator's queue is known to have been empty, from what the broker says and what is durable.

Owns which answers of the broker belong to which channel, and by which of our clocks a message was received. Must not
know the broker, or what waits for the watermark.
"""

from bisect import bisect_left
from typing import NamedTuple

from pipeline.core.trusted_clock import STEP_NS, Arrival, TrustedClock
from pipeline.core.watermark import EmptyQueue
from pipeline.wires.source import QueueAnswer, SourceState, SourceStatus, Token

_MOST_REMEMBERED = 1_000


class Emptiness(NamedTuple):
    """The queue was empty when our wall clock showed `at`, and a right one `right_at`; nanoseconds since the epoch."""

    at: int
    right_at: int


class _Stretch(NamedTuple):
    """Deliveries up to this one came before an answer, and after the one before it.

    `offset` is how much more the wall clock showed meanwhile than the one that counts; None where that changed.
    """

    until: Token
    offset: int | None


class QueueProgress:
    """For one source."""

    def __init__(self) -> None:
        """No answer yet, nothing durable."""
        self._empty = EmptyQueue()
        self._clock = TrustedClock()
        self._epoch = 0
        self._answer: QueueAnswer | None = None
        self._counted_at: dict[int, int] = {}
        self._stretches: list[_Stretch] = []
        self._arrivals: list[tuple[Token, Arrival]] = []

    def committed(self, token: Token, newest: Arrival | None = None) -> None:
        """Everything up to here is durable; `newest` is the latest arrival there, None where none is known."""
        self._turn(token.epoch)
        if token.epoch == self._epoch:
            self._empty.committed(token.tag)
        if newest is not None:
            self._arrivals = [*self._arrivals[-_MOST_REMEMBERED:], (token, newest)]

    def look(self, status: SourceStatus) -> Emptiness | None:
        """When the queue is now known to have been empty, once for each such moment; else None."""
        answer = status.answer
        if answer is None or status.state is not SourceState.CONSUMING:
            return None
        self._turn(answer.epoch)
        if answer.epoch == self._epoch and (self._answer is None or answer.counted_at > self._answer.counted_at):
            self._take(answer)
        at = self._empty.take()
        return None if at is None else Emptiness(at, self._clock.moment(at, self._counted_at[at]))

    def _take(self, answer: QueueAnswer) -> None:
        before, self._answer = self._answer, answer
        offset = answer.at - answer.counted_at
        is_steady = before is None or abs(offset - (before.at - before.counted_at)) <= STEP_NS
        until = Token(answer.epoch, answer.delivered)
        self._stretches = [*self._stretches[-_MOST_REMEMBERED:], _Stretch(until, offset if is_steady else None)]
        self._read_arrivals(until)
        self._clock.read(offset)
        waiting = {at: counted for at, counted in self._counted_at.items() if self._empty.is_waiting(at)}
        self._counted_at = {**waiting, answer.at: answer.counted_at}
        self._empty.answered(answer.at, answer.ready, answer.consumers, answer.delivered)

    def _read_arrivals(self, until: Token) -> None:
        """See those up to here, of which it is known by now by which clock they were received."""
        came, self._arrivals = self._arrivals, [each for each in self._arrivals if each[0] > until]
        for token, arrival in came:
            if token <= until:
                offset = self._stretches[bisect_left(self._stretches, token, key=_until)].offset
                if offset is not None:
                    self._clock.see(arrival, offset)

    def _turn(self, epoch: int) -> None:
        """Tags begin anew with each channel."""
        if epoch > self._epoch:
            self._epoch = epoch
            self._empty.channel_lost()


def _until(stretch: _Stretch) -> Token:
    return stretch.until
