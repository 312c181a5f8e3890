"""Copies of commands: what others send, from COMMAND_QUEUE to the tracker.

Owns the loop: read, make durable, acknowledge. Must not know how a source reads, or what a copy means. Its queue says
nothing about how far the operator's is read, so it never moves the watermark.
"""

import asyncio
import logging
import random
from concurrent.futures import ThreadPoolExecutor
from time import time_ns

from pipeline.core.backoff import Backoff
from pipeline.journey import Batch, Journey, OnBatch
from pipeline.meters import Meters
from pipeline.wires.source import Piece, Source, SourceState
from pipeline.wires.store import StoreUnavailableError

_LOG = logging.getLogger(__name__)
_AT_ONCE = 1_000
_TICK_S = 1.0


class CommandCopies:
    """Works until `stop`."""

    def __init__(
        self,
        source: Source,
        journey: Journey,
        meters: Meters,
        thread: ThreadPoolExecutor,
        on_batch: OnBatch,
        again: Backoff | None = None,
    ) -> None:
        """`thread` is the one in which the worker commits its batches: one write is in flight at a time.

        `on_batch` is told of every batch: a copy that comes late may raise an alert.
        """
        self._source = source
        self._journey = journey
        self._meters = meters
        self._thread = thread
        self._on_batch = on_batch
        self._again = Backoff(0.5, 15.0) if again is None else again
        self._stopping = asyncio.Event()
        self._caught_up = asyncio.Event()

    async def run(self) -> None:
        """Work until `stop`; then finish what is at hand."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._source.run())
            while not self._stopping.is_set():
                piece = await self._source.next_piece(_AT_ONCE, _TICK_S)
                if piece is not None and await self._make_durable(piece):
                    await self._source.acknowledge(piece.token)
                self._look()
            self._source.stop()

    async def caught_up(self, patience_s: float) -> bool:
        """Wait until every copy that waited is durable; False where that took too long.

        Whoever reads the operator's queue after a long absence waits for it: a command that is learnt hours behind the
        watermark is too old to be followed.
        """
        try:
            async with asyncio.timeout(patience_s):
                await self._caught_up.wait()
        except TimeoutError:
            return False
        return True

    async def stop(self) -> None:
        """Take nothing more. `run` returns when what is at hand is durable, or cannot be made so now."""
        self._stopping.set()
        self._caught_up.set()
        await self._source.cancel()

    def _look(self) -> None:
        status = self._source.status
        if status.state is SourceState.CONSUMING and not status.backlog and not status.unacknowledged:
            self._caught_up.set()

    async def _make_durable(self, piece: Piece) -> bool:
        """Commit some copies, however long it takes; False where there is no point in it any more."""
        batch = Batch()
        self._journey.read(batch, piece.deliveries)
        loop = asyncio.get_running_loop()
        failures = 0
        while self._source.is_current(piece.token):
            began = time_ns()
            try:
                report = await loop.run_in_executor(self._thread, self._journey.commit_copies, batch, began)
            except StoreUnavailableError as fault:
                failures += 1
                if self._stopping.is_set():
                    return False
                _LOG.warning("copies of commands wait: %s", fault)
                await self._sleep(self._again.delay_s(failures, random.random()))
                continue
            stored_at = time_ns()
            self._meters.copies_taken(
                report, redelivered=piece.redelivered, store_ns=stored_at - began, stored_at=stored_at
            )
            self._on_batch(report)
            return True
        if failures:
            self._journey.forget_uncommitted()
        return False

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return
