"""The service: a worker as a process, with its signals, its HTTP interface and its supervisor's notifications.

Owns what happens from start to end of `chargeline run`. Must not know how a batch becomes durable (the worker).

SIGTERM and SIGINT finish what is at hand and leave within ten seconds; a second one leaves at once. Both lose nothing:
what is not acknowledged is delivered again. SIGHUP reads secrets and the fleet file again.
"""

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from importlib.metadata import version
from pathlib import Path
from time import monotonic, time_ns
from typing import TYPE_CHECKING

from pipeline.alert_log import log_alerts
from pipeline.assembly import Opened, describe_store, make_alerts, open_parts, secret_reader
from pipeline.broker import LINES, check_sending, read_broker
from pipeline.command_parts import make_copies, make_requests, open_desk
from pipeline.core.timestamps import NS_PER_S
from pipeline.deferred import deferred
from pipeline.garbage import seldom_looked_for
from pipeline.journey import BatchReport
from pipeline.meters import Meters
from pipeline.onlooker import Onlooker
from pipeline.presence import Presence
from pipeline.recording import Recording
from pipeline.retention import Dropping, ages_of
from pipeline.secret import UnreadableSecretError
from pipeline.self_metrics import SelfMetrics
from pipeline.settings import Settings
from pipeline.watch import Watch
from pipeline.wires.amqp import AmqpSource
from pipeline.wires.amqp_address import EaseeConnection, tls_context
from pipeline.wires.amqp_fault import quieten_client
from pipeline.wires.folder_lock import lock_folder
from pipeline.wires.private_file import make_private_folder
from pipeline.wires.systemd import Notifier
from pipeline.worker import BatchLimits, Parts, Patience, Worker
from schemas.alert import Alert
from schemas.catalogue import shipped_catalogue
from schemas.delivery import Delivery

if TYPE_CHECKING:
    from pipeline.wires import alert_webhook, command_requests, http
else:
    # Without HTTP and a webhook nothing of theirs is needed.
    alert_webhook = deferred("pipeline.wires.alert_webhook")
    command_requests = deferred("pipeline.wires.command_requests")
    http = deferred("pipeline.wires.http")

_LOG = logging.getLogger(__name__)

_DRAIN_S = 8.0
_LEAVE_S = 9.5
_BEAT_S = 5.0


def serve(
    settings: Settings,
    environ: Mapping[str, str],
    record: Path | None = None,
    patience: Patience | None = None,
    onlooker: Onlooker | None = None,
) -> int:
    """Work until a signal ends it; the signal's number.

    Raises SettingsError, UnreadableSecretError, FolderLockedError, ForeignFileError, StoreUnavailableError and OSError
    for what keeps it from starting, each with words. Once started it does not give up.
    """
    broker = read_broker(settings)
    check_sending(settings, broker)
    try:
        tls_context(broker.address, settings.amqp_ca_file)
    except ValueError as fault:
        raise UnreadableSecretError(str(fault)) from None
    make_private_folder(settings.data_dir)
    with seldom_looked_for(), lock_folder(settings.data_dir), open_parts(settings, now=time_ns()) as opened:
        recording = None if record is None else Recording(record)
        try:
            return asyncio.run(_Service(settings, opened, recording, Notifier(environ), patience, onlooker).run())
        finally:
            if recording is not None:
                recording.close()


class _Service:
    def __init__(
        self,
        settings: Settings,
        opened: Opened,
        recording: Recording | None,
        notifier: Notifier,
        patience: Patience | None,
        onlooker: Onlooker | None,
    ) -> None:
        self._name = f"chargeline {version('chargeline')} {socket.gethostname()}-{os.getpid()}"
        self._settings = settings
        self._opened = opened
        self._recording = recording
        self._notifier = notifier
        self._onlooker = onlooker
        self._meters = Meters()
        self._source = AmqpSource(
            self._read_broker,
            LINES[settings.amqp_reader],
            ca_file=settings.amqp_ca_file,
            prefetch=settings.prefetch,
            is_shared=settings.amqp_share,
            name=self._name,
        )
        self._presence = Presence(self._source, monotonic)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="commit")
        self._watch = Watch(self._meters, opened.tracking, make_alerts(settings))
        self._watch.listen(log_alerts)
        metrics = SelfMetrics(self._meters, socket.gethostname())
        self._copies = make_copies(
            settings,
            opened.journey,
            self._meters,
            self._thread,
            self._name,
            self._copies_taken,
            self._presence.is_consuming,
        )
        parts = Parts(
            self._source, opened.journey, opened.store, self._meters, metrics, self._thread, self._watch, recording
        )
        if onlooker is not None:
            parts = parts._replace(on_batch=onlooker.batch)
            self._watch.listen(onlooker.alerts)
        if self._copies is not None:
            parts = parts._replace(may_take=self._copies.is_level)
        self._worker = Worker(parts, BatchLimits(settings.batch, settings.batch_age / NS_PER_S), patience)
        self._ended_by = 0
        self._asked_to_end = asyncio.Event()

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        quieten_client(loop)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end, number)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        async with AsyncExitStack() as parts:
            await self._open_webhook(parts)
            commands = await self._open_commands(parts)
            if self._settings.http is not None:
                host, port = self._settings.http
                interface = http.HttpInterface(self._settings.http, self._meters, commands=commands)
                await parts.enter_async_context(interface)
                _LOG.info("health and metrics at http://%s:%d", f"[{host}]" if ":" in host else host, port)
            _LOG.info("rows go to %s", describe_store(self._settings))
            self._watch.begin(time_ns())
            work = asyncio.create_task(self._work())
            beside = [asyncio.create_task(self._beat()), asyncio.create_task(self._presence.run())]
            if self._onlooker is not None:
                self._onlooker.begin(self._watch.active())
                beside.append(asyncio.create_task(self._onlooker.run(self._words)))
            ending = asyncio.create_task(self._asked_to_end.wait())
            await asyncio.wait([work, ending], return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                await self._drain(work)
            for task in (ending, *beside):
                task.cancel()
            await work
        self._thread.shutdown(wait=False)
        return self._ended_by

    async def _open_commands(self, parts: AsyncExitStack) -> "command_requests.CommandRequests | None":
        """Begin to send commands, where there is a token to ask for it."""
        if self._settings.http_token is None:
            return None
        on_sent = None if self._recording is None else self._record
        desk = await parts.enter_async_context(
            open_desk(
                self._settings, self._opened.tracking, self._read_broker, self._name, on_sent, self._presence.why_not
            )
        )
        self._watch.listen(desk.told)
        return make_requests(self._settings, desk)

    async def _open_webhook(self, parts: AsyncExitStack) -> None:
        """Begin to post alerts, where somebody wants them."""
        if self._settings.alert_webhook is None:
            return
        webhook = await parts.enter_async_context(
            alert_webhook.AlertWebhook(secret_reader(self._settings.alert_webhook))
        )

        def tell(edges: Sequence[Alert]) -> None:
            webhook.tell(self._watch.active(), [edge for edge in edges if not edge.active])

        self._watch.listen(tell)
        webhook.tell(self._watch.active(), ())

    async def _work(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            if self._copies is not None:
                tasks.create_task(self._copies.run())
            dropping = self._dropping()
            beside = None if dropping is None else tasks.create_task(dropping.run())
            await self._worker.run()
            if beside is not None:
                beside.cancel()

    def _dropping(self) -> Dropping | None:
        """What drops old rows, where some are too old one day and the store is ours to drop them from."""
        ages = ages_of(self._settings.keep, shipped_catalogue())
        if not ages or self._opened.dropper is None:
            return None
        tracking, meters = self._opened.tracking, self._meters
        return Dropping(self._opened.dropper, ages, self._thread, tracking.latest, meters.rows_dropped)

    def _copies_taken(self, report: BatchReport) -> None:
        self._watch.tell(report.told)
        if self._onlooker is not None:
            self._onlooker.batch(report)

    def _record(self, command: Delivery) -> None:
        if self._recording is not None:
            self._recording.append([command])

    async def _drain(self, work: asyncio.Task[None]) -> None:
        """Finish what is at hand. A store that does not answer must not keep the process: then it leaves as it is."""
        self._notifier.stopping()
        try:
            async with asyncio.timeout(_DRAIN_S):
                await self._worker.stop()
                if self._copies is not None:
                    await self._copies.stop()
                await asyncio.shield(work)
        except TimeoutError:
            self._overdue()

    async def _beat(self) -> None:
        """Tell the supervisor that the loop is alive, and how it is."""
        self._notifier.ready()
        watchdog_s = self._notifier.watchdog_s
        beat_s = _BEAT_S if watchdog_s is None else min(_BEAT_S, watchdog_s / 2)
        while True:
            self._notifier.alive(self._words())
            await asyncio.sleep(beat_s)

    def _end(self, number: signal.Signals) -> None:
        if self._asked_to_end.is_set():
            _LOG.warning("leaving at once; what is not stored stays in the queue")
            self._leave()
        _LOG.info("%s: finishing what is at hand", number.name)
        self._ended_by = number
        self._asked_to_end.set()
        asyncio.get_running_loop().call_later(_LEAVE_S, self._overdue)

    def _reload(self) -> None:
        _LOG.info("SIGHUP: reading secrets and the fleet file again")
        self._notifier.reloading()
        self._worker.reload()
        self._notifier.ready()

    def _words(self) -> str:
        gauges = self._meters.snapshot().gauges
        backlog = "" if gauges.backlog is None else f", {gauges.backlog} messages wait"
        return f"{gauges.state}{': ' if gauges.words else ''}{gauges.words}{backlog}"

    def _overdue(self) -> None:
        _LOG.warning("leaving without waiting any longer; what is not stored stays in the queue")
        self._leave()

    def _leave(self) -> None:
        """Without the threads: one may wait for a store for half a minute yet."""
        if self._onlooker is not None:
            self._onlooker.close()
        logging.shutdown()
        os._exit(0 if self._ended_by == signal.SIGTERM else 130)

    def _read_broker(self) -> EaseeConnection:
        try:
            return read_broker(self._settings)
        except UnreadableSecretError as fault:
            raise ValueError(str(fault)) from None
