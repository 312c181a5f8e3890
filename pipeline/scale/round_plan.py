"""When rounds of the tracker's partitions are due.

Owns how seldom they are, so that many messages share one, and that all of them together take only a share of the time.
Must not know what is done in a round. Moments are those of `time.monotonic`, in seconds, and are given.
"""

from typing import NamedTuple

_SMOOTH = 8


class TrackPatience(NamedTuple):
    """How long a tracker waits for what, in seconds.

    `round_s`    at least between rounds of one partition, so that many messages share one.
    `share`      of the time that rounds may take at most: where they take long, they are made more seldom.
    `session_s`  one that is not heard of for so long loses its partitions.
    `most_bytes` of messages that are not done with, in one partition: more are not left for the next round.
    """

    round_s: float = 0.1
    share: float = 0.125
    session_s: float = 10.0
    most_bytes: int = 16 << 20

    @property
    def give_up_s(self) -> float:
        """What is not confirmed after so long is not sent any more: nobody else has its partition yet."""
        return self.session_s / 2


class RoundPlan:
    """For all partitions of one tracker."""

    def __init__(self, patience: TrackPatience) -> None:
        """Every partition is due."""
        self._patience = patience
        self._due: dict[int, float] = {}
        self._took_s = 0.0

    def is_due(self, partition: int, size: int, now: float) -> bool:
        """Whether this partition's round is due now, with so many bytes of messages that wait for it."""
        return size > self._patience.most_bytes or now >= self._due.get(partition, 0.0)

    def made(self, partition: int, took_s: float, partitions: int, now: float) -> None:
        """A round of this partition, one of so many, took so long."""
        self._took_s += (took_s - self._took_s) / _SMOOTH
        pause_s = self._took_s * max(partitions, 1) / self._patience.share
        self._due[partition] = now + max(self._patience.round_s, min(pause_s, self._patience.session_s))
