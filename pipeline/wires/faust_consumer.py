"""Faust's consumer as the role `track` needs it: it commits what it is told, and it ends.

Owns what is committed, and how long Kafka is waited for at the end. Must not know who says that something is done with.

Faust commits what an agent has passed, whether or not what follows from it is durable. Here it commits what the caller
says is done with, and nothing else: on its timer, and when it stops; nothing in a rebalance.

Faust waits for Kafka when it stops, and for its thread when the process ends. Here both have an end.

A fetch that waits while partitions change hands lives on, and what it brings then Faust drops; of partitions that it
was not asked about, too: it is asked with a set that is emptied meanwhile, and an empty one means all of them. Where
that is the table's changelog, which is to be restored from its beginning, its first messages are missing: the table is
restored in part, or nothing ever comes. Here such a fetch puts back what it took.

Faust restores a table entry by entry, with three tasks for each. Here it gets the last of each fetch, by which it knows
how far it is; whoever has the table is given the others at once.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from typing import Protocol

from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from mode.threads import WorkerThread

LIBRARY = logging.getLogger("faust")
"""Where the library's own words go, also those of its classes that are refined here."""
_LAST_COMMIT_S = 1.5
_LEAVE_S = 3.0


class Fetched(Protocol):
    """A message as the client brings it."""

    offset: int
    key: bytes | None
    value: bytes | None


Restore = Callable[[TP, list[Fetched]], list[Fetched]]
"""Takes what was fetched of a partition, and gives back what the library is to see of it."""


class Seekable(Protocol):
    """What of the client is used here."""

    def assignment(self) -> frozenset[TP]:
        """Partitions that are ours now."""

    def seek(self, partition: TP, offset: int, /) -> None:
        """Read on from here."""


class _Thread(WorkerThread):
    """Ends with the process at the latest, and keeps nobody waiting."""

    def __init__(self, service: driver.AIOKafkaConsumerThread) -> None:
        super().__init__(service)
        self.daemon = True

    def run(self) -> None:
        # Whoever waits for the service hears why it ended.
        with suppress(BaseException):
            super().run()

    def stop(self) -> None:
        self.is_stopped.wait(_LEAVE_S)


class _DoneThread(driver.AIOKafkaConsumerThread):
    """Leaves the group if Kafka answers, and in any case soon."""

    logger = LIBRARY
    Worker = _Thread

    async def on_start(self) -> None:
        # What the client leaves behind when its connections are closed under it, asyncio would print.
        self.thread_loop.set_exception_handler(lambda _, said: LIBRARY.debug("left behind: %s", said.get("exception")))
        await super().on_start()

    async def on_thread_stop(self) -> None:
        # The client raises what it itself has cancelled.
        with suppress(Exception, asyncio.CancelledError):
            async with asyncio.timeout(_LEAVE_S):
                await super().on_thread_stop()
        if self._consumer is not None:
            # Where it could not be stopped in time its connections are open still, and it has no other way to end them.
            with suppress(Exception, asyncio.CancelledError):
                await vars(self._consumer)["_client"].close()

    def _fetch_records(
        self,
        consumer: Seekable,
        active_partitions: set[TP],
        timeout: float | None = None,
        max_records: int | None = None,
    ) -> Coroutine[object, object, Mapping[TP, list[Fetched]]]:
        return self._fetch(consumer, set(active_partitions), timeout, max_records)

    async def _fetch(
        self, consumer: Seekable, wanted: set[TP], within_s: float | None, most: int | None
    ) -> Mapping[TP, list[Fetched]]:
        if not wanted:
            return {}
        flow = self._flow()
        taken: Mapping[TP, list[Fetched]] = await super()._fetch_records(consumer, wanted, within_s, most)
        if flow == self._flow():
            return taken
        for tp in consumer.assignment().intersection(taken):
            consumer.seek(tp, taken[tp][0].offset)
        return {}

    def _flow(self) -> object:
        """What changes as soon as the consumer stops taking messages."""
        return self.consumer.flow_active, self.consumer.stops if isinstance(self.consumer, DoneConsumer) else 0

    def on_crash(self, msg: str, *fmt: object) -> None:
        # The library would print it.
        LIBRARY.debug(msg.format(*fmt))


class DoneConsumer(driver.Consumer):
    """Commits what is done with.

    `done`  the offset before which everything is done with, by partition.
    `stops` how often it stopped taking messages.
    `ends`  where the next message of a partition will be, as Kafka was asked, of those that were asked about.
    """

    logger = LIBRARY

    def on_init(self) -> None:
        """Nothing is done with."""
        super().on_init()
        self.done: dict[TP, int] = {}
        self.ends: dict[TP, int] = {}
        self.stops = 0

    def stop_flow(self) -> None:
        """Take no messages: partitions change hands."""
        self.stops += 1
        super().stop_flow()

    @property
    def taken_from(self) -> frozenset[TP]:
        """Partitions of which messages are taken now: ours, but for those that are paused."""
        return frozenset(self._active_partitions)

    def forget(self) -> None:
        """Partitions changed hands: nothing is done with."""
        self.done.clear()
        self.ends.clear()

    def lag(self, tp: TP) -> int | None:
        """How many messages are not done with; None while that is not known."""
        end = self.end(tp)
        return None if end is None else max(end - self.done.get(tp, self.committed(tp) or 0), 0)

    def end(self, tp: TP) -> int | None:
        """Where the next message of a partition will be; None while that is not known."""
        told: int | None = None
        # A partition that went away meanwhile is none of ours.
        with suppress(Exception):
            told = self.highwater(tp)
        asked = self.ends.get(tp)
        return asked if told is None else max(told, asked or 0)

    def committed(self, tp: TP) -> int | None:
        """From where the group goes on in a partition; None where it has not begun."""
        return self._committed_offset.get(tp)

    async def commit_and_end_transactions(self) -> None:
        """Commit before it ends, if Kafka answers."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_COMMIT_S):
                await super().commit_and_end_transactions()

    def close_loop(self) -> None:
        """Once it is stopped: close its thread's loop. A thread that runs on closes it itself."""
        loop = self._thread.thread_loop
        if not loop.is_running():
            loop.close()

    def _getmany(
        self, active_partitions: set[TP] | None, timeout: float
    ) -> Coroutine[object, object, Mapping[TP, list[Fetched]]]:
        return self._restore(active_partitions, super()._getmany(active_partitions, timeout))

    async def _restore(
        self, wanted: set[TP] | None, fetching: Awaitable[Mapping[TP, list[Fetched]]]
    ) -> Mapping[TP, list[Fetched]]:
        fetched = await fetching
        if not self.flow_active or not isinstance(self.transport, DoneTransport):
            # The library drops it, and reads it again.
            return fetched
        restore = self.transport.restore
        return {tp: restore(tp, each) if wanted is None or tp in wanted else each for tp, each in fetched.items()}

    def _new_consumer_thread(self) -> driver.AIOKafkaConsumerThread:
        return _DoneThread(self, loop=self.loop, beacon=self.beacon)

    def _new_offset(self, tp: TP) -> int | None:
        # What the library has passed is only tidied up.
        super()._new_offset(tp)
        return self.done.get(tp)


class DoneTransport(driver.Transport):
    """Kafka, with that consumer. `restore` is for what it fetches."""

    Consumer = DoneConsumer
    restore: Restore
