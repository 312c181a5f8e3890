"""The table of `run_cost`: from what each life of each contender took to one line for each contender.

Owns the arithmetic and the layout. Must not know how anything was measured.
"""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import NamedTuple

US_PER_S = 1_000_000
MIB = 1 << 20

HEADING = f"{'':42} {'CPU µs/message':>26} {'ratio':>6} {'messages/s':>26} {'peak MiB':>9}"


class Life(NamedTuple):
    """What a contender took for `messages`.

    `idle_cpu_s`  CPU seconds of a life with an empty queue: starting, connecting, ending.
    `cpu_s`       CPU seconds of the life that took the messages, all in all.
    `wall_s`      seconds from the first delivery until the store had the last row.
    `peak_bytes`  its memory at its peak.
    """

    messages: int
    idle_cpu_s: float
    cpu_s: float
    wall_s: float
    peak_bytes: int

    @property
    def cpu_us(self) -> float:
        """CPU microseconds a message, start and end not counted."""
        return (self.cpu_s - self.idle_cpu_s) / self.messages * US_PER_S

    @property
    def rate(self) -> float:
        """Messages a second."""
        return self.messages / self.wall_s


def table(lives: Mapping[str, Sequence[Life]]) -> str:
    """Medians and, in brackets, extremes of each contender; ratios are to the first contender's median."""
    usual = median(life.cpu_us for life in next(iter(lives.values())))
    lines = [HEADING]
    for name, of_contender in lives.items():
        costs = [life.cpu_us for life in of_contender]
        rates = [life.rate for life in of_contender]
        peak = median(life.peak_bytes for life in of_contender) / MIB
        cost, rate = _spread(costs, ".1f"), _spread(rates, ",.0f")
        lines.append(f"{name:42} {cost:>26} {median(costs) / usual:6.2f} {rate:>26} {peak:9.0f}")
    return "\n".join(lines)


def _spread(values: Sequence[float], form: str) -> str:
    return f"{median(values):{form}} ({min(values):{form}} to {max(values):{form}})"
