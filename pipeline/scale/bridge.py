"""The bridge: from the operator's queue to the topics, acknowledged once Kafka has it. Read `Bridge` top-down.

Owns the order of things: deliveries are decoded and sent as parcels; a parcel that Kafka confirmed, and all before it,
is acknowledged; a tick then tells how far that is. Must not know how a source reads, what a message means, or what is
in which topic.

Every delivery ends in one way: in its topic, among the rejects, or left to the broker, which delivers it again: when
its channel was lost, when it was handed back on purpose, and when the bridge ends before Kafka confirmed it. Delivered
again it is sent again; who reads the topics knows that.

While Kafka is away nothing is acknowledged, and no more is taken than the window has room for; the client library goes
on trying. Where something fails for good, everything unconfirmed goes back to the queue, and a new producer begins;
also where this one has no answer for long: librdkafka 2.16 forgot its only broker when that was started again.
"""

import asyncio
from collections.abc import Callable, Sequence
from math import inf
from time import monotonic, time_ns
from typing import NamedTuple

from pipeline.core.backoff import Backoff
from pipeline.core.stream_messages import MessageMaker
from pipeline.core.timestamps import NS_PER_S
from pipeline.meters import Meters
from pipeline.scale.attempts import Attempts
from pipeline.scale.bridge_lane import Lane, Sent
from pipeline.scale.bridge_progress import BridgeProgress
from pipeline.scale.bridge_ticks import BridgeTicks
from pipeline.scale.trouble import Trouble
from pipeline.wires.kafka_fault import KafkaUnavailableError
from pipeline.wires.kafka_producer import KafkaProducer
from pipeline.wires.source import Piece, SourceState
from schemas.meters import KafkaStatus

_PIECE = 500
_BUSY_S = 0.01
_IDLE_S = 0.1
_LOOK_S = 0.25


class BridgePatience(NamedTuple):
    """How long a bridge waits for what, in seconds.

    `again`        between tries to begin with Kafka.
    `away_s`       unconfirmed for so long, and Kafka counts as away.
    `ask_s`        between questions to a Kafka that confirms nothing.
    `anew_s`       no answer and no confirmation for so long: a new producer begins.
    `hand_back_s`  unconfirmed for so long in any case: RabbitMQ takes them away after 30 minutes.
    `tick_s`       between ticks.
    """

    again: Backoff = Backoff(0.5, 15.0)
    away_s: float = 5.0
    ask_s: float = 10.0
    anew_s: float = 120.0
    hand_back_s: float = 20 * 60.0
    tick_s: float = 1.0


class BridgeParts(NamedTuple):
    """What a bridge works with.

    `lanes`     the operator's queue, and that of copies of commands where there is one; not consumed from yet.
    `maker`     makes ticks into messages.
    `begin`     a producer, once Kafka's topics are as they must be; blocks, and raises KafkaUnavailableError.
    `window`    most deliveries on their way to Kafka at once.
    """

    lanes: Sequence[Lane]
    maker: MessageMaker
    progress: BridgeProgress
    meters: Meters
    begin: Callable[[], KafkaProducer]
    window: int


class Bridge:
    """Works until `stop`. Everything but `begin` is of one thread."""

    def __init__(self, parts: BridgeParts, patience: BridgePatience | None = None) -> None:
        """Nothing happens before `run`."""
        self._lanes, self._maker, self._progress, self._meters, self._begin, self._window = parts
        self._patience = BridgePatience() if patience is None else patience
        self._producer: KafkaProducer | None = None
        self._ticks = BridgeTicks(self._progress, self._maker, self._patience.tick_s, monotonic)
        self._heard_at = self._asked_at = -inf
        self._attempts = Attempts(self._patience.again)
        self._trouble = Trouble(self._meters)
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Work until `stop`; then see that what is here reaches Kafka, acknowledge it, and let go of the queues."""
        for lane in self._lanes:
            lane.source.hand_back("waiting for Kafka")
        async with asyncio.TaskGroup() as tasks:
            for lane in self._lanes:
                tasks.create_task(lane.source.run())
            takers = [tasks.create_task(self._take(lane)) for lane in self._lanes]
            await self._attend(takers)
            for lane in self._lanes:
                lane.source.stop()
        if self._producer is not None:
            self._producer.close()

    async def stop(self) -> None:
        """Take nothing more. `run` returns when all that came is in Kafka, or cannot get there now."""
        self._meters.stopping()
        for lane in self._lanes:
            await lane.source.cancel()
        self._stopping.set()
        self._attempts.wake()

    def reload(self) -> None:
        """Read credentials again, and try at once what waits."""
        for lane in self._lanes:
            lane.source.reload()
        self._attempts.wake()

    async def _take(self, lane: Lane) -> None:
        """Send piece after piece, as long as there is room; when stopping, what has come already."""
        while True:
            is_stopping = self._stopping.is_set()
            if self._producer is None or lane.unconfirmed >= self._window:
                if is_stopping:
                    return
                await asyncio.sleep(_BUSY_S)
                continue
            piece = await lane.source.next_piece(_PIECE, 0.0 if is_stopping else _LOOK_S)
            if piece is not None:
                self._send(lane, piece, monotonic())
            elif is_stopping:
                return

    def _send(self, lane: Lane, piece: Piece, now: float) -> None:
        """Begin to send a piece; where Kafka has failed meanwhile, it goes back to its queue with all the others."""
        producer = self._producer
        if producer is None:
            lane.source.hand_back("waiting for Kafka")
            lane.forget(piece)
            return
        try:
            lane.send(piece, now, producer.send)
        except KafkaUnavailableError as fault:
            lane.forget(piece)
            self._start_over(fault)

    async def _attend(self, takers: Sequence[asyncio.Task[None]]) -> None:
        """Hear what Kafka confirmed, acknowledge it, tell how far we are; begin with Kafka wherever that is over."""
        while True:
            producer = self._producer
            if producer is None:
                if not await self._begin_with_kafka():
                    return
                continue
            await self._settle(producer)
            is_over = all(taker.done() for taker in takers) and not any(lane.unconfirmed for lane in self._lanes)
            if is_over and self._stopping.is_set() and self._producer is producer:
                await self._say_last(producer)
                return
            await asyncio.sleep(_BUSY_S if producer.in_flight else _IDLE_S)

    async def _begin_with_kafka(self) -> bool:
        """Try until there is a producer, then consume; False where the bridge is to stop before that."""
        while not self._stopping.is_set():
            self._look()
            if await self._attempts.pause():
                continue
            try:
                self._producer = await asyncio.to_thread(self._begin)
            except KafkaUnavailableError as fault:
                self._attempts.failed()
                self._trouble.tell(fault)
                continue
            self._ticks.forget()
            self._heard_at, self._asked_at = monotonic(), -inf
            await self._ask(self._producer)
            for lane in self._lanes:
                lane.source.resume()
            return True
        return False

    async def _settle(self, producer: KafkaProducer) -> None:
        """One round."""
        producer.poll()
        for lane in self._lanes:
            confirmed = lane.take_confirmed()
            if confirmed:
                await self._acknowledge(lane, confirmed)
                if self._producer is not producer:
                    return
                self._attempts.succeeded()
                self._answered(producer, monotonic() - confirmed[-1].sent_at)
        took_s = self._ticks.take_confirmed()
        if took_s is not None:
            self._attempts.succeeded()
            self._answered(producer, took_s)
            self._trouble.answered(time_ns(), int(took_s * NS_PER_S))
        failures = [*(lane.failure for lane in self._lanes), self._ticks.failure, producer.fatal]
        fault = next((failure for failure in failures if failure is not None), None)
        if fault is not None:
            self._start_over(fault)
            return
        self._look()
        await self._tell_how_far(producer)
        if self._producer is producer:
            await self._judge(producer)

    async def _acknowledge(self, lane: Lane, confirmed: Sequence[Sent]) -> None:
        """Everything up to the last of these is in Kafka."""
        stored_at = time_ns()
        now = monotonic()
        took = self._meters.batch_taken if lane.is_operators else self._meters.copies_taken
        for sent in confirmed:
            store_ns = int((now - sent.sent_at) * NS_PER_S)
            took(sent.report, redelivered=sent.redelivered, store_ns=store_ns, stored_at=stored_at)
            if lane.is_operators:
                self._progress.confirmed(sent.token, sent.latest, sent.fresh_at, sent.newest)
        await lane.source.acknowledge(confirmed[-1].token)

    async def _tell_how_far(self, producer: KafkaProducer) -> None:
        """Tick while we consume: a bridge that does not holds nothing back. When idle, see that Kafka answers."""
        if self._lanes[0].source.status.state is SourceState.CONSUMING:
            self._ticks.send_when_due(producer)
        if not producer.in_flight and monotonic() - self._heard_at > self._patience.ask_s:
            await self._ask(producer)

    async def _ask(self, producer: KafkaProducer) -> None:
        """Ask Kafka now and then; where it has not answered this producer for long, begin anew with another."""
        if monotonic() - self._asked_at < self._patience.ask_s:
            return
        self._asked_at = asked = monotonic()
        silence = await asyncio.to_thread(producer.probe)
        if self._producer is not producer:
            return
        if silence is None:
            self._heard_at = monotonic()
            if not producer.in_flight:
                self._answered(producer, self._heard_at - asked)
                self._trouble.answered(time_ns(), int((self._heard_at - asked) * NS_PER_S))
            return
        self._trouble.tell(silence)
        if monotonic() - self._heard_at > self._patience.anew_s:
            self._start_over(silence)

    async def _say_last(self, producer: KafkaProducer) -> None:
        """Where all that ever came is in Kafka and acknowledged, say so: nobody need wait for what we left."""
        status = self._lanes[0].source.status
        if status.state is not SourceState.CONSUMING or status.unacknowledged:
            return
        self._ticks.send_last(producer)
        while self._ticks.sent_at is not None and self._ticks.failure is None:
            producer.poll()
            self._ticks.take_confirmed()
            await asyncio.sleep(_BUSY_S)

    def _look(self) -> None:
        status = self._lanes[0].source.status
        self._meters.look(status)
        in_flight = 0 if self._producer is None else self._producer.in_flight
        self._meters.look_at_kafka(KafkaStatus({}, in_flight, rebalances=0, missed=0))
        self._progress.look(status)

    async def _judge(self, producer: KafkaProducer) -> None:
        """Say so where Kafka confirms nothing; begin anew where that lasts."""
        waited_s = self._waited_s()
        if waited_s <= self._patience.away_s:
            return
        fault = producer.trouble or KafkaUnavailableError("Kafka confirms nothing; see that it runs")
        self._trouble.tell(fault)
        if waited_s > self._patience.hand_back_s:
            self._start_over(fault)
        else:
            await self._ask(producer)

    def _start_over(self, fault: KafkaUnavailableError) -> None:
        """Everything unconfirmed goes back to the queues; a new producer is begun after a pause."""
        self._attempts.failed()
        self._trouble.tell(fault)
        for lane in self._lanes:
            lane.source.hand_back(f"waiting for Kafka: {fault}")
            lane.forget()
        if self._producer is not None:
            self._producer.close()
            self._producer = None

    def _answered(self, producer: KafkaProducer, took_s: float) -> None:
        """Kafka answered after so long; all is well where that was soon, and nothing has waited for long."""
        self._heard_at = monotonic()
        if max(took_s, self._waited_s()) <= self._patience.away_s:
            producer.all_is_well()
            self._trouble.end()
            self._asked_at = -inf

    def _waited_s(self) -> float:
        sent = [at for at in (*(lane.oldest_at for lane in self._lanes), self._ticks.sent_at) if at is not None]
        return monotonic() - min(sent) if sent else 0.0
