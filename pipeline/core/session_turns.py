"""Turns of sessions: which chargers are read in a round, and which later.

Owns when a charger is read again. Pure: time is the watermark, in nanoseconds. Must not know what is read, or rows.

To read a charger costs in proportion to what is remembered of it. One whose mode flaps every second would have
thousands of sessions read again in each round, at the cost of all others: so a charger of which more than _MOST_AT_ONCE
facts are remembered waits in proportion to them, which makes what it costs a second the same however long it goes on.
Who waits is not kept; after a restart, whoever has so many facts waits again.
"""

from collections.abc import Callable, Iterable
from heapq import heappop, heappush

from pipeline.core.timestamps import NS_PER_S

_MOST_AT_ONCE = 256
"""A charger that is well says a few dozen in the time that is remembered."""

_WAIT_PER_FACT_NS = NS_PER_S // 64
_LONGEST_WAIT_NS = 600 * NS_PER_S


class SessionTurns:
    """See above. For one thread at a time."""

    def __init__(self, facts_of: Callable[[str], int]) -> None:
        """Nobody is to be read. How many facts are remembered of a charger is asked of `facts_of`."""
        self._facts_of = facts_of
        self._now: set[str] = set()
        self._due: list[tuple[int, str]] = []
        self._is_due: set[tuple[int, str]] = set()
        self._waiting: dict[str, int] = {}

    def ask(self, serial: str, since: int) -> None:
        """A charger is to be read since a moment: now, or, where there is much to read, a while after it."""
        facts = self._facts_of(serial)
        if facts <= _MOST_AT_ONCE:
            self._now.add(serial)
        elif serial not in self._waiting:
            self._waiting[serial] = since + min(facts * _WAIT_PER_FACT_NS, _LONGEST_WAIT_NS)
            self.ask_at(serial, self._waiting[serial])

    def restore(self, serials: Iterable[str], watermark: int) -> None:
        """Whoever has much to read may have waited when this ended."""
        for serial in serials:
            if self._facts_of(serial) > _MOST_AT_ONCE:
                self.ask(serial, watermark)

    def ask_now(self, serial: str) -> None:
        """A charger is to be read now, whatever it costs."""
        self._now.add(serial)

    def ask_at(self, serial: str, at: int) -> None:
        """A charger is to be read when the watermark comes to a moment."""
        due = (at, serial)
        if due not in self._is_due:
            self._is_due.add(due)
            heappush(self._due, due)

    def take(self, watermark: int) -> set[str]:
        """Who is to be read now; they are not asked for any more."""
        while self._due and self._due[0][0] <= watermark:
            due = heappop(self._due)
            self._is_due.discard(due)
            at, serial = due
            if self._waiting.get(serial) == at:
                del self._waiting[serial]
                self._now.add(serial)
            else:
                # Not since the watermark: it may have come a long way, and this be the last round.
                self.ask(serial, at)
        taken, self._now = self._now, set()
        return taken

    def is_waiting(self, serial: str) -> bool:
        """Whether a charger is to be read, and waits, for there is much to read."""
        return serial in self._waiting
