"""The watermark: up to when everything that was sent to the operator's queue is known.

Owns what moves it. One for each operator queue; other queues never move it. Pure: it reads no clock, it is told. Must
not know what waits for it.

It follows the cloud's ArrivalTime, which our receipt bounds: a device or a cloud with a clock in 2099 moves it no
further than 5 s past the moment at which we received that. It never goes back, and stands still while the stream is
interrupted (disconnected, holding), since what is on its way then has not been seen. So nothing that waits for it fires
after an outage of ours which the backlog would answer.

Traps: an empty queue is known to be empty only where nobody else consumes and everything that was delivered before the
broker's answer is committed, for the prefetch hides the rest of the backlog in our own window.
"""

from collections.abc import Iterable

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
        """The broker said so when it was asked at `at` (our clock), and what was delivered before is committed.

        So: no message ready, no other consumer, nothing of ours unacknowledged from before the answer. There is no
        slack: what the cloud has received and not queued yet is taken to be as quick as the broker's answer.
        """
        self._move(at)

    def _move(self, at: int) -> None:
        if not self._is_frozen and (self._at is None or at > self._at):
            self._at = at
