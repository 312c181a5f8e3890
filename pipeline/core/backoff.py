"""Backoff: how long to wait after failures in a row.

Owns the curve. Must not know what failed, or draw random numbers itself.
"""

from typing import NamedTuple

_MOST_DOUBLINGS = 32


class Backoff(NamedTuple):
    """From `first_s` seconds, doubled with every failure, up to `most_s`."""

    first_s: float
    most_s: float

    def delay_s(self, failures: int, draw: float) -> float:
        """Seconds to wait after the `failures`-th failure in a row, counted from 1.

        `draw`, from 0 to 1, spreads it over the upper half, so that many who failed together do not return together.
        """
        ceiling = min(self.first_s * 2.0 ** min(max(failures, 1) - 1, _MOST_DOUBLINGS), self.most_s)
        return ceiling * (1 + draw) / 2
