"""One epoch: the life of one consuming channel, through aio-pika.

Owns what happens on that channel: prefetch, consuming, the window, and everything that can end it. Must not know how
often epochs begin, or what becomes of deliveries.

The consumer is registered below aio-pika's queue objects, on the channel beneath (`get_underlay_channel`), which
spares a message object and costs a third less. Where the line takes deliveries out of the stream itself, that consumer
never sees one. Acknowledging is cumulative; there is one who acknowledges.
"""

import asyncio
from collections.abc import Callable
from time import time_ns

import aio_pika.abc
import aiormq.abc
from aiormq.abc import DeliveredMessage
from pamqp import commands

from pipeline.wires.amqp_line import ANSWER_S, Watch, answer
from pipeline.wires.amqp_window import MOST_BYTES, BodySize, Run, Window, prefetch_for
from schemas.delivery import Delivery

_RESIZE = 2.0
_FAULTS = (aiormq.exceptions.AMQPError, OSError, RuntimeError)


class Queue:
    """What one epoch consumes: `name`, alone or `is_shared`, with at most `prefetch` deliveries here at once."""

    __slots__ = ("is_shared", "name", "prefetch")

    def __init__(self, name: str, prefetch: int, *, is_shared: bool) -> None:
        """See above."""
        self.name = name
        self.prefetch = prefetch
        self.is_shared = is_shared


class Epoch:
    """A channel that consumes. `ended` has the words for why it no longer does."""

    def __init__(self, number: int, queue: Queue, sizes: BodySize, on_arrival: Callable[[], None]) -> None:
        """`number` is unlike that of every other epoch of this process; `on_arrival` is called at each delivery."""
        self.number = number
        self.window = Window(number, sizes)
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.prefetch = 0
        self._queue = queue
        self._sizes = sizes
        self._on_arrival = on_arrival
        self._consumer = ""
        self._changing = asyncio.Lock()
        self._channel: aiormq.abc.AbstractChannel | None = None

    async def begin(self, channel: aio_pika.abc.AbstractChannel, watch: Watch | None) -> None:
        """Consume on this channel, which must be fresh; `watch` is that of its line.

        Raises what the client raises, ChannelAccessRefused too.
        """
        underlay = await channel.get_underlay_channel()
        if watch is not None:
            watch(underlay.number, underlay.connection.connection_tune.frame_max, self._on_run, self.end)
        channel.close_callbacks.add(self._on_channel_closed)
        underlay.on_consumer_cancel_callbacks.add(self._on_cancelled)
        self._channel = underlay
        await answer(self._consume(underlay), ANSWER_S)

    async def fit_prefetch(self) -> None:
        """Consume anew with another prefetch where the size of bodies has changed that much. Raises as `begin`.

        RabbitMQ applies a prefetch to consumers that begin after it, so this one ends and another one begins; what is
        here stays here.
        """
        async with self._changing:
            wanted = self._wanted_prefetch()
            channel = self._channel
            if channel is None or not self._consumer or self.prefetch / _RESIZE < wanted < self.prefetch * _RESIZE:
                return
            await answer(channel.basic_cancel(self._consumer), ANSWER_S)
            await answer(self._consume(channel), ANSWER_S)

    async def cancel(self) -> None:
        """Receive nothing more. What was taken can still be acknowledged. Never raises."""
        async with self._changing:
            if self._channel is not None and self._consumer and not self.ended.done():
                consumer, self._consumer = self._consumer, ""
                try:
                    await answer(self._channel.basic_cancel(consumer), ANSWER_S)
                except _FAULTS as fault:
                    self.end(f"could not stop consuming: {fault}")
            self.window.close()

    async def acknowledge(self, tag: int) -> None:
        """Acknowledge everything up to `tag`, once. Never raises: what does not get through is delivered again."""
        if self._channel is None or self.ended.done() or not self.window.acknowledge(tag):
            return
        try:
            await answer(self._channel.basic_ack(tag, multiple=True, wait=False), ANSWER_S)
        except _FAULTS as fault:
            self.end(f"could not acknowledge: {fault}")

    def end(self, words: str) -> None:
        """Note that it is over, and why. The first to say so is believed."""
        if not self.ended.done():
            self.ended.set_result(words)
            self._on_arrival()

    async def _consume(self, channel: aiormq.abc.AbstractChannel) -> None:
        self.prefetch = self._wanted_prefetch()
        await channel.basic_qos(prefetch_count=self.prefetch)
        consumed = await channel.basic_consume(self._queue.name, self._on_message, exclusive=not self._queue.is_shared)
        self._consumer = consumed.consumer_tag or ""

    def _wanted_prefetch(self) -> int:
        return prefetch_for(self._sizes.mean, self._queue.prefetch)

    async def _on_message(self, message: DeliveredMessage) -> None:
        """A delivery that came through the client."""
        properties = message.header.properties
        frame = message.delivery
        if not isinstance(frame, commands.Basic.Deliver):
            return
        delivery = Delivery(
            frame.routing_key or "", properties.headers or {}, message.body, time_ns(), properties.message_id
        )
        self._on_run(Run(frame.delivery_tag or 0, (delivery,), len(message.body), bool(frame.redelivered)))

    def _on_run(self, run: Run) -> None:
        window = self.window
        if self.ended.done():
            return
        window.add(run)
        if window.held_bytes > MOST_BYTES:
            self.end(f"{window.unacknowledged} deliveries take {window.held_bytes} bytes: going on with fewer at once")
        self._on_arrival()

    def _on_cancelled(self, _: commands.Basic.Cancel) -> None:
        self.end("the broker cancelled the consumer: the queue may have moved or gone")

    def _on_channel_closed(self, _: object, fault: BaseException | None) -> None:
        words = " ".join(str(fault).split()) if fault else ""
        self.end(words or "the connection was lost")
