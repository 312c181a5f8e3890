"""The worker: from the operator's queue to durable rows, acknowledged only then. Read `Worker` top-down.

Owns the order of things: deliveries fill a batch while the batch before is committed; committed is store, then local
state; acknowledged is what was committed. Whatever cannot be made durable now is tried again until it can, and nothing
more is taken meanwhile. Must not know how a source reads, what a message means, or how a store writes.

Every delivery ends in one way of `pipeline.journey`, or is left to the broker, which delivers it again: when its
channel was lost, when it was handed back on purpose, and when the worker ends before it is durable.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from time import time_ns
from typing import NamedTuple

from pipeline.core.backoff import Backoff
from pipeline.core.freshness import newest_arrival
from pipeline.core.timestamps import NS_PER_S
from pipeline.journey import Batch, BatchReport, Journey, OnBatch
from pipeline.meters import Meters
from pipeline.queue_progress import QueueProgress
from pipeline.recording import Recording
from pipeline.self_metrics import SelfMetrics
from pipeline.watch import Watch
from pipeline.wires.source import Source, SourceState, Token
from pipeline.wires.store import Store, StoreUnavailableError
from schemas.row import Row

_LOG = logging.getLogger(__name__)

_PIECE = 500
_TICK_S = 1.0
_LOOK_S = 0.25


class Patience(NamedTuple):
    """How long a worker waits for what.

    `again`        between tries to make a batch durable.
    `hand_back_s`  after so many seconds of trouble, deliveries go back to the queue: RabbitMQ closes the channel of
                   one who does not acknowledge for 30 minutes.
    `metrics_s`    between rows about the worker itself.
    """

    again: Backoff = Backoff(0.5, 15.0)
    hand_back_s: float = 20 * 60.0
    metrics_s: float = 10.0


class BatchLimits(NamedTuple):
    """When a batch is full: `most` deliveries, or `age_s` seconds after its first one."""

    most: int
    age_s: float


class Parts(NamedTuple):
    """What a worker works with, already open; closing is the caller's.

    `thread`  the one in which batches are committed: this worker's, and those of COMMAND_QUEUE.
    `watch`   judges by our clock how this worker does, and is told of every alert.
    `on_batch`  is told of every batch, where somebody looks on.
    `may_take`  whether deliveries may be taken now; until then the source keeps those that come.
    """

    source: Source
    journey: Journey
    store: Store
    meters: Meters
    metrics: SelfMetrics
    thread: ThreadPoolExecutor
    watch: Watch
    recording: Recording | None = None
    on_batch: OnBatch | None = None
    may_take: Callable[[], bool] = lambda: True


class _Load:
    """A batch on its way, with what it takes to acknowledge it."""

    __slots__ = ("batch", "is_recorded", "redelivered", "token")

    def __init__(self) -> None:
        self.batch = Batch()
        self.token: Token | None = None
        self.redelivered = 0
        self.is_recorded = False


class Worker:
    """Works until `stop`."""

    def __init__(self, parts: Parts, limits: BatchLimits, patience: Patience | None = None) -> None:
        """Nothing happens before `run`."""
        self._source, self._journey, self._store, self._meters, self._metrics = parts[:5]
        self._thread, self._watch, self._recording, self._on_batch, self._may_take = parts[5:]
        self._limits = limits
        self._patience = Patience() if patience is None else patience
        self._filled: asyncio.Queue[_Load | None] = asyncio.Queue(maxsize=1)
        self._queue = QueueProgress()
        self._stopping = asyncio.Event()
        self._woken = asyncio.Event()
        self._trouble_since: float | None = None
        self._requests = 0
        self._metrics_at = 0.0

    async def run(self) -> None:
        """Work until `stop`; then finish what is at hand, acknowledge it, and let go of the source."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._source.run())
            tasks.create_task(self._fill_batches())
            await self._commit_batches()
            self._source.stop()

    async def stop(self) -> None:
        """Take nothing more. `run` returns when what is at hand is durable, or cannot be made so now."""
        self._stopping.set()
        self._woken.set()
        self._meters.stopping()
        self._watch.close(time_ns())
        await self._source.cancel()

    def reload(self) -> None:
        """Read secrets again, and try at once what waits."""
        self._thread.submit(self._store.reload)
        self._source.reload()
        self._woken.set()

    async def _fill_batches(self) -> None:
        """Prepare one batch after the other, each while the one before is committed."""
        while not self._stopping.is_set():
            await self._filled.put(await self._fill())
        await self._filled.put(None)

    async def _fill(self) -> _Load:
        """Read deliveries until there are enough, or the first of them is old enough; none within a tick is none."""
        clock = asyncio.get_running_loop().time
        load = _Load()
        due = clock() + _TICK_S
        if not self._may_take():
            await self._pause(_LOOK_S)
        while self._may_take() and not self._stopping.is_set() and len(load.batch.outcomes) < self._limits.most:
            room = self._limits.most - len(load.batch.outcomes)
            piece = await self._source.next_piece(min(room, _PIECE), max(due - clock(), 0))
            if piece is None:
                if clock() >= due:
                    break
                continue
            if load.token is not None and load.token.epoch != piece.token.epoch:
                load = _Load()
            if load.token is None:
                due = clock() + self._limits.age_s
            load.token = piece.token
            load.redelivered += piece.redelivered
            self._journey.read(load.batch, piece.deliveries)
        return load

    async def _pause(self, seconds: float) -> None:
        """Until it is time to stop, at most so long."""
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return

    async def _commit_batches(self) -> None:
        """Make batch after batch durable, and acknowledge it then."""
        while (load := await self._filled.get()) is not None:
            report = await self._make_durable(load)
            if report is None:
                continue
            if load.token is not None:
                self._queue.committed(load.token, newest_arrival(load.batch.outcomes))
                await self._source.acknowledge(load.token)
            if self._source.status.state is SourceState.HANDED_BACK:
                self._source.resume()
        await asyncio.get_running_loop().run_in_executor(self._thread, self._forget_alerts)

    async def _make_durable(self, load: _Load) -> BatchReport | None:
        """Commit a batch, however long it takes; None where there is nothing to commit, or no point in it."""
        failures = 0
        while True:
            status = self._source.status
            self._meters.look(status)
            if load.token is not None and not self._source.is_current(load.token):
                if failures:
                    self._journey.forget_uncommitted()
                return None
            empty = self._queue.look(status) if self._may_take() else None
            empty_at = None if empty is None else empty.right_at
            began = time_ns()
            if not self._stopping.is_set():
                self._watch.look(began)
            metrics, alerts = self._rows_about_us(), self._watch.rows()
            rows = (*metrics, *alerts)
            try:
                loop = asyncio.get_running_loop()
                report = await loop.run_in_executor(self._thread, self._commit, load, began, rows, empty_at)
            except StoreUnavailableError as fault:
                failures += 1
                self._count_requests()
                if self._stopping.is_set():
                    self._give_up(load, fault)
                    return None
                await self._sit_out(fault, failures)
                continue
            if report is None:
                return None
            self._recover()
            stored_at = time_ns()
            self._count_requests()
            self._meters.rejects_kept(*self._journey.rejects_room)
            self._meters.batch_taken(
                report, redelivered=load.redelivered, store_ns=stored_at - began, stored_at=stored_at
            )
            self._watch.written(alerts)
            if metrics:
                self._metrics.written()
            self._watch.tell(report.told)
            if self._on_batch is not None:
                self._on_batch(report)
            return report

    def _commit(self, load: _Load, now: int, rows: Sequence[Row], empty_at: int | None) -> BatchReport | None:
        """In the thread of the store: the recording, the store, the local state, in this order; None for nothing."""
        if empty_at is not None:
            self._journey.queue_was_empty(empty_at)
        if not load.batch.outcomes and not rows and not self._journey.has_news(now):
            return None
        if self._recording is not None and not load.is_recorded:
            self._recording.append(load.batch.deliveries)
            load.is_recorded = True
        self._watch.keep()
        return self._journey.commit(load.batch, now, rows)

    def _forget_alerts(self) -> None:
        """What was raised about this worker has ended with it, and nobody need clear it again."""
        try:
            self._watch.keep()
        except StoreUnavailableError as fault:
            _LOG.warning("the next worker clears its alerts again: %s", fault)

    def _rows_about_us(self) -> Sequence[Row]:
        now = asyncio.get_running_loop().time()
        if now - self._metrics_at < self._patience.metrics_s:
            return ()
        self._metrics_at = now
        return (self._metrics.row(time_ns()),)

    async def _sit_out(self, fault: StoreUnavailableError, failures: int) -> None:
        """Wait before the next try; hand deliveries back before the broker takes them away."""
        now = asyncio.get_running_loop().time()
        if self._trouble_since is None:
            self._trouble_since = now
        self._meters.trouble(str(fault), is_holding=fault.needs_operator)
        delay = self._patience.again.delay_s(failures, random.random())
        if fault.retry_after_ns is not None:
            delay = max(delay, fault.retry_after_ns / NS_PER_S)
        what = "holding" if fault.needs_operator else "the store does not take rows"
        _LOG.warning("%s: %s (nothing is lost; trying again in %.1f s)", what, fault, delay)
        trouble_s = now - self._trouble_since
        if trouble_s > self._patience.hand_back_s and self._source.status.state is SourceState.CONSUMING:
            _LOG.warning("deliveries go back to the queue: nothing could be stored for %.0f s", trouble_s)
            self._source.hand_back(f"waiting for the store: {fault}")
        try:
            async with asyncio.timeout(delay):
                await self._woken.wait()
        except TimeoutError:
            return
        self._woken.clear()

    def _recover(self) -> None:
        if self._trouble_since is not None:
            seconds = asyncio.get_running_loop().time() - self._trouble_since
            _LOG.info("storing again, after %.0f s", seconds)
            self._trouble_since = None
        self._meters.recovered()

    def _count_requests(self) -> None:
        requests = self._store.requests
        self._meters.requests(requests - self._requests)
        self._requests = requests

    def _give_up(self, load: _Load, fault: StoreUnavailableError) -> None:
        count = len(load.batch.outcomes)
        if count:
            _LOG.warning("%d deliveries stay in the queue, since they could not be stored: %s", count, fault)
