"""The trusted clock: our wall clock, as far as it is to be believed when somebody sets it.

Owns which of two readings of our clock is the right one. Pure: every moment is told. Must not know queues, or what is
made of a moment.

By an hour ahead, everything would have timed out. So time goes on by a clock that only counts, from what the wall clock
showed when it was right: at first, that is believed. Once it shows something else it was set, to a right time or to a
wrong one, and messages tell which: by the right clock one was on its way from its ArrivalTime for less than by one that
is ahead, and by one that is behind it came before it was sent. Three in a row must say so. Until then, and where none
comes, the counting goes on.

Where no message ever bore an ArrivalTime nobody can tell, and the wall clock is taken as it is.
"""

from typing import NamedTuple

from pipeline.core.watermark import AHEAD_NS

STEP_NS = 10**9
"""A wall clock that moves this much against the one that counts was set; what is less is its being put right."""
_IN_A_ROW = 3


class Arrival(NamedTuple):
    """When a message reached the cloud, by its clock, and when us, by our wall clock; nanoseconds since the epoch."""

    at: int
    received_at: int

    @property
    def can_be_believed(self) -> bool:
        """One that is far ahead of its receipt is of a wrong clock, the cloud's or ours."""
        return self.at <= self.received_at + AHEAD_NS


class TrustedClock:
    """See above. An offset is how much more the wall clock shows than the one that counts, nanoseconds."""

    __slots__ = ("_has_arrivals", "_in_a_row", "_trusted")

    def __init__(self) -> None:
        """Nothing was read yet."""
        self._trusted: int | None = None
        self._has_arrivals = False
        self._in_a_row = 0

    def read(self, offset: int) -> None:
        """The wall clock shows so much more now."""
        if self._trusted is None or not self._has_arrivals or abs(offset - self._trusted) <= STEP_NS:
            self._trusted = offset

    def see(self, arrival: Arrival, offset: int) -> None:
        """A message came when the wall clock showed so much more, for certain."""
        self._has_arrivals = True
        if self._trusted is None or abs(offset - self._trusted) <= STEP_NS:
            self._in_a_row = 0
            return
        by_trusted = arrival._replace(received_at=arrival.received_at - offset + self._trusted)
        was_set_right = arrival.can_be_believed and (
            not by_trusted.can_be_believed or arrival.received_at < by_trusted.received_at
        )
        self._in_a_row = self._in_a_row + 1 if was_set_right else 0
        if self._in_a_row >= _IN_A_ROW:
            self._trusted, self._in_a_row = offset, 0

    def moment(self, at: int, counted_at: int) -> int:
        """What a right wall clock shows when ours shows `at`, and the one that counts `counted_at`."""
        return at if self._trusted is None else counted_at + self._trusted
