"""Presence: whether this worker has the operator's queue, so that the answers to its commands come to it.

Owns who may send when, and in which words it is refused. Must not know how a queue is read, or how a command is sent.

A short pause keeps nobody from sending: the queue keeps the answers, and the worker reads them when it is back. After a
long one nobody knows who has the queue, and whoever waits for an answer would wait in vain.
"""

import asyncio
from collections.abc import Callable, Mapping
from types import MappingProxyType

from pipeline.wires.source import Source, SourceState

PAUSE_S = 60.0
"""How long a worker that has consumed may be without its queue, and still send."""

_LOOK_S = 0.25
_WORDS: Mapping[SourceState, str] = MappingProxyType(
    {
        SourceState.STANDBY: "this worker stands by; send through the one that consumes",
        SourceState.HANDED_BACK: "this worker has given its messages back, and would not see the answer: {}",
        SourceState.CONNECTING: "this worker does not consume, and would not see the answer: {}",
        SourceState.STOPPED: "this worker is ending",
    }
)


class Presence:
    """For one source and one event loop."""

    def __init__(self, source: Source, now: Callable[[], float]) -> None:
        """Has not consumed yet. `now` is a clock in seconds that never goes back."""
        self._source = source
        self._now = now
        self._consumed_at: float | None = None

    async def run(self) -> None:
        """Look often, until cancelled."""
        while True:
            self._look()
            await asyncio.sleep(_LOOK_S)

    def is_consuming(self) -> bool:
        """Whether it consumes just now."""
        return self._source.status.state is SourceState.CONSUMING

    def why_not(self) -> str:
        """Why no command may be sent now; empty where one may."""
        self._look()
        if self._consumed_at is not None and self._now() - self._consumed_at <= PAUSE_S:
            return ""
        status = self._source.status
        return _WORDS[status.state].format(status.words)

    def _look(self) -> None:
        state = self._source.status.state
        if state is SourceState.CONSUMING:
            self._consumed_at = self._now()
        elif state is not SourceState.CONNECTING:
            self._consumed_at = None
