"""The table of `run_cost`: from what each life of each contender took to one line for each contender.

Owns the arithmetic and the layout. Must not know how anything was measured.
"""

from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import NamedTuple

US_PER_S = 1_000_000
MIB = 1 << 20

HEADING = (
    f"{'':36} {'messages/s':>24} {'of raw':>6} {'times usual':>11} {'CPU µs/message':>22} {'usual/CPU':>9} "
    f"{'broker µs':>9} {'InfluxDB µs':>11} {'peak MiB':>8}"
)


class Life(NamedTuple):
    """What a contender took for `messages`.

    `idle_cpu_s`    CPU seconds of a life with an empty queue: starting, connecting, ending.
    `cpu_s`         CPU seconds of the life that took the messages, all in all.
    `wall_s`        seconds from the first message that left the queue until the last one was acknowledged, and stored.
    `peak_bytes`    its memory at its peak.
    `broker_cpu_s`  CPU seconds of the broker meanwhile, `influxdb_cpu_s` of InfluxDB, and `kafka_cpu_s` of Kafka.
    """

    messages: int
    idle_cpu_s: float
    cpu_s: float
    wall_s: float
    peak_bytes: int
    broker_cpu_s: float = 0.0
    influxdb_cpu_s: float = 0.0
    kafka_cpu_s: float = 0.0

    @property
    def cpu_us(self) -> float:
        """CPU microseconds a message, start and end not counted."""
        return (self.cpu_s - self.idle_cpu_s) / self.messages * US_PER_S

    @property
    def rate(self) -> float:
        """Messages a second."""
        return self.messages / self.wall_s


def table(lives: Mapping[str, Sequence[Life]], usual: str, limit: str) -> str:
    """Medians and, in brackets, extremes of each contender; `usual` and `limit` are those that ratios are to.

    Ratios are of medians; one that was not in the run has none.
    """
    usual_cost, usual_rate = (
        _median(lives, usual, lambda life: life.cpu_us),
        _median(lives, usual, lambda life: life.rate),
    )
    limit_rate = _median(lives, limit, lambda life: life.rate)
    lines = [HEADING]
    for name, of_contender in lives.items():
        costs = [life.cpu_us for life in of_contender]
        rates = [life.rate for life in of_contender]
        broker = median(life.broker_cpu_s / life.messages for life in of_contender) * US_PER_S
        influxdb = median(life.influxdb_cpu_s / life.messages for life in of_contender) * US_PER_S
        peak = median(life.peak_bytes for life in of_contender) / MIB
        of_limit, of_usual = _ratio(median(rates), limit_rate), _ratio(median(rates), usual_rate)
        cheaper = _ratio(usual_cost, median(costs))
        lines.append(
            f"{name:36} {spread(rates, ',.0f'):>24} {of_limit:>6} {of_usual:>11} {spread(costs, '.1f'):>22} "
            f"{cheaper:>9} {broker:9.1f} {influxdb:11.1f} {peak:8.0f}"
        )
    return "\n".join(lines)


def _median(lives: Mapping[str, Sequence[Life]], name: str, of: Callable[[Life], float]) -> float | None:
    return median(map(of, lives[name])) if lives.get(name) else None


def _ratio(value: float | None, to: float | None) -> str:
    return f"{value / to:.2f}" if value and to else "-"


def spread(values: Sequence[float], form: str) -> str:
    """Median and, in brackets, extremes."""
    return f"{median(values):{form}} ({min(values):{form}}-{max(values):{form}})"
