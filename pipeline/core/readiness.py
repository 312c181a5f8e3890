"""Readiness: whether a worker does its work, as its meters say.

Owns the conditions and their words. Must not know who asks, or the present time.
"""

from collections.abc import Sequence
from typing import NamedTuple

from pipeline.core.timestamps import NS_PER_S
from schemas.meters import Gauges, WorkerState

STORE_SILENT_NS = 30 * NS_PER_S
"""A store that made nothing durable for so long does not answer: a worker writes a row of its own every 10 s."""

CONSUMING = "consuming"
"""The words of a worker that reads its queue."""


class Condition(NamedTuple):
    """One thing that must be so, whether it is, and what is known about it."""

    name: str
    is_met: bool
    words: str


def judge_readiness(gauges: Gauges, now: int) -> Sequence[Condition]:
    """Every condition at `now`, nanoseconds since the epoch, our clock; a worker is ready where all are met."""
    return (_broker(gauges), _store(gauges, now), _holding(gauges))


def _broker(gauges: Gauges) -> Condition:
    if gauges.state is WorkerState.STOPPING:
        return Condition("broker", is_met=False, words="the worker is stopping")
    if gauges.is_connected:
        return Condition("broker", is_met=True, words=CONSUMING if gauges.is_consuming else "standing by")
    words = gauges.words if gauges.state is WorkerState.CONNECTING else ""
    return Condition("broker", is_met=False, words=f"not connected: {words}" if words else "not connected")


def _store(gauges: Gauges, now: int) -> Condition:
    answered_at = gauges.store_answered_at
    if answered_at is None:
        return Condition("store", is_met=False, words="the store has not answered yet")
    silent_ns = now - answered_at
    words = f"the store answered {max(silent_ns, 0) / NS_PER_S:.0f} s ago"
    # A time far ahead is of a clock that was set back: it says nothing.
    return Condition("store", is_met=abs(silent_ns) <= STORE_SILENT_NS, words=words)


def _holding(gauges: Gauges) -> Condition:
    if gauges.state is WorkerState.HOLDING:
        return Condition("not_holding", is_met=False, words=f"holding: {gauges.words}")
    return Condition("not_holding", is_met=True, words="nothing waits for an operator")
