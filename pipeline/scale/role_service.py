"""A role as a process: its signals, its HTTP interface and its supervisor's notifications.

Owns what happens from start to end of `chargeline run --role …`. Must not know which role it is, or Kafka.

SIGTERM and SIGINT finish what is at hand and leave within ten seconds; a second one leaves at once. Both lose nothing:
what is not confirmed is delivered again. SIGHUP reads secrets again.
"""

import asyncio
import logging
import os
import signal
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Protocol

from pipeline.deferred import deferred
from pipeline.garbage import seldom_looked_for
from pipeline.meters import Meters
from pipeline.settings import Settings
from pipeline.wires.systemd import Notifier

if TYPE_CHECKING:
    from pipeline.wires import http
else:
    # Without HTTP nothing of it is needed.
    http = deferred("pipeline.wires.http")

_LOG = logging.getLogger(__name__)

_DRAIN_S = 8.0
_LEAVE_S = 9.5
_BEAT_S = 5.0


class Role(Protocol):
    """What a process of a scaled-out Chargeline does."""

    async def run(self) -> None:
        """Work until `stop`. Whatever fails outside is tried again; never raises for it."""

    async def stop(self) -> None:
        """Take nothing more. `run` returns when what is at hand is settled, or cannot be now."""

    def reload(self) -> None:
        """Read secrets again, and try at once what waits."""


def serve_role(settings: Settings, environ: Mapping[str, str], make: Callable[[Meters], Role]) -> int:
    """Work until a signal ends it; the signal's number. Raises OSError for an HTTP address that cannot be used."""
    with seldom_looked_for():
        return asyncio.run(_RoleService(settings, Notifier(environ), make).run())


class _RoleService:
    def __init__(self, settings: Settings, notifier: Notifier, make: Callable[[Meters], Role]) -> None:
        self._settings = settings
        self._notifier = notifier
        self._meters = Meters()
        self._make = make
        self._asked_to_end = asyncio.Event()
        self._ended_by = 0

    async def run(self) -> int:
        role = self._make(self._meters)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end, number)
        loop.add_signal_handler(signal.SIGHUP, self._reload, role)
        async with AsyncExitStack() as parts:
            if self._settings.http is not None:
                host, port = self._settings.http
                await parts.enter_async_context(http.HttpInterface(self._settings.http, self._meters))
                _LOG.info("health and metrics at http://%s:%d", f"[{host}]" if ":" in host else host, port)
            work = asyncio.create_task(role.run())
            beat = asyncio.create_task(self._beat())
            ending = asyncio.create_task(self._asked_to_end.wait())
            await asyncio.wait([work, ending], return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                await self._drain(role, work)
            for task in (ending, beat):
                task.cancel()
            await work
        return self._ended_by

    async def _drain(self, role: Role, work: asyncio.Task[None]) -> None:
        """Finish what is at hand. A Kafka that does not answer must not keep the process: then it leaves as it is."""
        self._notifier.stopping()
        try:
            async with asyncio.timeout(_DRAIN_S):
                await role.stop()
                await asyncio.shield(work)
        except TimeoutError:
            self._overdue()

    async def _beat(self) -> None:
        """Tell the supervisor that the loop is alive, and how it is."""
        self._notifier.ready()
        watchdog_s = self._notifier.watchdog_s
        beat_s = _BEAT_S if watchdog_s is None else min(_BEAT_S, watchdog_s / 2)
        while True:
            gauges = self._meters.snapshot().gauges
            self._notifier.alive(f"{gauges.state}{': ' if gauges.words else ''}{gauges.words}")
            await asyncio.sleep(beat_s)

    def _end(self, number: signal.Signals) -> None:
        if self._asked_to_end.is_set():
            _LOG.warning("leaving at once; what is not confirmed is delivered again")
            self._leave()
        _LOG.info("%s: finishing what is at hand", number.name)
        self._ended_by = number
        self._asked_to_end.set()
        asyncio.get_running_loop().call_later(_LEAVE_S, self._overdue)

    def _reload(self, role: Role) -> None:
        _LOG.info("SIGHUP: reading secrets again")
        self._notifier.reloading()
        role.reload()
        self._notifier.ready()

    def _overdue(self) -> None:
        _LOG.warning("leaving without waiting any longer; what is not confirmed is delivered again")
        self._leave()

    def _leave(self) -> None:
        """Without the threads: one may wait for Kafka for a while yet."""
        logging.shutdown()
        os._exit(0 if self._ended_by == signal.SIGTERM else 130)
