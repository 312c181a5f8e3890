"""A simulated fleet that talks now: its messages and its operator's commands, published as time goes by.

Owns what was published, for whoever judges what became of it. Must not know the program.
"""

import asyncio
import threading
import time
from types import TracebackType
from typing import Self

from pipeline.simulator.command_copy import copy_of
from pipeline.simulator.fleet import Fleet
from pipeline.wires.amqp_address import address_of_url
from pipeline.wires.amqp_carried import as_carried
from pipeline.wires.amqp_publish import Publisher
from pipeline.wires.simulated_queue import SimulatedQueue
from schemas.command import CommandSent
from schemas.delivery import Delivery

_STEP_S = 0.1
_END_S = 60.0


class LiveStream:
    """Publishes in a thread of its own while its context is entered. What the broker has not confirmed it sends again.

    `deliveries`, `copies`  what was published, in order; the copies are those of the operator's commands.
    `confirmed_at`          when the broker had each delivery at the latest, our clock, nanoseconds.
    `published`             how many messages the broker has confirmed.
    """

    def __init__(self, fleet: Fleet, url: str, queue: str, copies_queue: str) -> None:
        """`fleet` begins at its plan's start, which must be about now."""
        self._fleet = fleet
        self._places = [SimulatedQueue(address_of_url(url), name) for name in (queue, copies_queue)]
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._publish()), name="live stream")
        self._fault: BaseException | None = None
        self.deliveries: list[Delivery] = []
        self.copies: list[Delivery] = []
        self.confirmed_at: list[int] = []
        self.published = 0

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        """See `end`."""
        self._stopping.set()
        self._thread.join(_END_S)

    def end(self) -> None:
        """Say nothing more, and wait until all is published."""
        self._stopping.set()
        self._thread.join(_END_S)
        if self._fault is not None:
            raise self._fault

    def until_published(self, more: int) -> None:
        """Wait for so many messages more."""
        wanted = self.published + more
        while self.published < wanted:
            if self._fault is not None:
                raise self._fault
            time.sleep(0.05)

    async def _publish(self) -> None:
        try:
            async with Publisher(self._places[0]) as messages, Publisher(self._places[1]) as commands:
                while not self._stopping.is_set():
                    await self._step(messages, commands)
                    await asyncio.sleep(_STEP_S)
        except BaseException as fault:
            self._fault = fault
            raise

    async def _step(self, messages: Publisher, commands: Publisher) -> None:
        """What was said since the last step. A command is told of before what it brings about."""
        items = self._fleet.advance_with_commands(time.time_ns())
        copies = [copy_of(item) for item in items if isinstance(item, CommandSent)]
        deliveries = [as_carried(item) for item in items if isinstance(item, Delivery)]
        self.copies += copies
        self.deliveries += deliveries
        await commands.publish(copies)
        await messages.publish(deliveries)
        self.confirmed_at += [time.time_ns()] * len(deliveries)
        self.published += len(deliveries)
