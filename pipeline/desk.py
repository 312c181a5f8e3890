"""The desk of a worker: commands of ours, from the request to the exchange, each published once.

Owns the order of things (intent durable, then published, then known), and which requests were made. Must not know HTTP,
or what becomes of a command (the tracker).

A crash leaves an intent, which is known as unconfirmed after the restart: nobody can say whether it was published, so
it is not published again.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, Protocol

from pipeline.core.command_entry import SentCommand
from pipeline.core.command_life import Life
from pipeline.core.command_ref import command_ref
from pipeline.core.decode_command import ATTEMPT, PUBLISHED_AT, UNCONFIRMED
from pipeline.core.encode_command import (
    CheckedCommand,
    CommandMessage,
    encode_command,
    retry_message_id,
    sent_command,
)
from pipeline.core.redaction import Redaction
from pipeline.core.timestamps import NS_PER_S, format_time
from pipeline.known_requests import KnownRequests
from pipeline.retrying import SendingRules, calls_for_retry, may_send_again
from pipeline.tracking import Tracking
from pipeline.wires.command_desk import CommandRequest, ConflictError, ForgottenError, NotPublishedError
from pipeline.wires.command_publisher import Published, PublishEnd
from pipeline.wires.progress_tables import Request
from pipeline.wires.store import StoreUnavailableError
from schemas.alert import Alert
from schemas.catalogue import Catalogue
from schemas.command import CommandSent
from schemas.delivery import Delivery

_LOG = logging.getLogger(__name__)

_SOON_NS = NS_PER_S
_TRIES = 3

OnSent = Callable[[Delivery], None]
"""Given each command that may have arrived, as a copy of it would come. Called in any thread, may raise as a store."""


class Publisher(Protocol):
    """Who publishes; see CommandPublisher."""

    async def connect(self) -> Published | None:
        """Be ready to publish; otherwise why not, and nothing can be sent."""

    async def publish(self, message: CommandMessage, message_id: str) -> Published:
        """Publish once; how that ended."""


class _Way(NamedTuple):
    """A command on its way: what was asked for, of which charger, and who publishes it."""

    fingerprint: str
    serial: str
    task: asyncio.Task[SentCommand]


MayStill = Callable[[], Awaitable[bool]]
"""Whether a command may still be published, now that everything is ready."""


async def _always() -> bool:
    return True


class WorkerDesk:
    """A CommandDesk. For one event loop."""

    def __init__(
        self,
        tracking: Tracking,
        publisher: Publisher,
        catalogue: Catalogue,
        redaction: Redaction,
        rules: SendingRules,
        now: Callable[[], int],
        on_sent: OnSent | None = None,
        why_not: Callable[[], str] = lambda: "",
    ) -> None:
        """Knows what was asked for before.

        `now` is our clock, nanoseconds since the epoch. `why_not` has words where nothing may be sent now, since this
        worker would not get the answers.
        """
        self._tracking = tracking
        self._publisher = publisher
        self._catalogue = catalogue
        self._redaction = redaction
        self._rules = rules
        self._now = now
        self._on_sent = on_sent
        self._why_not = why_not
        self._requests = KnownRequests(tracking.requests())
        self._on_their_way: dict[str, _Way] = {}
        self._retries: set[asyncio.Task[None]] = set()

    async def send(self, request: CommandRequest) -> SentCommand:
        """See CommandDesk.send. Goes on when whoever asked went away."""
        known = self._requests.get(request.message_id)
        if known is not None:
            _check_same(known.fingerprint, request)
            found = await asyncio.to_thread(self._tracking.find, known)
            if found is None:
                raise ForgottenError
            return found
        under_way = self._on_their_way.get(request.message_id)
        if under_way is not None:
            _check_same(under_way.fingerprint, request)
            return await asyncio.shield(under_way.task)
        ref = self._ref(request.command, request.message_id)
        task = asyncio.create_task(self._publish(request, ref, 0))
        self._on_their_way[request.message_id] = _Way(request.fingerprint, request.command.serial, task)
        task.add_done_callback(lambda _: self._on_their_way.pop(request.message_id, None))
        return await asyncio.shield(task)

    def is_known(self, message_id: str) -> bool:
        """See CommandDesk.is_known."""
        return message_id in self._requests or message_id in self._on_their_way

    async def find(self, ref: str) -> SentCommand | None:
        """See CommandDesk.find."""
        request = self._requests.of_ref(ref)
        return None if request is None else await asyncio.to_thread(self._tracking.find, request)

    async def list(self, *, open_only: bool, limit: int) -> Sequence[SentCommand]:
        """See CommandDesk.list."""
        return await asyncio.to_thread(self._look_up, self._requests.newest_first(), open_only, limit)

    def told(self, alerts: Sequence[Alert]) -> None:
        """Alerts were raised or cleared: a time-out may be a reason to send again."""
        for alert in alerts:
            request = self._requests.of_ref(alert.ref)
            if request is not None and calls_for_retry(alert, self._rules, self._now()):
                task = asyncio.create_task(self._send_again(request))
                self._retries.add(task)
                task.add_done_callback(self._retries.discard)

    async def close(self, patience_s: float | None = None) -> None:
        """Wait for what is on its way, at most so long; what is still there then is known by its intent."""
        tasks = [*self._retries, *(way.task for way in self._on_their_way.values())]
        if tasks:
            await asyncio.wait(tasks, timeout=patience_s)

    def _look_up(self, requests: Sequence[Request], open_only: bool, limit: int) -> Sequence[SentCommand]:
        found: deque[SentCommand] = deque()
        for request in requests:
            sent = self._tracking.find(request)
            if sent is not None and (sent.is_open or not open_only):
                found.append(sent)
            if len(found) == limit:
                break
        return tuple(found)

    async def _publish(
        self, asked: CommandRequest, first_ref: str, attempt: int, may_still: MayStill = _always
    ) -> SentCommand:
        """Publish once, and answer with what is known then. Raises NotPublishedError.

        `may_still` is asked last, when everything else is ready.
        """
        why_not = self._why_not()
        if why_not:
            raise _not_sent(why_not)
        # Connecting may take seconds: the moment of the publication is taken behind it.
        unready = await self._publisher.connect()
        if unready is not None:
            raise NotPublishedError(unready.end, unready.words)
        request, command = await self._intend(asked, first_ref, attempt)
        if not await may_still():
            await asyncio.to_thread(self._withdraw, request, command)
            raise _not_sent("something newer was asked of the charger meanwhile, or it answered")
        message = encode_command(asked.command, self._rules.operator)
        published = await self._publisher.publish(message, asked.message_id)
        if not published.end.may_have_arrived:
            await asyncio.to_thread(self._withdraw, request, command)
            raise NotPublishedError(published.end, published.words)
        self._requests.add(request)
        is_confirmed = published.end is PublishEnd.CONFIRMED
        copy = _copy_of(message, command, asked.message_id, attempt, is_confirmed=is_confirmed)
        await asyncio.to_thread(self._note_sent, command, attempt, is_confirmed, copy)
        await asyncio.to_thread(self._forget_old)
        if not is_confirmed:
            _LOG.warning("command %s: %s", command.ref, published.words)
        found = await asyncio.to_thread(self._tracking.find, request)
        life = Life(command, self._rules.timeout_ns, attempt, is_confirmed)
        return found or SentCommand(life, 0)

    async def _intend(self, asked: CommandRequest, first_ref: str, attempt: int) -> tuple[Request, CommandSent]:
        """Make an intent durable. A disk that takes long makes its moment a wrong one: then it is taken anew."""
        for tries_left in reversed(range(_TRIES)):
            command = self._as_sent_now(asked)
            request = Request(
                asked.message_id,
                command.serial,
                command.id,
                command.published_at,
                command.ref,
                first_ref,
                asked.fingerprint,
            )
            if command.expires_at is not None and command.expires_at <= command.published_at:
                raise _not_sent("the command expired before it could be published")
            try:
                await asyncio.to_thread(self._tracking.intend, request, command, attempt)
            except StoreUnavailableError as fault:
                raise _not_sent(str(fault)) from fault
            if not tries_left or self._now() - command.published_at <= _SOON_NS:
                break
            await asyncio.to_thread(self._withdraw, request, command)
        return request, command

    def _as_sent_now(self, asked: CommandRequest) -> CommandSent:
        return sent_command(asked.command, self._now(), self._ref(asked.command, asked.message_id), self._redaction)

    def _note_sent(self, command: CommandSent, attempt: int, is_confirmed: bool, copy: Delivery) -> None:
        try:
            self._tracking.sent(command, attempt, is_confirmed=is_confirmed)
            if self._on_sent is not None:
                self._on_sent(copy)
        except StoreUnavailableError as fault:
            # Its intent is durable: after a restart it is unconfirmed, until something answers.
            _LOG.warning("command %s was published, which could not be noted: %s", command.ref, fault)

    def _withdraw(self, request: Request, command: CommandSent) -> None:
        try:
            self._tracking.withdraw(request, command)
        except StoreUnavailableError as fault:
            _LOG.warning("command %s was not published, which could not be noted: %s", command.ref, fault)

    async def _send_again(self, request: Request) -> None:
        sent = await asyncio.to_thread(self._tracking.find, request)
        if sent is None or not self._may_send_again(sent.life):
            return
        life = sent.life
        attempt = life.attempt + 1
        message_id = retry_message_id(request.first_ref, attempt)
        if self.is_known(message_id):
            return

        async def may_still() -> bool:
            found = await asyncio.to_thread(self._tracking.find, request)
            return found is not None and self._may_send_again(found.life)

        spec = self._catalogue.commands[life.command.id]
        checked = CheckedCommand(life.command.serial, spec, life.command.arguments, life.command.expires_at)
        _LOG.info("command %s timed out: sending it again, for the %d. time", life.command.ref, attempt)
        try:
            await self._publish(CommandRequest(checked, message_id, ""), request.first_ref, attempt, may_still)
        except NotPublishedError as fault:
            _LOG.warning("command %s could not be sent again: %s", life.command.ref, fault)

    def _may_send_again(self, life: Life) -> bool:
        """What is just being published to the same charger is newer, and known to nobody else yet."""
        is_overtaken = any(way.serial == life.command.serial for way in self._on_their_way.values())
        return not is_overtaken and may_send_again(life, self._catalogue, self._rules, self._now())

    def _forget_old(self) -> None:
        """Requests are forgotten when their command is, some at a time."""
        gone = self._requests.forgettable(self._now() - self._rules.known_ns, self._tracking.find)
        if not gone:
            return
        try:
            self._tracking.drop_requests([request.message_id for request in gone])
        except StoreUnavailableError as fault:
            _LOG.warning("old requests stay for now: %s", fault)
            return
        self._requests.forget(gone)

    def _ref(self, command: CheckedCommand, message_id: str) -> str:
        return command_ref(command.serial, command.spec.id, message_id.encode())


def _not_sent(why: str) -> NotPublishedError:
    return NotPublishedError(PublishEnd.UNREACHABLE, f"nothing was sent: {why}")


def _check_same(fingerprint: str, request: CommandRequest) -> None:
    if fingerprint != request.fingerprint:
        raise ConflictError


def _copy_of(
    message: CommandMessage, command: CommandSent, message_id: str, attempt: int, *, is_confirmed: bool
) -> Delivery:
    """The command as a copy of it would be delivered, with what we alone know of its publication."""
    headers: dict[str, object] = {**message.headers, PUBLISHED_AT: format_time(command.published_at)}
    headers |= {ATTEMPT: attempt} if attempt else {}
    headers |= {} if is_confirmed else {UNCONFIRMED: True}
    return Delivery(message.routing_key, headers, message.body, command.published_at, message_id)
