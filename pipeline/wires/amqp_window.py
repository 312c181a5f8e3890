"""The window of one channel: what was delivered and is not acknowledged, and how much memory it may take.

Owns the count of tags and bytes, and how many deliveries to ask for. Must not know the broker or the clock.
Tags begin at 1 with each channel and have no gaps, so counting them is counting deliveries.
"""

from collections import deque

from pipeline.wires.source import Piece, Token
from schemas.delivery import Delivery

TARGET_BYTES = 64 * 1024 * 1024
"""What a full window should take; `prefetch_for` works towards it."""
MOST_BYTES = 4 * TARGET_BYTES
"""What a window may take at all: bodies that turn out this much bigger than before cost the channel."""

_OVERHEAD_BYTES = 2_048
_FEWEST = 10
_FIRST_GUESS_BYTES = 512.0
_MEMORY = 10_000


class BodySize:
    """The mean size of bodies, bytes: of the latest 10,000 or so. Outlives channels."""

    def __init__(self) -> None:
        """Begin with a guess that fits Easee's messages."""
        self._mean = _FIRST_GUESS_BYTES
        self._seen = 100

    @property
    def mean(self) -> float:
        """Bytes."""
        return self._mean

    def add(self, count: int, size: int) -> None:
        """Take in `count` bodies of `size` bytes together."""
        self._seen = min(self._seen + count, _MEMORY)
        self._mean += (size - self._mean * count) / max(self._seen, count)


def prefetch_for(mean_bytes: float, most: int) -> int:
    """How many deliveries to have here at once, so that bodies of this mean size take TARGET_BYTES at most."""
    return max(min(int(TARGET_BYTES / (mean_bytes + _OVERHEAD_BYTES)), most), min(_FEWEST, most))


class Window:
    """The deliveries of one epoch."""

    def __init__(self, epoch: int, sizes: BodySize) -> None:
        """Nothing delivered yet."""
        self._epoch = epoch
        self._sizes = sizes
        self._waiting: deque[tuple[int, Delivery, bool]] = deque()
        self._taken: deque[tuple[int, int]] = deque()
        self._delivered = 0
        self._acknowledged = 0
        self._bytes = 0

    @property
    def unacknowledged(self) -> int:
        """Deliveries that are here, taken or not."""
        return self._delivered - self._acknowledged

    @property
    def delivered(self) -> int:
        """Deliveries of this epoch so far."""
        return self._delivered

    @property
    def held_bytes(self) -> int:
        """Bytes of their bodies."""
        return self._bytes

    def add(self, tag: int, delivery: Delivery, *, is_redelivered: bool) -> None:
        """Take in the next delivery."""
        self._waiting.append((tag, delivery, is_redelivered))
        self._delivered = tag
        self._bytes += len(delivery.body)

    def take(self, most: int) -> Piece | None:
        """The deliveries that wait, `most` at most; None where there is none."""
        waiting = self._waiting
        if not waiting:
            return None
        taken = [waiting.popleft() for _ in range(min(most, len(waiting)))]
        size = sum(len(delivery.body) for _, delivery, _ in taken)
        tag = taken[-1][0]
        self._sizes.add(len(taken), size)
        self._taken.append((tag, size))
        return Piece(
            [delivery for _, delivery, _ in taken],
            Token(self._epoch, tag),
            sum(is_redelivered for _, _, is_redelivered in taken),
        )

    def forget_waiting(self) -> None:
        """Drop what was not taken: it will not be acknowledged."""
        self._bytes -= sum(len(delivery.body) for _, delivery, _ in self._waiting)
        self._waiting.clear()

    def acknowledge(self, tag: int) -> bool:
        """Note that everything up to `tag` is acknowledged; False where it was, so that nobody says it twice."""
        if tag <= self._acknowledged:
            return False
        self._acknowledged = tag
        while self._taken and self._taken[0][0] <= tag:
            self._bytes -= self._taken.popleft()[1]
        return True
