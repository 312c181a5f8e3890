"""Who looks on while a worker works: a board that is told of every batch, and shown every second.

Owns the clocks that the board is fed with, and when it is shown. Must not know how a board looks, or how a worker
works. It takes nothing from anybody: it is called when a batch is durable, in the loop of the worker.
"""

import asyncio
from collections.abc import Callable, Sequence
from time import monotonic_ns, time_ns

from pipeline.board_state import Board, Snapshot
from pipeline.journey import BatchReport
from schemas.alert import Alert

Show = Callable[[Snapshot, str], None]
"""Given a snapshot, and how the worker is in words. Must return at once, and raise nothing."""

_FRAME_S = 1.0


class Onlooker:
    """For one event loop. `close` may be called twice."""

    def __init__(self, board: Board, show: Show, close: Callable[[], None]) -> None:
        """`close` gives back what `show` shows on."""
        self._board = board
        self._show = show
        self.close = close

    def begin(self, active: Sequence[Alert]) -> None:
        """Work begins; these alerts are raised already."""
        self._board.go_on_from(active)

    def batch(self, report: BatchReport) -> None:
        """A batch is durable."""
        self._board.take(report, time_ns(), monotonic_ns())

    def alerts(self, edges: Sequence[Alert]) -> None:
        """People are told of alerts."""
        self._board.take_alerts(edges)

    async def run(self, words: Callable[[], str]) -> None:
        """Show the board until cancelled; `words` says how the worker is."""
        while True:
            self._show(self._board.snapshot(time_ns(), monotonic_ns()), words())
            await asyncio.sleep(_FRAME_S)
