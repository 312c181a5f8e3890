"""Copies of commands: what others send, from COMMAND_QUEUE to the tracker.

Owns the loop: read, make durable, acknowledge; and that copies go where the answers go. Must not know how a source
reads, or what a copy means. Its queue says nothing about how far the operator's is read, so it never moves the
watermark.

Anybody may consume COMMAND_QUEUE, and only one the operator's queue. Whoever does not consume that must leave copies
alone: a command that is learnt here, and answered there, would time out here and be nobody's there.
"""

import asyncio
import logging
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import time_ns

from pipeline.core.backoff import Backoff
from pipeline.journey import Batch, Journey, OnBatch
from pipeline.meters import Meters
from pipeline.wires.source import Piece, Source, SourceState
from pipeline.wires.store import StoreUnavailableError

_LOG = logging.getLogger(__name__)
_NOT_OURS = "the operator's queue is not consumed here"
_AT_ONCE = 1_000
_TICK_S = 0.25
_PATIENCE_S = 60.0


class CommandCopies:
    """Works until `stop`."""

    def __init__(
        self,
        source: Source,
        journey: Journey,
        meters: Meters,
        thread: ThreadPoolExecutor,
        on_batch: OnBatch,
        is_consuming: Callable[[], bool],
        again: Backoff | None = None,
        patience_s: float = _PATIENCE_S,
    ) -> None:
        """`thread` is the one in which the worker commits its batches: one write is in flight at a time.

        `on_batch` is told of every batch: a copy that comes late may raise an alert. `is_consuming` says whether this
        worker consumes the operator's queue just now; `patience_s` is for `is_level`.
        """
        self._source = source
        self._journey = journey
        self._meters = meters
        self._thread = thread
        self._on_batch = on_batch
        self._is_consuming = is_consuming
        self._again = Backoff(0.5, 15.0) if again is None else again
        self._patience_s = patience_s
        self._stopping = asyncio.Event()
        self._is_reading = False
        self._is_level = False
        self._began = 0.0

    async def run(self) -> None:
        """Work until `stop`; then finish what is at hand."""
        self._source.hand_back(_NOT_OURS)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._source.run())
            while not self._stopping.is_set():
                self._follow()
                piece = await self._source.next_piece(_AT_ONCE, _TICK_S)
                if piece is not None and await self._make_durable(piece):
                    await self._source.acknowledge(piece.token)
                self._look()
            self._source.stop()

    def is_level(self) -> bool:
        """Whether every copy that waited when the operator's queue became ours is durable, or that took too long.

        Nothing is read of the operator's queue before: a command that is learnt hours behind the watermark is too old
        to be followed.
        """
        return self._is_level

    async def stop(self) -> None:
        """Take nothing more. `run` returns when what is at hand is durable, or cannot be made so now."""
        self._stopping.set()
        self._is_level = True
        await self._source.cancel()

    def _follow(self) -> None:
        """Read where the operator's queue is read, and give back what is here where it no longer is."""
        is_consuming = self._is_consuming()
        if is_consuming and not self._is_reading:
            self._began = asyncio.get_running_loop().time()
            self._source.resume()
        elif self._is_reading and not is_consuming:
            self._is_level = False
            self._source.hand_back(_NOT_OURS)
        self._is_reading = is_consuming

    def _look(self) -> None:
        if self._is_level or not self._is_reading:
            return
        status = self._source.status
        if status.state is SourceState.CONSUMING and not status.backlog and not status.unacknowledged:
            self._is_level = True
        elif asyncio.get_running_loop().time() - self._began > self._patience_s:
            _LOG.warning("going on without all copies of commands: some may be learnt too late to be followed")
            self._is_level = True

    async def _make_durable(self, piece: Piece) -> bool:
        """Commit some copies, however long it takes; False where there is no point in it any more."""
        batch = Batch()
        self._journey.read(batch, piece.deliveries)
        loop = asyncio.get_running_loop()
        failures = 0
        while self._source.is_current(piece.token) and self._is_consuming():
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
            # Meanwhile the operator's queue may have gone to somebody else, who needs this copy; rows can come twice.
            return self._is_consuming()
        if failures:
            self._journey.forget_uncommitted()
        return False

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return
