"""RabbitMQ: the operator's queue, read through aio-pika by a supervisor of our own.

Owns staying connected: connect, look, consume, watch; whatever ends that, everything is built anew after a pause that
grows. Must not know what becomes of deliveries (the worker says when they are durable), how they are taken off a
connection (`pipeline.wires.amqp_line`), or which settings there are.

aio-pika's robust connection is not used: its queue iterator ends without a word when an outage lasts, and a consumer
of a queue that it did not declare is not restored. Nothing is ever declared, bound or rejected on the broker.
"""

import asyncio
import logging
import random
from collections.abc import Callable
from contextlib import suppress
from math import inf
from pathlib import Path
from time import time_ns
from typing import NamedTuple

import aio_pika.abc
from aio_pika.exceptions import AMQPError

from pipeline.core.backoff import Backoff
from pipeline.wires.amqp_address import EaseeConnection, tls_context
from pipeline.wires.amqp_epoch import Epoch, Queue
from pipeline.wires.amqp_fault import explain_amqp_fault, is_in_use
from pipeline.wires.amqp_line import ANSWER_S, Line, OpenLine, answer
from pipeline.wires.amqp_window import BodySize
from pipeline.wires.counting_clock import counted_ns
from pipeline.wires.source import Piece, QueueAnswer, SourceState, SourceStatus, Token

_LOG = logging.getLogger(__name__)

_FAULTS = (AMQPError, OSError, RuntimeError, ValueError)
_COALESCE_S = 0.02
_OVERTAKING_S = 0.25
"""The broker's answer and deliveries sent before it go through two channels: so long one may overtake the other."""


class Pace(NamedTuple):
    """How patient a source is.

    `again`      between tries after a lost connection; where the broker answered for `steady_s`, as after the first.
    `look_s`     between looks at the queue: its length, its consumers, and whether the broker answers at all.
    `idle_looks` so many looks in a row at a queue with messages, while none comes and there is room for some, and the
                 consumer counts as dead.
    """

    again: Backoff = Backoff(1.0, 120.0)
    steady_s: float = 10.0
    look_s: float = 5.0
    idle_looks: int = 6


class AmqpSource:
    """See Source."""

    def __init__(
        self,
        read_broker: Callable[[], EaseeConnection],
        open_line: OpenLine,
        *,
        ca_file: Path | None,
        prefetch: int,
        is_shared: bool,
        name: str,
        pace: Pace | None = None,
    ) -> None:
        """Connects in `run`. `read_broker` reads the details anew, and raises ValueError, with words, if it cannot.

        `name` is what the broker's operator sees of us.
        """
        self._read_broker = read_broker
        self._open_line = open_line
        self._ca_file = ca_file
        self._prefetch = prefetch
        self._is_shared = is_shared
        self._name = name
        self._pace = Pace() if pace is None else pace
        self._sizes = BodySize()
        self._epoch: Epoch | None = None
        self._epochs = 0
        self._connections = 0
        self._handed_back = 0
        self._details: EaseeConnection | None = None
        self._state = SourceState.CONNECTING
        self._words = "not connected yet"
        self._answer: QueueAnswer | None = None
        self._backlog: int | None = None
        self._consumers: int | None = None
        self._answered_since, self._answered_at = inf, 0.0
        self._is_wanted = True
        self._is_stopped = False
        self._arrived = asyncio.Event()
        self._woken = asyncio.Event()

    async def run(self) -> None:
        """See Source.run."""
        failures = 0
        while not self._is_stopped:
            if not self._is_wanted:
                self._turn(SourceState.HANDED_BACK, self._words)
                await self._sleep(None)
                continue
            self._answered_since = inf
            words = await self._live()
            answered_s = self._answered_at - self._answered_since
            failures = 1 if answered_s > self._pace.steady_s else failures + 1
            if not self._may_consume():
                failures = 0
                continue
            delay = self._pace.again.delay_s(failures, random.random())
            self._turn(SourceState.CONNECTING, words)
            _LOG.warning("not consuming: %s; trying again in %.0f s", words, delay)
            if await self._sleep(delay):
                failures = 0
        self._turn(SourceState.STOPPED, "stopped")

    async def next_piece(self, most: int, wait_s: float) -> Piece | None:
        """See Source.next_piece. Deliveries of a few milliseconds come together: each wait has its price."""
        if piece := self._take(most):
            return piece
        self._arrived.clear()
        try:
            async with asyncio.timeout(wait_s):
                await self._arrived.wait()
        except TimeoutError:
            return None
        await asyncio.sleep(_COALESCE_S)
        return self._take(most)

    def is_current(self, token: Token) -> bool:
        """See Source.is_current."""
        epoch = self._epoch
        return epoch is not None and epoch.number == token.epoch and not epoch.ended.done()

    async def acknowledge(self, token: Token) -> None:
        """See Source.acknowledge."""
        if self._epoch is not None and self.is_current(token):
            await self._epoch.acknowledge(token.tag)

    def hand_back(self, why: str) -> None:
        """See Source.hand_back."""
        self._is_wanted = False
        self._words = why
        self._wake(why)

    def resume(self) -> None:
        """See Source.resume."""
        if not self._is_wanted:
            self._is_wanted = True
            self._woken.set()

    def reload(self) -> None:
        """See Source.reload."""
        try:
            details = self._read_broker()
        except ValueError as fault:
            _LOG.warning("%s; what was good before stays in use", fault)
            return
        if details != self._details or self._epoch is None:
            self._wake("the connection details changed")

    async def cancel(self) -> None:
        """See Source.cancel."""
        if self._epoch is not None:
            await self._epoch.cancel()

    def stop(self) -> None:
        """See Source.stop."""
        self._is_stopped = True
        self._wake("stopped")

    @property
    def status(self) -> SourceStatus:
        """See Source.status."""
        epoch = self._epoch
        return SourceStatus(
            self._state,
            self._words,
            self._backlog,
            self._consumers,
            epoch.window.unacknowledged if epoch else 0,
            epoch.prefetch if epoch else 0,
            self._connections,
            self._handed_back,
            self._answer,
        )

    def _take(self, most: int) -> Piece | None:
        epoch = self._epoch
        return None if epoch is None or epoch.ended.done() else epoch.window.take(most)

    async def _live(self) -> str:
        """Connect, and consume until something ends it; the words for what did."""
        self._woken.clear()
        try:
            details = self._details = self._read_broker()
            context = tls_context(details.address, self._ca_file)
            line = await answer(self._open_line(details.address, context, self._name), 2 * ANSWER_S)
        except _FAULTS as fault:
            address = f"{self._details.address}: " if self._details else ""
            return address + explain_amqp_fault(fault)
        self._connections += 1
        try:
            return await self._consume_when_free(line, details.queue)
        except _FAULTS as fault:
            return f"{details.address}, queue {details.queue}: {explain_amqp_fault(fault)}"
        finally:
            self._end_epoch()
            with suppress(*_FAULTS):
                await answer(line.connection.close(), ANSWER_S / 4)

    async def _consume_when_free(self, line: Line, name: str) -> str:
        """Stand by while another consumer has the queue; then consume until something ends that."""
        looker = await line.channel()
        queue = Queue(name, self._prefetch, is_shared=self._is_shared)
        while True:
            await self._look(looker, name)
            self._epochs += 1
            epoch = Epoch(self._epochs, queue, self._sizes, self._arrived.set)
            try:
                await epoch.begin(await line.channel(), line.watch)
            except AMQPError as fault:
                if not is_in_use(fault):
                    raise
                if self._state is not SourceState.STANDBY:
                    _LOG.info("standing by: another consumer has queue %s to itself", name)
                self._turn(SourceState.STANDBY, f"another consumer has queue {name} to itself")
                if await self._sleep(self._pace.look_s):
                    return self._words
                continue
            self._epoch = epoch
            self._turn(SourceState.CONSUMING, "")
            _LOG.info("consuming queue %s: %s messages wait", name, self._backlog)
            return await self._watch(epoch, looker, name)

    async def _watch(self, epoch: Epoch, looker: aio_pika.abc.AbstractChannel, name: str) -> str:
        """Look after an epoch until it ends; the words for why it did."""
        idle = 0
        if self._woken.is_set():
            return "asked to begin anew while connecting"
        while True:
            before = epoch.window.delivered
            await asyncio.wait([epoch.ended], timeout=self._pace.look_s)
            if epoch.ended.done():
                return epoch.ended.result()
            counted_at = counted_ns()
            await self._look(looker, name)
            await asyncio.wait([epoch.ended], timeout=_OVERTAKING_S)
            if self._backlog is not None and self._consumers is not None:
                delivered = epoch.window.delivered
                at = time_ns() - counted_ns() + counted_at
                self._answer = QueueAnswer(at, self._backlog, self._consumers, epoch.number, delivered, counted_at)
            is_stuck = before == epoch.window.delivered and epoch.window.unacknowledged < epoch.prefetch
            idle = idle + 1 if is_stuck and (self._backlog or self._consumers == 0) else 0
            if idle >= self._pace.idle_looks:
                self._answered_since = inf
                epoch.end(f"{self._backlog} messages wait and none comes: the consumer is dead")
            await epoch.fit_prefetch()

    async def _look(self, channel: aio_pika.abc.AbstractChannel, name: str) -> None:
        """Ask for the queue's length and consumers: a passive declare, which needs no rights and changes nothing."""
        declared = (await answer(channel.declare_queue(name, passive=True), ANSWER_S)).declaration_result
        self._backlog, self._consumers = declared.message_count, declared.consumer_count
        self._answered_at = asyncio.get_running_loop().time()
        self._answered_since = min(self._answered_since, self._answered_at)

    def _may_consume(self) -> bool:
        return self._is_wanted and not self._is_stopped

    def _turn(self, state: SourceState, words: str) -> None:
        self._state = state
        self._words = words
        if state is not SourceState.CONSUMING:
            self._arrived.set()

    def _end_epoch(self) -> None:
        epoch, self._epoch = self._epoch, None
        self._answer = None
        if epoch is not None:
            epoch.end("the connection was closed")
            self._handed_back += epoch.window.unacknowledged

    def _wake(self, words: str) -> None:
        self._woken.set()
        if self._epoch is not None:
            self._epoch.end(words)

    async def _sleep(self, seconds: float | None) -> bool:
        """Wait so long, or for ever; whether somebody woke us."""
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return False
        self._woken.clear()
        return True
