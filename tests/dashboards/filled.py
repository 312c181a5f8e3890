"""Queries with everything filled in that Grafana fills in: the time range, the interval, the variables.

Owns what stands in place of each `$`, as Grafana's InfluxQL data source writes it. Must not know a server.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from tests.dashboards.boards import Query

ALL = ".*"
MOST_POINTS = 1_000
_NS_PER_MS = 1_000_000
_LADDER_S = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400)
_UNIT_S = MappingProxyType({"s": 1, "m": 60, "h": 3_600, "d": 86_400})
_LEFT = re.compile(r"\$\w+")


class Range(NamedTuple):
    """A time range, nanoseconds since the epoch, both ends included."""

    begin: int
    end: int


def fill_in(query: Query, span: Range, variables: Mapping[str, str]) -> str:
    """The query as a server gets it. Raises ValueError where a `$` is left that nothing stands for."""
    interval_s = interval_of(span, query.min_interval)
    begin, end = span.begin // _NS_PER_MS, span.end // _NS_PER_MS
    values = {
        "timeFilter": f"time >= {begin}ms and time <= {end}ms",
        "__interval_ms": str(interval_s * 1_000),
        "__interval": f"{interval_s}s",
        **variables,
    }
    filled = query.influxql
    for name in sorted(values, key=len, reverse=True):
        filled = filled.replace(f"${name}", values[name])
    # What is left of a $ is the end of a pattern.
    if left := _LEFT.findall(filled):
        raise ValueError(f"{query.where}: nothing stands for {', '.join(left)}")
    return filled


def interval_of(span: Range, smallest: str) -> int:
    """`$__interval` in seconds: a round one that gives no more than MOST_POINTS, and not below the panel's own."""
    least = int(smallest[:-1]) * _UNIT_S[smallest[-1]] if smallest else 1
    needed = (span.end - span.begin) / 1e9 / MOST_POINTS
    return max(least, next((step for step in _LADDER_S if step >= needed), _LADDER_S[-1]))


def one_of(*values: str) -> str:
    """Several chosen values of a variable, inside a pattern."""
    return f"({'|'.join(map(re.escape, values))})"
