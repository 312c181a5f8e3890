"""A clock that only counts: nobody sets it, and it goes on while the machine sleeps.

Owns which of the system's clocks that is. Must not know what is measured by it.
"""

import time

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""The first is there on Linux alone; the second stands still while the machine sleeps."""


def counted_ns() -> int:
    """Nanoseconds since some moment, the same for as long as the machine runs."""
    return time.clock_gettime_ns(_CLOCK)
