"""Whether this process was held still: stopped by a signal, starved, or on a machine that slept.

Owns the clocks that tell. Must not know what is wrong with having been held still. Somebody has to look often.
"""

import time

from pipeline.core.timestamps import NS_PER_S
from pipeline.wires.counting_clock import counted_ns


class HeldStill:
    """For whoever looks again and again."""

    def __init__(self) -> None:
        """Now it runs."""
        self._alive_at, self._worked_s = counted_ns(), time.process_time()

    def seconds(self) -> float:
        """For so long it did nothing since the last look, or less: what it worked meanwhile does not count."""
        alive_at, worked_s = counted_ns(), time.process_time()
        passed_s, own_s = (alive_at - self._alive_at) / NS_PER_S, worked_s - self._worked_s
        self._alive_at, self._worked_s = alive_at, worked_s
        return passed_s - own_s
