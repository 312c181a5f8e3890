"""The role `write`: a writer that works until it is stopped, and what it tells of itself meanwhile.

Owns rounds, pauses after failures, meters, and the rows about this process. Must not know in which order a message
becomes durable (`pipeline.scale.write`).
"""

import asyncio
import logging
import random
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from time import time_ns
from typing import NamedTuple, TypeVar

from pipeline.core.backoff import Backoff
from pipeline.core.timestamps import NS_PER_S
from pipeline.meters import Meters
from pipeline.scale.trouble import KAFKA_IS_NOT_WELL
from pipeline.scale.write import Trouble, Writer
from pipeline.self_metrics import SelfMetrics
from pipeline.wires.kafka_fault import KafkaUnavailableError
from pipeline.wires.kafka_silence import Partition
from pipeline.wires.source import SourceState, SourceStatus
from pipeline.wires.store import Store, StoreUnavailableError
from schemas.meters import KafkaStatus

_LOG = logging.getLogger(__name__)

_LOOK_S = 1.0
_ASK_S = 5.0
_PROBE_S = 10.0
_Result = TypeVar("_Result")


class RolePatience(NamedTuple):
    """How long the role waits for what, in seconds: `again` after failures, `metrics_s` between rows about itself."""

    again: Backoff = Backoff(0.5, 15.0)
    metrics_s: float = 10.0


class WriteRole:
    """See Role."""

    def __init__(
        self,
        writer: Writer,
        store: Store,
        store_thread: ThreadPoolExecutor,
        meters: Meters,
        metrics: SelfMetrics,
        patience: RolePatience | None = None,
    ) -> None:
        """Nothing happens before `run`. `store` is what the writer writes to, in `store_thread`."""
        self._writer, self._store, self._store_thread = writer, store, store_thread
        self._meters, self._metrics = meters, metrics
        self._patience = RolePatience() if patience is None else patience
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="kafka")
        self._stopping = asyncio.Event()
        self._woken = asyncio.Event()
        self._is_to_rejoin = False
        self._silence: KafkaUnavailableError | None = None
        self._stuck: Trouble | None = None
        self._failures = 0
        self._trouble_since: float | None = None
        self._again_at = self._looked_at = self._heard_at = self._metrics_at = 0.0
        self._requests = self._joins = 0
        self._spans: Mapping[Partition, tuple[int, int]] = {}

    async def run(self) -> None:
        """See Role."""
        while not (self._stopping.is_set() and self._writer.consumer is None):
            if self._writer.consumer is None:
                await self._join()
            else:
                await self._round()
        self._thread.shutdown(wait=False)
        self._store_thread.shutdown(wait=False)

    async def stop(self) -> None:
        """See Role."""
        self._meters.stopping()
        self._again_at = 0.0
        self._stopping.set()
        self._woken.set()

    def reload(self) -> None:
        """See Role. A Kafka that is in trouble is joined anew, with its options as they are now."""
        self._store_thread.submit(self._store.reload)
        self._is_to_rejoin = self._doubts_kafka
        self._again_at = 0.0
        self._woken.set()

    async def _join(self) -> None:
        """Become one of the group, or wait before the next try."""
        self._look()
        if self._failures:
            await self._wait(self._again_at - self._now())
        try:
            await self._in_thread(self._writer.join)
        except KafkaUnavailableError as fault:
            self._sit_out(fault, self._silence)
            self._silence = fault
            return
        self._joins += 1
        self._heard_at = self._now()
        self._kafka_is_well()

    async def _round(self) -> None:
        """Let the writer do what it can, and tell of it."""
        now = self._now()
        is_stopping = self._stopping.is_set()
        if now - self._metrics_at >= self._patience.metrics_s and not is_stopping:
            self._metrics_at = now
            self._writer.say(self._metrics.row(time_ns()))
        may_try = now >= self._again_at
        in_flight = self._writer.in_flight
        await self._in_thread(lambda: self._writer.round(may_try=may_try, is_stopping=is_stopping))
        has_written = self._tell_of_written()
        if self._writer.in_flight > in_flight:
            self._heard_at = self._now()
            self._kafka_is_well()
        self._judge(has_written=has_written)
        has_failed = self._writer.fault is not None or self._writer.stall is not None
        await self._look_at_kafka()
        self._look()
        if self._is_to_leave(has_failed=has_failed):
            await self._in_thread(self._writer.leave)

    def _judge(self, *, has_written: bool) -> None:
        """What the writer could not do is trouble until it has done it, whatever else works meanwhile."""
        fault, stall = self._writer.fault, self._writer.stall
        if fault is not None:
            self._sit_out(fault, self._stuck)
            self._stuck = fault
        elif has_written and self._stuck is not None:
            self._stuck = None
            self._recover()
        elif stall is not None and str(stall) != str(self._stuck):
            self._tell(stall)
            self._stuck = stall

    def _is_to_leave(self, *, has_failed: bool) -> bool:
        """Whether to give up all partitions: for good, or to join the group anew."""
        if self._stopping.is_set():
            left = self._writer.in_flight
            if has_failed and left:
                _LOG.warning("%d messages stay in Kafka, since they could not be stored", left)
            return has_failed or self._writer.is_idle
        consumer = self._writer.consumer
        is_over = consumer is not None and consumer.fatal is not None
        if is_over and consumer is not None and consumer.fatal is not None:
            self._sit_out(consumer.fatal, self._stuck)
            self._stuck = consumer.fatal
        is_to_rejoin, self._is_to_rejoin = self._is_to_rejoin, False
        return is_over or is_to_rejoin

    def _tell_of_written(self) -> bool:
        """Meter what was done with; whether there was anything."""
        written = self._writer.take_written()
        for each in written:
            self._count_requests()
            self._meters.batch_taken(each.report, redelivered=0, store_ns=each.store_ns, stored_at=each.stored_at)
            if each.has_own_row:
                self._metrics.written()
        return any(each.report.delivered or each.has_own_row for each in written)

    async def _look_at_kafka(self) -> None:
        """Where messages end, now and then; where none come for long, whether Kafka answers at all."""
        consumer, now = self._writer.consumer, self._now()
        if consumer is None:
            return
        if now - self._looked_at >= (_ASK_S if consumer.is_paused else _LOOK_S):
            self._looked_at = now
            self._spans = await self._in_thread(consumer.spans) or self._spans
        is_doubted = consumer.trouble is not None or self._doubts_kafka
        if now - self._heard_at < (_LOOK_S if is_doubted else _PROBE_S):
            return
        self._heard_at = now
        silence = await self._in_thread(consumer.probe)
        if silence is None and not consumer.ours and consumer.trouble is not None:
            # It answers, and does not let us into the group.
            silence = consumer.trouble if consumer.trouble.needs_operator else None
        if silence is None:
            self._kafka_is_well()
        elif str(silence) != str(self._silence):
            self._tell(silence)
            self._silence = silence

    @property
    def _doubts_kafka(self) -> bool:
        return self._silence is not None or isinstance(self._stuck, KafkaUnavailableError)

    def _kafka_is_well(self) -> None:
        """It answers. What it refuses or cannot confirm, it may do so still."""
        if self._writer.consumer is not None:
            self._writer.consumer.all_is_well()
        if self._silence is None:
            return
        self._silence = None
        if isinstance(self._stuck, KafkaUnavailableError):
            self._again_at = 0.0
        self._recover()

    def _look(self) -> None:
        writer, consumer = self._writer, self._writer.consumer
        lags = writer.progress.lags(self._spans)
        state, words = SourceState.CONSUMING, ""
        if consumer is None or not writer.has_joined:
            state, words = SourceState.CONNECTING, "not in the group yet"
        elif not consumer.ours:
            state, words = SourceState.STANDBY, "others have all partitions"
        status = SourceStatus(
            state, words, sum(lags.values()), None, writer.in_flight, 2 * writer.most, self._joins, handed_back=0
        )
        self._meters.look(status)
        self._meters.look_at_kafka(KafkaStatus(lags, writer.in_flight, writer.rebalances, writer.progress.missed))

    def _sit_out(self, fault: Trouble, before: Trouble | None) -> None:
        """Say what is wrong, and when to try again. Of Kafka what was wrong `before` is not said twice."""
        self._failures += 1
        self._count_requests()
        delay = self._patience.again.delay_s(self._failures, random.random())
        if isinstance(fault, StoreUnavailableError) and fault.retry_after_ns is not None:
            delay = max(delay, fault.retry_after_ns / NS_PER_S)
        self._again_at = self._now() + delay
        if isinstance(fault, StoreUnavailableError):
            self._tell(fault, f"trying again in {delay:.1f} s")
        elif str(fault) == str(before):
            self._meters.trouble(str(fault), is_holding=fault.needs_operator)
        else:
            self._tell(fault)

    def _tell(self, fault: Trouble, then: str = "it is tried again") -> None:
        """Say what is wrong."""
        if self._trouble_since is None:
            self._trouble_since = self._now()
        self._meters.trouble(str(fault), is_holding=fault.needs_operator)
        what = KAFKA_IS_NOT_WELL if isinstance(fault, KafkaUnavailableError) else "the store does not take rows"
        what = "holding" if fault.needs_operator else what
        _LOG.warning("%s: %s (nothing is lost; %s)", what, fault, then)

    def _recover(self) -> None:
        """Something is over: all is well where nothing else is wrong, which is shown again otherwise."""
        left = self._stuck or self._silence
        if left is not None:
            self._meters.trouble(str(left), is_holding=left.needs_operator)
            return
        if self._trouble_since is not None:
            _LOG.info("all is well again, after %.0f s", self._now() - self._trouble_since)
            self._trouble_since = None
        self._failures = 0
        self._again_at = 0.0
        self._meters.recovered()

    def _count_requests(self) -> None:
        requests = self._store.requests
        self._meters.requests(requests - self._requests)
        self._requests = requests

    async def _wait(self, seconds: float) -> None:
        """Until it is time, or somebody wakes us."""
        try:
            async with asyncio.timeout(max(seconds, 0.0)):
                await self._woken.wait()
        except TimeoutError:
            return
        self._woken.clear()

    async def _in_thread(self, call: Callable[[], _Result]) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
