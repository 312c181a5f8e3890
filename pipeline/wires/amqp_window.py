"""The window of one channel: what was delivered and is not acknowledged, and how much memory it may take.

Owns the count of tags and bytes, and how many deliveries to ask for. Must not know the broker or the clock.
Tags begin at 1 with each channel and have no gaps, so counting them is counting deliveries.
"""

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

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


class Run(NamedTuple):
    """Deliveries one after the other, all of them redelivered or none; `last_tag` is that of the last one.

    `size` is that of their bodies, bytes.
    """

    last_tag: int
    deliveries: Sequence[Delivery]
    size: int
    is_redelivered: bool


class Window:
    """The deliveries of one epoch."""

    def __init__(self, epoch: int, sizes: BodySize) -> None:
        """Nothing delivered yet."""
        self._epoch = epoch
        self._sizes = sizes
        self._waiting: deque[Run] = deque()
        self._taken: deque[tuple[int, int]] = deque()
        self._delivered = 0
        self._acknowledged = 0
        self._bytes = 0
        self._is_closed = False

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

    def add(self, run: Run) -> None:
        """Take in the next deliveries, but for a window that was closed."""
        if self._is_closed:
            return
        self._sizes.add(len(run.deliveries), run.size)
        self._waiting.append(run)
        self._delivered = run.last_tag
        self._bytes += run.size

    def take(self, most: int) -> Piece | None:
        """The deliveries that wait, `most` at most; None where there is none."""
        if not self._waiting:
            return None
        deliveries: list[Delivery] = []
        size = redelivered = tag = 0
        while self._waiting and len(deliveries) < most:
            run = self._waiting.popleft()
            if len(run.deliveries) > most - len(deliveries):
                run, rest = _split(run, most - len(deliveries))
                self._waiting.appendleft(rest)
            deliveries += run.deliveries
            size += run.size
            redelivered += len(run.deliveries) if run.is_redelivered else 0
            tag = run.last_tag
        self._taken.append((tag, size))
        return Piece(deliveries, Token(self._epoch, tag), redelivered)

    def close(self) -> None:
        """Drop what was not taken, and whatever still comes.

        It must not be acknowledged, and it would be together with anything behind it.
        """
        self._is_closed = True
        self._bytes -= sum(run.size for run in self._waiting)
        self._waiting.clear()

    def acknowledge(self, tag: int) -> bool:
        """Note that everything up to `tag` is acknowledged; False where it was, so that nobody says it twice."""
        if tag <= self._acknowledged:
            return False
        self._acknowledged = tag
        while self._taken and self._taken[0][0] <= tag:
            self._bytes -= self._taken.popleft()[1]
        return True


def _split(run: Run, count: int) -> tuple[Run, Run]:
    """The first `count` deliveries, and the others."""
    first, others = run.deliveries[:count], run.deliveries[count:]
    size = sum(len(delivery.body) for delivery in first)
    return (
        Run(run.last_tag - len(others), first, size, run.is_redelivered),
        Run(run.last_tag, others, run.size - size, run.is_redelivered),
    )
