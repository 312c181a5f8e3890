"""HTTP: health, readiness and metrics of a worker, for those who watch it.

Owns the server: its paths, its answers, and what it takes from strangers, which is little: small headers, no body
except for commands, a bounded number of connections, none of them silent for long. Must not know how a worker works:
it reads meters, and hands requests about commands on.

    GET /healthz   200 while the event loop runs: that it answers is the proof
    GET /readyz    200 where every condition of `pipeline.core.readiness` is met, otherwise 503; each with its words
    GET /metrics   what Prometheus scrapes
    /v1/…          commands, where the worker sends any: `pipeline.wires.command_requests`
"""

import asyncio
import json
import logging
import os
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from importlib.metadata import version
from time import time_ns
from types import TracebackType
from typing import NamedTuple, Protocol, Self

import orjson
from aiohttp import web
from aiohttp.abc import AbstractAccessLogger
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from pipeline.core.readiness import judge_readiness
from pipeline.wires.command_requests import CommandRequests
from pipeline.wires.metrics import metrics_registry
from schemas.meters import MetersSnapshot

MOST_CONNECTIONS = 64
_SILENT_S = 20.0
_MOST_HEADER_BYTES = 4_096
_MOST_HEADERS = 64
_LEAVE_S = 1.0
_METHODS = ("GET", "HEAD")
_COMMANDS = "/v1/"
_JSON = "application/json"
_TEXT = "text/plain; charset=utf-8"
_LOG = logging.getLogger(__name__)


class Metered(Protocol):
    """Whoever has meters to show."""

    def snapshot(self) -> MetersSnapshot:
        """All of them as they are now; quick, and without I/O."""


class ListenError(OSError):
    """The address cannot be listened at. Says why, and what to do."""


class _Answer(NamedTuple):
    status: HTTPStatus
    content_type: str
    body: bytes


class HttpInterface:
    """The server, as an asynchronous context: it listens inside."""

    def __init__(
        self,
        address: tuple[str, int],
        meters: Metered,
        *,
        commands: CommandRequests | None = None,
        now: Callable[[], int] = time_ns,
        silent_s: float = _SILENT_S,
    ) -> None:
        """Host (IPv6 without brackets) and port to listen at; port 0 is any free one.

        Without `commands` there is nothing below `/v1/`.
        `now` is the clock of the meters, nanoseconds since the epoch. A connection on which no whole request came for
        `silent_s` seconds, or whose client takes no answers for so long, is closed.
        """
        self._address = address
        self._meters = meters
        self._commands = commands
        self._now = now
        self._silent_s = silent_s
        self._metrics = metrics_registry(meters.snapshot, version("chargeline"))
        self._pages = {"/healthz": _show_health, "/readyz": self._show_readiness, "/metrics": self._show_metrics}
        self._connections: web.Server | None = None
        self._listener: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """The port that it listens at; the one asked for while it does not."""
        if self._listener is None:
            return self._address[1]
        port: int = self._listener.sockets[0].getsockname()[1]
        return port

    async def __aenter__(self) -> Self:
        """Listen. Raises ListenError."""
        host, port = self._address
        self._connections = web.Server(self._answer)
        accept = partial(_accept, self._connections, self._silent_s)
        try:
            self._listener = await asyncio.get_running_loop().create_server(accept, host, port)
        except OSError as fault:
            shown = f"[{host}]" if ":" in host else host
            message = f"{shown}:{port}: {_words_of(fault)}; name another address in CHARGELINE_HTTP, or off"
            raise ListenError(message) from fault
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Listen no more, and end every connection."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        if self._connections is not None:
            await self._connections.shutdown(_LEAVE_S)
            self._connections = None

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if self._commands is not None and request.path.startswith(_COMMANDS):
            answer = await self._commands.answer(request)
            response = _response(answer.status, _JSON, answer.body)
            response.headers.update(answer.headers)
            return response
        page = self._pages.get(request.path)
        if page is None:
            return _response(HTTPStatus.NOT_FOUND)
        if request.method not in _METHODS:
            response = _response(HTTPStatus.METHOD_NOT_ALLOWED)
            response.headers["Allow"] = ", ".join(_METHODS)
            return response
        status, content_type, body = page()
        return _response(status, content_type, body)

    def _show_readiness(self) -> _Answer:
        conditions = judge_readiness(self._meters.snapshot().gauges, self._now())
        is_ready = all(condition.is_met for condition in conditions)
        document = {
            "ready": is_ready,
            "conditions": {
                condition.name: {"met": condition.is_met, "words": condition.words} for condition in conditions
            },
        }
        # In ASCII: the words may be a server's own, and are read on terminals.
        body = json.dumps(document).encode()
        return _Answer(HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE, _JSON, body)

    def _show_metrics(self) -> _Answer:
        return _Answer(HTTPStatus.OK, CONTENT_TYPE_LATEST, generate_latest(self._metrics))


class _Connection(web.RequestHandler):
    """One connection, quiet about what strangers send. Who does not take answers must not keep it from others."""

    def __init__(self, connections: web.Server, silent_s: float) -> None:
        super().__init__(
            connections,
            loop=asyncio.get_running_loop(),
            keepalive_timeout=silent_s,
            lingering_time=0,
            max_line_size=_MOST_HEADER_BYTES,
            max_field_size=_MOST_HEADER_BYTES,
            max_headers=_MOST_HEADERS,
            access_log_class=_NoAccessLog,
            logger=_LOG,
        )
        self._silent_s = silent_s
        self._given_up_later: asyncio.TimerHandle | None = None

    def pause_writing(self) -> None:
        """So much waits to be taken that no more is written: the time runs."""
        super().pause_writing()
        self._forgive()
        self._given_up_later = asyncio.get_running_loop().call_later(self._silent_s, self._give_up)

    def resume_writing(self) -> None:
        """Enough was taken."""
        super().resume_writing()
        self._forgive()

    def connection_lost(self, exc: BaseException | None) -> None:
        """It is over."""
        self._forgive()
        super().connection_lost(exc)

    def _forgive(self) -> None:
        if self._given_up_later is not None:
            self._given_up_later.cancel()
            self._given_up_later = None

    def _give_up(self) -> None:
        if isinstance(self.transport, asyncio.Transport):
            self.transport.abort()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = HTTPStatus.INTERNAL_SERVER_ERROR,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer a request that could not be read, or a fault of ours; the library would repeat what was sent."""
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            _LOG.error("an answer failed; please report this", exc_info=exc)
        response = _response(HTTPStatus(status))
        response.force_close()
        return response


class _Refused(asyncio.Protocol):
    """A connection that is one too many."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """End it at once; bytes that were sent already must not keep it."""
        if isinstance(transport, asyncio.Transport):
            transport.abort()


class _NoAccessLog(AbstractAccessLogger):
    """Requests are not logged: a watcher asks every few seconds."""

    @property
    def enabled(self) -> bool:
        return False

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        """Nothing."""


def _accept(connections: web.Server, silent_s: float) -> asyncio.Protocol:
    if len(connections.connections) >= MOST_CONNECTIONS:
        return _Refused()
    return _Connection(connections, silent_s)


def _show_health() -> _Answer:
    return _Answer(HTTPStatus.OK, _JSON, orjson.dumps({"alive": True}))


def _response(status: HTTPStatus, content_type: str = _TEXT, body: bytes | None = None) -> web.Response:
    """An answer that names no version of anything, and that nobody may keep."""
    headers = {"Content-Type": content_type, "Server": "chargeline", "Cache-Control": "no-store"}
    return web.Response(status=status, headers=headers, body=f"{status.phrase}\n".encode() if body is None else body)


def _words_of(fault: OSError) -> str:
    """The reason alone; asyncio's words repeat the address."""
    if fault.errno is not None and fault.errno > 0:
        return os.strerror(fault.errno)
    return fault.strerror or str(fault)
