"""Recovery: how it shows that processes are at work again, and how far they, and those who talk to them, have come.

Owns what counts as being back. Must not know what befell anybody, or how long one waits.
"""

import re
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from tests.torture.folder import MESSAGES
from tests.torture.tortured import Tortured

IDLE_S = 15.0
"""Longer than a group at Kafka takes to give out its partitions, and a role to tell what waits in them."""
SAID_AT = re.compile(rb'^\{"n":\d+,"t":(\d+),', re.MULTILINE)


class Progress:
    """How far a process has come over all its lives, by its own word."""

    def __init__(self, worker: Tortured) -> None:
        self._worker = worker
        self._lives = worker.lives
        self._last = worker.delivered() or 0.0
        self.delivered = 0.0

    def look(self) -> float:
        """Deliveries made durable since this was made."""
        now = self._worker.delivered()
        if now is not None:
            if self._worker.lives != self._lives or now < self._last:
                self._lives, self._last = self._worker.lives, 0.0
            self.delivered += now - self._last
            self._last = now
        return self.delivered


class Stored:
    """How far all that write to the store have come together."""

    def __init__(self, parts: Iterable[Tortured]) -> None:
        self._each = [Progress(part) for part in parts if part.stores]
        self.delivered = 0.0

    def look(self) -> float:
        """Deliveries made durable since this was made."""
        self.delivered = sum(each.look() for each in self._each)
        return self.delivered


class AtWork:
    """Whether each of some processes is back: it is ready by its own word, and made deliveries durable since this.

    What it counts itself tells: a bridge counts what Kafka confirmed, `track` the messages of its finished rounds, who
    writes what is in the store. One of those that others leave no partition of Kafka has nothing to count: it is back
    when it has been ready and without any for a while. Bridges share the queue, and the broker gives to each of them.
    """

    def __init__(self, parts: Iterable[Tortured], now: Callable[[], float] = time.monotonic) -> None:
        self._away = [(part, Progress(part)) for part in parts]
        self._idle_since: dict[str, float] = {}
        self._now = now

    def look(self) -> bool:
        """Whether all are; whoever was once is asked no more."""
        self._away = [(part, progress) for part, progress in self._away if not self._is_back(part, progress)]
        return not self._away

    def _is_back(self, part: Tortured, progress: Progress) -> bool:
        if not part.is_ready():
            self._idle_since.pop(part.name, None)
            return False
        if progress.look() > 0:
            return True
        if not part.has_no_partition():
            self._idle_since.pop(part.name, None)
            return False
        return self._now() - self._idle_since.setdefault(part.name, self._now()) >= IDLE_S


class Said:
    """How many messages of after a moment, nanoseconds, were published; those that waited till then do not count."""

    def __init__(self, folder: Path, moment: int) -> None:
        self._journal = folder / MESSAGES
        self._moment = moment
        self._place = self._journal.stat().st_size
        self._count = 0

    def look(self) -> int:
        with self._journal.open("rb") as journal:
            journal.seek(self._place)
            new = journal.read()
        end = new.rfind(b"\n") + 1
        self._place += end
        self._count += sum(int(at) > self._moment for at in SAID_AT.findall(new, 0, end))
        return self._count
