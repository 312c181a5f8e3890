"""What a worker needs for commands, opened as the settings ask: the desk that sends them, and the copies of others'.

Owns which settings ask for what. Must not know how a command is sent, or how its copy is read.
"""

from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from time import time_ns
from typing import TYPE_CHECKING

from pipeline.assembly import make_redaction, secret_reader
from pipeline.broker import LINES, read_command_broker
from pipeline.command_copies import CommandCopies
from pipeline.deferred import deferred
from pipeline.desk import OnSent, WorkerDesk
from pipeline.journey import Journey, OnBatch
from pipeline.meters import Meters
from pipeline.retrying import SendingRules
from pipeline.secret import UnreadableSecretError
from pipeline.settings import Settings
from pipeline.tracking import Tracking
from pipeline.wires.amqp import AmqpSource
from pipeline.wires.amqp_address import EaseeConnection
from pipeline.wires.command_publisher import CommandPublisher
from schemas.catalogue import shipped_catalogue

if TYPE_CHECKING:
    from pipeline.wires import command_requests
else:
    command_requests = deferred("pipeline.wires.command_requests")

_CLOSE_S = 3.0
_NOTE_S = 1.0

ReadBroker = Callable[[], EaseeConnection]


@asynccontextmanager
async def open_desk(
    settings: Settings,
    tracking: Tracking,
    read_broker: ReadBroker,
    name: str,
    on_sent: OnSent | None,
    why_not: Callable[[], str],
) -> AsyncIterator[WorkerDesk]:
    """The desk. `name` is what the broker's operator sees of us.

    At the end what is on its way is waited for some seconds; then it is cut off, and noted as unconfirmed.

    `on_sent` and `why_not` as for WorkerDesk.
    """
    rules = SendingRules(settings.operator or "", settings.retry_attempts, settings.command_timeout, settings.late_data)
    async with CommandPublisher(read_broker, ca_file=settings.amqp_ca_file, name=f"{name} commands") as publisher:
        redaction = make_redaction(settings)
        desk = WorkerDesk(tracking, publisher, shipped_catalogue(), redaction, rules, time_ns, on_sent, why_not)
        try:
            yield desk
        finally:
            await desk.close(_CLOSE_S)
    await desk.close(_NOTE_S)


def make_requests(settings: Settings, desk: WorkerDesk) -> "command_requests.CommandRequests":
    """Who answers requests about commands; the token is read again for each."""
    secret = settings.http_token
    read_token = (lambda: None) if secret is None else secret_reader(secret)
    return command_requests.CommandRequests(desk, shipped_catalogue(), read_token, time_ns)


def make_copies(
    settings: Settings,
    journey: Journey,
    meters: Meters,
    thread: ThreadPoolExecutor,
    name: str,
    on_batch: OnBatch,
    is_consuming: Callable[[], bool],
) -> CommandCopies | None:
    """Who reads COMMAND_QUEUE; None where it is not set. It is shared: its owner may look on, too.

    `on_batch` and `is_consuming` as for CommandCopies.
    """
    if settings.command_queue is None:
        return None

    def read() -> EaseeConnection:
        try:
            return read_command_broker(settings)
        except UnreadableSecretError as fault:
            raise ValueError(str(fault)) from None

    source = AmqpSource(
        read,
        LINES[settings.amqp_reader],
        ca_file=settings.amqp_ca_file,
        prefetch=settings.prefetch,
        is_shared=settings.amqp_share,
        name=f"{name} copies",
    )
    return CommandCopies(source, journey, meters, thread, on_batch, is_consuming)
