"""Queue progress: when the operator's queue is known to have been empty, from what the broker says and what is durable.

Owns which answers of the broker belong to which channel. Must not know the broker, or what waits for the watermark.
"""

from pipeline.core.watermark import EmptyQueue
from pipeline.wires.source import SourceState, SourceStatus, Token


class QueueProgress:
    """For one source."""

    def __init__(self) -> None:
        """No answer yet, nothing durable."""
        self._empty = EmptyQueue()
        self._epoch = 0
        self._answered_at = 0

    def committed(self, token: Token) -> None:
        """Everything up to here is durable."""
        self._turn(token.epoch)
        if token.epoch == self._epoch:
            self._empty.committed(token.tag)

    def look(self, status: SourceStatus) -> int | None:
        """The moment (our clock) at which the queue is now known to have been empty, once for each; else None."""
        answer = status.answer
        if answer is None or status.state is not SourceState.CONSUMING:
            return None
        self._turn(answer.epoch)
        if answer.epoch == self._epoch and answer.at > self._answered_at:
            self._answered_at = answer.at
            self._empty.answered(answer.at, answer.ready, answer.consumers, answer.delivered)
        return self._empty.take()

    def _turn(self, epoch: int) -> None:
        """Tags begin anew with each channel."""
        if epoch > self._epoch:
            self._epoch = epoch
            self._empty.channel_lost()
