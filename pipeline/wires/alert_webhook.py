"""The webhook: alerts posted to Alertmanager, or whatever takes the form of its API, version 2.

Owns the form of an alert there, when it is sent again, and what waits to be sent. Must not know when an alert fires.
Nothing here waits for the receiver: what is told is posted by a task of its own, as soon as that can be.

Alertmanager forgets what is not sent again, so everything that is raised is sent every minute, each time with an end
five minutes ahead. The end of an alert is sent until the receiver takes it. Labels tell alerts apart and are the same
from raise to clear: `alertname` (the kind as `ChargelineCommandTimeout`), `kind`, `severity`, and where there is one
`charger`, `command` and `ref`.
"""

import asyncio
import logging
import random
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from http import HTTPStatus
from time import time_ns
from types import MappingProxyType, TracebackType
from typing import Self

import aiohttp
import orjson
from yarl import URL

from pipeline.core.backoff import Backoff
from pipeline.core.body import Json
from pipeline.core.timestamps import NS_PER_S, format_time
from schemas.alert import Alert, AlertKind

SEVERITIES: Mapping[AlertKind, str] = MappingProxyType(
    {
        AlertKind.COMMAND_TIMEOUT: "warning",
        AlertKind.CHARGER_SILENT: "warning",
        AlertKind.FLEET_SILENT: "critical",
        AlertKind.STREAM_SILENT: "critical",
        AlertKind.REJECTS: "warning",
        AlertKind.BACKLOG: "warning",
        AlertKind.HOLDING: "critical",
    }
)
"""Label `severity`."""

MOST_WAITING = 10_000
"""Ends of alerts that wait to be sent; of more, the oldest are dropped: their alerts run out by themselves."""

_AT_ONCE = 500
_AGAIN_S = 60.0
_AHEAD_NS = 300 * NS_PER_S
_ANSWER_S = 10.0
_LEAVE_S = 2.0
_MOST_READ, _LONGEST_WORDS = 4_096, 200
_SHORTEST_WORD = 4
_MASKED = "***"
_LOGIN = "Authorization"
_NOBODY = "-"
_LATER = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)
_TROUBLE = (aiohttp.ClientError, OSError, TimeoutError, ValueError)
_LOG = logging.getLogger(__name__)


class AlertWebhook:
    """An asynchronous context; it posts inside."""

    def __init__(
        self,
        read_url: Callable[[], str],
        *,
        again: Backoff | None = None,
        resend_s: float = _AGAIN_S,
        answer_s: float = _ANSWER_S,
        now: Callable[[], int] = time_ns,
    ) -> None:
        """`read_url` has the URL as it is now; a user and a password in it are sent as basic authentication.

        `now` is our clock, nanoseconds since the epoch.
        """
        self._read_url = read_url
        self._again = Backoff(1.0, 60.0) if again is None else again
        self._resend_s = resend_s
        self._answer_s = answer_s
        self._now = now
        self._active: Sequence[Alert] = ()
        self._ended: deque[Alert] = deque()
        self._dropped = 0
        self._is_complaining = False
        self._told = asyncio.Event()
        self._session: aiohttp.ClientSession | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def dropped(self) -> int:
        """Ends that were dropped, because too many waited or the receiver refused them."""
        return self._dropped

    def tell(self, active: Sequence[Alert], ended: Sequence[Alert]) -> None:
        """These are raised now, and these have ended since the last call. Returns at once, and never raises."""
        self._active = active
        self._ended.extend(ended)
        while len(self._ended) > MOST_WAITING:
            self._ended.popleft()
            self._dropped += 1
        self._told.set()

    async def __aenter__(self) -> Self:
        """Begin to post."""
        timeout = aiohttp.ClientTimeout(total=self._answer_s)
        self._session = aiohttp.ClientSession(timeout=timeout, headers={"User-Agent": "chargeline"})
        self._task = asyncio.create_task(self._post_for_ever(self._session))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Try once more to send what waits, for two seconds."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        if self._session is not None:
            try:
                async with asyncio.timeout(_LEAVE_S):
                    if self._ended:
                        await self._post_all(self._session)
            except _TROUBLE as trouble:
                _LOG.warning("%d ends of alerts were not posted: %s", len(self._ended), _words(trouble))
            await self._session.close()

    async def _post_for_ever(self, session: aiohttp.ClientSession) -> None:
        failures = 0
        while True:
            if failures:
                await asyncio.sleep(self._again.delay_s(failures, random.random()))
            else:
                await self._wait_for_news()
            self._told.clear()
            try:
                await self._post_all(session)
            except _TROUBLE as trouble:
                failures += 1
                self._complain(f"{_words(trouble)}; it is tried again, and nothing waits for it")
            else:
                failures = 0

    def _complain(self, words: str) -> None:
        """Once, until something is taken again."""
        if not self._is_complaining:
            self._is_complaining = True
            _LOG.warning("alerts cannot be posted to CHARGELINE_ALERT_WEBHOOK: %s", words)

    async def _wait_for_news(self) -> None:
        """Until something is told, or it is time to send again."""
        try:
            async with asyncio.timeout(self._resend_s):
                await self._told.wait()
        except TimeoutError:
            return

    async def _post_all(self, session: aiohttp.ClientSession) -> None:
        """Post what has ended, then what is raised. Raises what the client raises, and ValueError, in words."""
        while self._ended:
            ended = [self._ended[place] for place in range(min(_AT_ONCE, len(self._ended)))]
            if not await self._post(session, [_form(alert, alert.at) for alert in ended]):
                self._dropped += len(ended)
            for alert in ended:
                if self._ended and self._ended[0] is alert:
                    self._ended.popleft()
        active, until = self._active, self._now() + _AHEAD_NS
        for first in range(0, len(active), _AT_ONCE):
            await self._post(session, [_form(alert, until) for alert in active[first : first + _AT_ONCE]])

    async def _post(self, session: aiohttp.ClientSession, forms: Sequence[Json]) -> bool:
        """Post some alerts; False where the receiver will never take them. Raises where it may later."""
        url = URL(self._read_url())
        async with session.post(
            url, data=orjson.dumps(forms), headers={"Content-Type": "application/json"}, allow_redirects=False
        ) as answer:
            if HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
                if self._is_complaining:
                    self._is_complaining = False
                    _LOG.info("alerts are posted again")
                return True
            words = (await answer.content.read(_MOST_READ)).decode(errors="replace")
            sent = (url.raw_path_qs, url.path_qs, url.raw_path, url.path, answer.request_info.headers.get(_LOGIN, ""))
            shown = f"status {answer.status}: {_without(' '.join(words.split()), sent)[:_LONGEST_WORDS]}"
            if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR or answer.status in _LATER:
                raise ValueError(shown)
            self._complain(f"they are refused with {shown}")
            return False


def _form(alert: Alert, ends_at: int) -> dict[str, Json]:
    """An alert as Alertmanager's API takes it."""
    about = {"charger": alert.serial, "command": alert.command, "ref": alert.ref}
    return {
        "labels": {
            "alertname": "Chargeline" + alert.kind.value.title().replace("_", ""),
            "kind": alert.kind.value,
            "severity": SEVERITIES[alert.kind],
            **{name: value for name, value in about.items() if value and value != _NOBODY},
        },
        "annotations": {"summary": alert.message, "value": f"{alert.value:g}"},
        "startsAt": format_time(alert.raised_at),
        "endsAt": format_time(max(ends_at, alert.raised_at)),
    }


def _without(words: str, sent: Iterable[str]) -> str:
    """The receiver's words without what it may repeat of the URL and the login: either may be the secret."""
    for word in sent:
        words = words.replace(word, _MASKED) if len(word) >= _SHORTEST_WORD else words
    return words


def _words(trouble: BaseException) -> str:
    """Without the URL, which may hold a password."""
    if isinstance(trouble, TimeoutError):
        return "it does not answer in time"
    if isinstance(trouble, aiohttp.ClientSSLError) and trouble.strerror:
        return f"{trouble.strerror}: see its certificate, and SSL_CERT_FILE where its authority is your own"
    if isinstance(trouble, OSError) and trouble.strerror:
        return f"{trouble.strerror}: see that it runs and can be reached"
    if isinstance(trouble, aiohttp.ClientError):
        return type(trouble).__name__
    return str(trouble)
