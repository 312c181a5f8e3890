"""The contract of a source, which every reader of the operator's queue keeps.

Owns what a worker may rely on. Must not know any particular reader.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

from schemas.delivery import Delivery


class Token(NamedTuple):
    """Up to where deliveries of one epoch are meant. An epoch is the life of one channel; tags restart with it."""

    epoch: int
    tag: int


class Piece(NamedTuple):
    """Deliveries that arrived one after the other in one epoch, in order; `token` is that of the last one."""

    deliveries: Sequence[Delivery]
    token: Token
    redelivered: int


class SourceState(StrEnum):
    """What a source is doing.

    CONNECTING   trying to reach the broker, or waiting before it tries again.
    STANDBY      connected; another consumer has the queue to itself, this one takes over when that one is gone.
    CONSUMING    connected, and the queue's only consumer, or one that shares it.
    HANDED_BACK  gave everything back on purpose, and does not consume until it is told to.
    STOPPED      for good.
    """

    CONNECTING = "connecting"
    STANDBY = "standby"
    CONSUMING = "consuming"
    HANDED_BACK = "handed back"
    STOPPED = "stopped"


class QueueAnswer(NamedTuple):
    """What the broker said of the queue, while deliveries of an epoch came.

    `at`         when it was asked, nanoseconds since the epoch, by our clock as it was when the last delivery had come.
    `ready`      messages that waited in the queue; `consumers` of it, us among them.
    `delivered`  the tag of the last delivery that had come when everything sent before the answer had, 0 for none.
    `counted_at` when it was asked, by a clock that nobody sets and that counts while a machine sleeps; nanoseconds.
    """

    at: int
    ready: int
    consumers: int
    epoch: int
    delivered: int
    counted_at: int


class SourceStatus(NamedTuple):
    """How a source is.

    `words`            why it is not consuming, empty where it is.
    `backlog`          messages that wait in the queue, by the broker's last answer; None where it has not said.
    `consumers`        consumers of the queue, likewise.
    `unacknowledged`   deliveries that are here and not acknowledged.
    `prefetch`         most that may be.
    `connections`      how often a connection was made.
    `handed_back`      deliveries that went back to the queue unacknowledged: a lost channel, or on purpose.
    `answer`           the broker's last answer while consuming; None before the first of this epoch.
    """

    state: SourceState
    words: str
    backlog: int | None
    consumers: int | None
    unacknowledged: int
    prefetch: int
    connections: int
    handed_back: int
    answer: QueueAnswer | None = None


class Source(Protocol):
    """Where deliveries come from. For one asyncio task at a time, but for `run`, which has a task of its own."""

    async def run(self) -> None:
        """Stay connected, whatever happens, until `stop`. Returns then; never raises."""

    async def next_piece(self, most: int, wait_s: float) -> Piece | None:
        """At most `most` deliveries that are here; None where none came within `wait_s` seconds."""

    def is_current(self, token: Token) -> bool:
        """Whether these deliveries are still ours to acknowledge; if not, the broker delivers them again."""

    async def acknowledge(self, token: Token) -> None:
        """Acknowledge everything up to here. Does nothing where that is no longer ours. Never raises."""

    def hand_back(self, why: str) -> None:
        """Give back everything that is not acknowledged, and do not consume until `resume`."""

    def resume(self) -> None:
        """Consume again after `hand_back`."""

    def reload(self) -> None:
        """Read credentials again: a new epoch where they changed; where there is none, the next try comes at once."""

    async def cancel(self) -> None:
        """Receive nothing more; what is here can still be acknowledged."""

    def stop(self) -> None:
        """Let go of the broker: `run` returns."""

    @property
    def status(self) -> SourceStatus:
        """How it is now. No I/O."""
