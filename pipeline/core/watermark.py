"""The watermark: up to when everything that was sent to the operator's queue is known.

Owns what moves it. One for each operator queue; other queues never move it. Pure: it reads no clock, it is told. Must
not know what waits for it.

It follows the cloud's ArrivalTime, as far as that is believed (`pipeline.core.freshness.LatestArrival`), and where the
queue is empty our clock, as far as that is to be believed (`pipeline.core.trusted_clock`). It never goes back, and
stands still while the stream is interrupted (disconnected, holding), since what is on its way then has not been seen.
So nothing that waits for it fires after an outage of ours which the backlog would answer.

It is kept as its one number, `at`, and begins again with it. Whether the stream flows is not kept: who begins knows.

Traps: an empty queue is known to be empty only where nobody else consumes and everything that was delivered before the
broker's answer is committed, for the prefetch hides the rest of the backlog in our own window (`EmptyQueue`).
"""

from collections.abc import Iterable
from typing import NamedTuple

SLACK_NS = 5 * 10**9
"""How far messages may overtake each other on their way to the queue."""

AHEAD_NS = 5 * 10**9
"""How far the cloud's clock may be ahead of ours."""


class Watermark:
    """See above. `at` is nanoseconds since the epoch, None until the first message."""

    __slots__ = ("_at", "_is_frozen")

    def __init__(self, at: int | None = None) -> None:
        """Begin where an earlier life ended, as it was kept."""
        self._at = at
        self._is_frozen = False

    @property
    def at(self) -> int | None:
        """Everything that reached the cloud before this moment is known."""
        return self._at

    @property
    def is_frozen(self) -> bool:
        """Whether nothing moves it now."""
        return self._is_frozen

    def freeze(self) -> None:
        """The stream is interrupted: we are disconnected, or hold."""
        self._is_frozen = True

    def thaw(self) -> None:
        """The stream flows again."""
        self._is_frozen = False

    def see(self, arrivals: Iterable[tuple[int | None, int | None]]) -> None:
        """Committed messages of the operator's queue: ArrivalTime and our receipt of each.

        Without ArrivalTime a message moves nothing; without receipt (a recording) the ArrivalTime stands in.
        """
        latest = max(
            (
                arrived_at if received_at is None else min(arrived_at, received_at + AHEAD_NS)
                for arrived_at, received_at in arrivals
                if arrived_at is not None
            ),
            default=None,
        )
        if latest is not None:
            self._move(latest - SLACK_NS)

    def queue_was_empty(self, at: int) -> None:
        """The broker said so when it was asked at `at` (a right clock), and what was delivered before is committed.

        So: no message ready, no other consumer, nothing of ours unacknowledged from before the answer. There is no
        slack: what the cloud has received and not queued yet is taken to be as quick as the broker's answer.
        """
        self._move(at)

    def _move(self, at: int) -> None:
        if not self._is_frozen and (self._at is None or at > self._at):
            self._at = at


class _Answer(NamedTuple):
    """The broker said "empty" to a question of `at`; `delivered` is the last tag that had come by then."""

    at: int
    delivered: int


class EmptyQueue:
    """Waits until "the queue is empty", which the broker said, means that everything sent is known.

    For one queue, which one channel consumes after the other; tags are those of the channel's deliveries, ascending.
    It holds two answers at most: the one that counts next, and the newest, so that answers which come faster than
    commits neither pile up nor push each other out.
    """

    __slots__ = ("_committed", "_newest", "_next")

    def __init__(self) -> None:
        """No answer yet, and nothing delivered."""
        self._next: _Answer | None = None
        self._newest: _Answer | None = None
        self._committed = 0

    def answered(self, at: int, ready: int, consumers: int, delivered: int) -> None:
        """The broker answered: `ready` messages wait, for `consumers` in all, us among them.

        `at` is when it was asked: here a name that answers are told apart by, and in order. `delivered` is the tag of
        the last delivery that had come when the answer did, 0 where none had.
        """
        if ready or consumers != 1:
            return
        self._newest = _Answer(at, delivered)
        self._next = self._next or self._newest

    def committed(self, tag: int) -> None:
        """Everything up to this tag is durable."""
        self._committed = max(self._committed, tag)

    def is_waiting(self, at: int) -> bool:
        """Whether an answer of this moment may still count."""
        return any(answer is not None and answer.at == at for answer in (self._next, self._newest))

    def channel_lost(self) -> None:
        """What was not committed is in the queue again, so that earlier answers mean nothing; tags begin anew."""
        self._next = self._newest = None
        self._committed = 0

    def take(self) -> int | None:
        """The latest moment at which the queue is known to have been empty, and was not known to before; else None.

        For `Watermark.queue_was_empty`.
        """
        if self._newest is not None and self._newest.delivered <= self._committed:
            answer, self._next, self._newest = self._newest, None, None
            return answer.at
        if self._next is not None and self._next.delivered <= self._committed:
            answer, self._next = self._next, self._newest
            return answer.at
        return None
