"""The role `track`: one life of the tracker after the other until it is stopped, and what it tells of itself.

Owns when a life begins and ends, meters, and who is told of alerts. Must not know in which order something becomes
durable (`pipeline.scale.track`), or how a topic is followed.
"""

import asyncio
import gc
import logging
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from time import monotonic, time_ns
from typing import NamedTuple

from pipeline.core.backoff import Backoff
from pipeline.core.timestamps import NS_PER_S
from pipeline.journey import BatchReport
from pipeline.meters import Meters
from pipeline.scale.attempts import Attempts
from pipeline.scale.confirmed_sender import OnTrouble
from pipeline.scale.track import Settled, Tracker
from pipeline.scale.track_alerts import TrackAlerts
from pipeline.scale.track_standstill import Standstill
from pipeline.scale.trouble import Trouble
from pipeline.wires.alert_webhook import AlertWebhook
from pipeline.wires.faust_app import FollowedTopic, FollowingEndedError
from pipeline.wires.kafka_fault import KafkaUnavailableError, ReadAgainError
from pipeline.wires.kafka_producer import KafkaProducer
from pipeline.wires.source import SourceState, SourceStatus
from schemas.alert import Alert
from schemas.meters import KafkaStatus
from schemas.stream import Topic

_LOG = logging.getLogger(__name__)

_LOOK_S = 1.0
_PROBE_S = 10.0
_LEAVE_S = 7.0
_LONG_S, _MOST_IN_VAIN = 600.0, 2
"""A life that lasted so long has helped; so many that did not are no accident any more."""


class StuckError(OSError):
    """What follows the topic cannot be ended in time: this process must end, and another one begin."""


class Begun(NamedTuple):
    """What a life has of Kafka: client options, and a producer of its own."""

    options: Mapping[str, str]
    producer: KafkaProducer


class TrackRoleParts(NamedTuple):
    """What the role works with.

    `begin`         Kafka, once its topics are as they must be; blocks, and raises KafkaUnavailableError.
    `make_tracker`  a tracker that has a producer, tells of what it settled, and of trouble.
    `make_topic`    what follows the topic for a tracker, with client options, its files in a folder, telling which
                    partitions it was given; raises KafkaUnavailableError.
    `webhook`       for alerts, where somebody wants them.
    """

    begin: Callable[[], Begun]
    make_tracker: Callable[[KafkaProducer, Callable[[Settled], None], OnTrouble], Tracker]
    make_topic: Callable[[Tracker, Mapping[str, str], Path, Callable[[frozenset[int]], None]], FollowedTopic]
    webhook: Callable[[], AlertWebhook] | None


class TrackRole:
    """See Role."""

    def __init__(self, parts: TrackRoleParts, meters: Meters, again: Backoff | None = None) -> None:
        """Nothing happens before `run`."""
        self._begin, self._make_tracker, self._make_topic, self._make_webhook = parts
        self._meters = meters
        self._attempts = Attempts(Backoff(0.5, 15.0) if again is None else again)
        self._trouble = Trouble(meters)
        self._standstill = Standstill()
        self._stopping = asyncio.Event()
        self._in_vain, self._began_at = 0, monotonic()
        self._lives = self._rebalances = self._missed = 0
        self._ours: frozenset[int] | None = None
        self._tracker: Tracker | None = None
        self._alerts: TrackAlerts | None = None
        self._topic: FollowedTopic | None = None
        self._producer: KafkaProducer | None = None
        self._probed_at = monotonic()

    async def run(self) -> None:
        """See Role. Raises StuckError."""
        async with AsyncExitStack() as parts:
            if self._make_webhook is not None:
                webhook = await parts.enter_async_context(self._make_webhook())
                self._alerts = TrackAlerts(webhook.tell)
            looking = asyncio.create_task(self._look_for_ever())
            try:
                while not self._stopping.is_set():
                    if await self._attempts.pause():
                        continue
                    # A life that is over is a ring, with all that its clients hold; rings are seldom looked for.
                    gc.collect()
                    try:
                        await self._live(await asyncio.to_thread(self._begin))
                    except ReadAgainError as fault:
                        self._read_again(fault)
                    except KafkaUnavailableError as fault:
                        self._attempts.failed()
                        self._trouble.tell(fault)
            finally:
                looking.cancel()

    async def stop(self) -> None:
        """See Role."""
        self._meters.stopping()
        self._stopping.set()
        self._attempts.wake()

    def reload(self) -> None:
        """See Role: a login is read again when a life begins."""
        self._attempts.wake()

    async def _live(self, begun: Begun) -> None:
        """One life. Raises KafkaUnavailableError where it ended by itself."""
        if self._stopping.is_set():
            begun.producer.close()
            return
        self._producer = begun.producer
        tracker = self._make_tracker(begun.producer, self._settled, self._hear_trouble)
        with tempfile.TemporaryDirectory(prefix="chargeline-track-", ignore_cleanup_errors=True) as folder:
            try:
                topic = self._make_topic(tracker, begun.options, Path(folder), self._given)
            except KafkaUnavailableError:
                tracker.close()
                raise
            tracker.follow(topic)
            self._tracker, self._topic = tracker, topic
            self._lives += 1
            self._began_at = monotonic()
            following = asyncio.create_task(topic.run())
            waits = (tracker.beat(), tracker.watch(), tracker.over.wait(), self._stopping.wait())
            waiting = [asyncio.create_task(wait) for wait in waits]
            try:
                await asyncio.wait([following, *waiting], return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in waiting:
                    task.cancel()
                tracker.close()
                self._rebalances += tracker.rebalances
                self._missed += topic.missed
                self._tracker = self._topic = self._producer = self._ours = None
                self._look_at_alerts()
                await self._leave(topic, following)
        if self._stopping.is_set():
            return
        fault = tracker.fault
        if fault is None and following.done():
            reason = following.exception()
            words = str(reason) if isinstance(reason, FollowingEndedError) else repr(reason)
            fault = reason if isinstance(reason, KafkaUnavailableError) else KafkaUnavailableError(f"Kafka: {words}")
        raise fault or KafkaUnavailableError("Kafka: the topic is followed no more")

    async def _leave(self, topic: FollowedTopic, following: asyncio.Task[None]) -> None:
        try:
            async with asyncio.timeout(_LEAVE_S):
                await topic.stop()
        except TimeoutError:
            message = "the group at Kafka cannot be left in time: this process ends; let its supervisor start another"
            if not self._stopping.is_set():
                raise StuckError(message) from None
            _LOG.warning("the group at Kafka is left without its knowing; nothing is lost")
        finally:
            following.cancel()
            with suppress(asyncio.CancelledError, FollowingEndedError, KafkaUnavailableError):
                await following

    def _read_again(self, fault: ReadAgainError) -> None:
        """Each time it is a rebalance for all members: where that does not help, it is done more and more seldom."""
        if monotonic() - self._began_at > _LONG_S:
            self._in_vain = 0
        self._in_vain += 1
        self._attempts.failed(at_least=self._in_vain)
        if self._in_vain > _MOST_IN_VAIN:
            fault = ReadAgainError(f"{fault}; that did not help before: please report it", needs_operator=True)
        self._trouble.tell(fault)

    def _given(self, partitions: frozenset[int]) -> None:
        self._ours = partitions
        if self._tracker is not None:
            self._tracker.given(partitions)
        # What others have from now on is told by them.
        self._look_at_alerts()
        names = ", ".join(map(str, sorted(partitions))) or "none"
        _LOG.info("partitions of %s that are ours: %s", Topic.TRACK.value, names)

    def _settled(self, settled: Settled) -> None:
        """A round is durable."""
        rejected = Counter(refused.reason for refused in settled.rejects)
        refused = rejected.total()
        records = max(settled.records, refused)
        report = BatchReport(records, records - refused, 0, rejected, Counter(), ())
        self._meters.batch_taken(report, redelivered=0, store_ns=int(settled.took_s * NS_PER_S), stored_at=time_ns())
        self._answered()
        if settled.told:
            self._look_at_alerts(settled.told)

    def _hear_trouble(self, fault: KafkaUnavailableError | None) -> None:
        if fault is None:
            self._answered()
        else:
            self._trouble.tell(fault)

    def _answered(self) -> None:
        self._attempts.succeeded()
        if not self._is_in_vain:
            self._trouble.end()

    @property
    def _is_in_vain(self) -> bool:
        """Whether beginning anew did not help before, and this life is too young to say that it does now."""
        return self._in_vain > _MOST_IN_VAIN and monotonic() - self._began_at < _LONG_S

    async def _look_for_ever(self) -> None:
        while True:
            self._look()
            if self._ours is not None and monotonic() - self._probed_at > _PROBE_S:
                await self._probe()
            await asyncio.sleep(_LOOK_S)

    def _look(self) -> None:
        """How it is, into the meters."""
        tracker, topic, ours = self._tracker, self._topic, self._ours
        state = SourceState.CONNECTING if ours is None else SourceState.CONSUMING
        in_flight = 0 if tracker is None else tracker.in_flight
        words = "" if ours is not None else "waiting for partitions of Kafka's topic"
        self._meters.look(SourceStatus(state, words, None, None, in_flight, 0, self._lives, 0))
        lags = {} if topic is None else {(Topic.TRACK.value, each): lag for each, lag in topic.lags().items()}
        rebalances = self._rebalances + (0 if tracker is None else tracker.rebalances)
        missed = self._missed + (0 if topic is None else topic.missed)
        begun = () if tracker is None else tracker.begun
        behind = min(begun, key=lambda part: part.watermark, default=None)
        watermark, ticks = (None, ()) if behind is None else (behind.watermark, behind.ticks)
        self._standstill.look(watermark, ticks, monotonic())
        self._meters.look_at_kafka(KafkaStatus(lags, in_flight, rebalances, missed, watermark))
        self._look_at_alerts()

    def _look_at_alerts(self, edges: Sequence[Alert] = ()) -> None:
        """Those of our partitions, once these edges are durable; none of a life that is over."""
        begun = () if self._tracker is None else self._tracker.begun
        active = [alert for part in begun for alert in part.active()]
        self._meters.alerts_active(Counter(alert.kind for alert in active))
        if self._alerts is not None:
            self._alerts.look(active, edges)

    async def _probe(self) -> None:
        """Where nothing comes, see that Kafka answers. What waits to be confirmed says more of it than any answer."""
        self._probed_at = monotonic()
        producer = self._producer
        if producer is None:
            return
        silence = await asyncio.to_thread(producer.probe)
        took_s = monotonic() - self._probed_at
        if silence is not None:
            self._trouble.tell(silence)
        elif not (self._is_confirming or self._is_in_vain or (self._trouble.lasts and not self._is_idle)):
            self._trouble.end()
            self._trouble.answered(time_ns(), int(took_s * NS_PER_S))

    @property
    def _is_confirming(self) -> bool:
        """Whether messages were taken that are not done with: Kafka has not confirmed all that follows from them."""
        return self._tracker is not None and self._tracker.in_flight > 0

    @property
    def _is_idle(self) -> bool:
        """Whether nothing waits for us. Where something does, that it becomes durable says that all is well."""
        lags = {} if self._topic is None else self._topic.lags()
        return self._ours is not None and lags.keys() >= self._ours and not any(lags.values())
