"""Requests about commands over HTTP: what is taken from whom, and what is answered.

Owns the paths below `/v1/`, who may use them, what a request must look like, and every status. Must not know how a
command is published or remembered (a `CommandDesk`), or how connections are served (`pipeline.wires.http`).
What is here and `pipeline.wires.command_api`, the document about it, are held together by a test.

    POST /v1/commands         send a command
    GET  /v1/commands         those known, the newest first: `?open=true`, `?limit=50`
    GET  /v1/commands/<ref>   one of them
    GET  /v1/openapi.json     the document, for everybody
"""

import asyncio
import hmac
import logging
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from hashlib import sha256
from http import HTTPStatus
from typing import NamedTuple

import orjson
from aiohttp import web

from pipeline.core.body import Json, read_object
from pipeline.core.command_entry import command_entry, sending_entry
from pipeline.core.encode_command import CommandError
from pipeline.core.refusal import RefusedError
from pipeline.core.timestamps import EARLIEST
from pipeline.wires.command_api import MOST_BODY_BYTES, MOST_LISTED, USUALLY_LISTED, api_document
from pipeline.wires.command_body import CommandBody, read_command_body
from pipeline.wires.command_desk import (
    CommandDesk,
    CommandRequest,
    ConflictError,
    ForgottenError,
    NotPublishedError,
)
from pipeline.wires.command_publisher import PublishEnd
from schemas.catalogue import Catalogue

_LOG = logging.getLogger(__name__)
_COMMANDS = "/v1/commands"
_DOCUMENT = "/v1/openapi.json"
_JSON = "application/json"
_BODY_S = 10.0
_MOST_DRAINED_BYTES = 1 << 20
_KEY = re.compile(r"[!-~]{1,255}", re.ASCII)
_REF = re.compile(r"[0-9a-f]{32}", re.ASCII)
_ID_BYTES = 16
_NUMBER = re.compile(r"[0-9]{1,6}", re.ASCII)
_BEARER = "bearer "
_FLAGS = {"true": True, "false": False}


class CommandAnswer(NamedTuple):
    """What goes back: always JSON."""

    status: HTTPStatus
    body: bytes
    headers: Mapping[str, str]


class _RefusalError(Exception):
    """A request that is answered with an error: `{"error": {"code": …, "message": …}}`."""

    def __init__(self, status: HTTPStatus, code: str, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


_NOT_PUBLISHED: Mapping[PublishEnd, HTTPStatus] = {
    PublishEnd.UNROUTABLE: HTTPStatus.BAD_GATEWAY,
    PublishEnd.REFUSED: HTTPStatus.BAD_GATEWAY,
    PublishEnd.UNREACHABLE: HTTPStatus.SERVICE_UNAVAILABLE,
}


class CommandRequests:
    """Answers every request below `/v1/`."""

    def __init__(
        self, desk: CommandDesk, catalogue: Catalogue, read_token: Callable[[], str | None], now: Callable[[], int]
    ) -> None:
        """`read_token` has the token of the moment, None where commands are off; `now` is our clock, nanoseconds."""
        self._desk = desk
        self._catalogue = catalogue
        self._read_token = read_token
        self._now = now

    async def answer(self, request: web.BaseRequest) -> CommandAnswer:
        """The answer to one request. Never raises: a fault of ours is logged, and answered with 500."""
        try:
            return await self._answer(request)
        except _RefusalError as refusal:
            return _refusal(refusal)
        except Exception:
            _LOG.exception("an answer failed; please report this")
            return _refusal(
                _RefusalError(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", "a fault of this worker; see its log")
            )

    async def _answer(self, request: web.BaseRequest) -> CommandAnswer:
        if request.path == _DOCUMENT:
            _need_method(request, ("GET",))
            return _answer(HTTPStatus.OK, api_document())
        parts = request.path.removeprefix(_COMMANDS)
        if parts == request.path or (parts and not parts.startswith("/")):
            raise _RefusalError(HTTPStatus.NOT_FOUND, "not_found", f"there is {_COMMANDS} and {_DOCUMENT}")
        self._need_token(request)
        if parts:
            _need_method(request, ("GET",))
            return await self._show(parts.removeprefix("/"))
        _need_method(request, ("GET", "POST"))
        return await (self._send(request) if request.method == "POST" else self._list(request))

    def _need_token(self, request: web.BaseRequest) -> None:
        token = self._read_token()
        if token is None:
            message = "commands are off: set CHARGELINE_HTTP_TOKEN for the worker"
            raise _RefusalError(HTTPStatus.FORBIDDEN, "off", message)
        given = request.headers.get("Authorization", "")
        is_bearer = given[: len(_BEARER)].lower() == _BEARER
        # Bytes, since text that is not ASCII cannot be compared in constant time.
        shown = given[len(_BEARER) :].strip().encode(errors="surrogateescape")
        if not hmac.compare_digest(shown, token.encode()) or not is_bearer:
            message = "send the header Authorization: Bearer <the worker's CHARGELINE_HTTP_TOKEN>"
            raise _RefusalError(HTTPStatus.UNAUTHORIZED, "token", message, WWW_Authenticate="Bearer")

    async def _show(self, ref: str) -> CommandAnswer:
        sent = await self._desk.find(ref) if _REF.fullmatch(ref) else None
        if sent is None:
            message = "no command with this ref is known; the worker forgets commands after some hours"
            raise _RefusalError(HTTPStatus.NOT_FOUND, "unknown_ref", message)
        return _answer(HTTPStatus.OK, command_entry(sent, self._catalogue))

    async def _list(self, request: web.BaseRequest) -> CommandAnswer:
        if unknown := request.query.keys() - {"open", "limit"}:
            raise _wrong_query(f"{sorted(unknown)[0]!r} is none of open, limit")
        is_open = _FLAGS.get(request.query.get("open", "false"))
        if is_open is None:
            raise _wrong_query("open must be true or false")
        limit = request.query.get("limit", f"{USUALLY_LISTED}")
        if not _NUMBER.fullmatch(limit) or not 1 <= int(limit) <= MOST_LISTED:
            raise _wrong_query(f"limit must be a whole number from 1 to {MOST_LISTED}")
        found = await self._desk.list(open_only=is_open, limit=int(limit))
        return _answer(HTTPStatus.OK, {"commands": [command_entry(sent, self._catalogue) for sent in found]})

    async def _send(self, request: web.BaseRequest) -> CommandAnswer:
        key = _idempotency_key(request)
        body = await _read_body(request)
        message_id = secrets.token_hex(_ID_BYTES) if key is None else _hash("key", key)
        # What was in time when it was sent is not refused when it is asked for again.
        now = EARLIEST if self._desk.is_known(message_id) else self._now()
        asked = _judged(body, self._catalogue, now)
        fingerprint = "" if key is None else _hash("request", key, *asked.identity)
        try:
            sent = await self._desk.send(CommandRequest(asked.command, message_id, fingerprint))
        except ConflictError:
            message = "this Idempotency-Key came with another request before; use a new one for a new command"
            raise _RefusalError(HTTPStatus.CONFLICT, "idempotency_key", message) from None
        except ForgottenError:
            message = "nothing was sent: this Idempotency-Key was used for a command that is forgotten; use a new one"
            raise _RefusalError(HTTPStatus.CONFLICT, "forgotten", message) from None
        except NotPublishedError as fault:
            raise _RefusalError(_NOT_PUBLISHED[fault.end], fault.end.value, str(fault)) from None
        # Not by its state: that of one which nobody confirmed is a time-out in the end.
        is_certain = sent.life.is_confirmed or sent.life.response is not None
        return _answer(
            HTTPStatus.CREATED if is_certain else HTTPStatus.ACCEPTED,
            sending_entry(sent, self._catalogue),
            Location=f"{_COMMANDS}/{sent.life.command.ref}",
        )


def _judged(body: bytes, catalogue: Catalogue, now: int) -> CommandBody:
    try:
        return read_command_body(read_object(body), catalogue, now)
    except RefusedError as refused:
        raise _RefusalError(HTTPStatus.BAD_REQUEST, refused.reason.value, refused.detail) from None
    except CommandError as fault:
        raise _RefusalError(HTTPStatus.UNPROCESSABLE_ENTITY, "command", str(fault)) from None


async def _read_body(request: web.BaseRequest) -> bytes:
    if request.content_type != _JSON or request.headers.get("Content-Encoding", "identity") != "identity":
        message = f"send the body as Content-Type: {_JSON}, not encoded"
        raise _RefusalError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "content_type", message)
    try:
        async with asyncio.timeout(_BODY_S):
            body, length = await _take(request.content.readany)
    except TimeoutError:
        message = f"the body did not come within {_BODY_S:g} s"
        raise _RefusalError(HTTPStatus.REQUEST_TIMEOUT, "body", message) from None
    if length > MOST_BODY_BYTES:
        message = f"the body has more than {MOST_BODY_BYTES} bytes"
        raise _RefusalError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", message)
    return body


async def _take(read: Callable[[], Awaitable[bytes]]) -> tuple[bytes, int]:
    """The body, no more of it than may be, and how long it is.

    Some of what is too much is read all the same: a client that is cut off while it sends may never see the answer.
    """
    body, length = bytearray(), 0
    while length <= _MOST_DRAINED_BYTES and (data := await read()):
        length += len(data)
        if length <= MOST_BODY_BYTES:
            body += data
    return bytes(body), length


def _idempotency_key(request: web.BaseRequest) -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not _KEY.fullmatch(key):
        message = "an Idempotency-Key is 1 to 255 ASCII characters without blanks"
        raise _RefusalError(HTTPStatus.BAD_REQUEST, "idempotency_key", message)
    return key


def _need_method(request: web.BaseRequest, methods: tuple[str, ...]) -> None:
    if request.method not in methods:
        allowed = ", ".join(methods)
        message = f"this takes {allowed} alone"
        raise _RefusalError(HTTPStatus.METHOD_NOT_ALLOWED, "method", message, Allow=allowed)


def _wrong_query(message: str) -> _RefusalError:
    return _RefusalError(HTTPStatus.BAD_REQUEST, "query", message)


def _refusal(refusal: _RefusalError) -> CommandAnswer:
    error = {"error": {"code": refusal.code, "message": str(refusal)}}
    return CommandAnswer(refusal.status, orjson.dumps(error), refusal.headers)


def _answer(status: HTTPStatus, document: Mapping[str, Json], **headers: str) -> CommandAnswer:
    return CommandAnswer(status, orjson.dumps(document), headers)


def _hash(*parts: str) -> str:
    """32 hexadecimal digits; no two lists of parts run into each other."""
    digest = sha256()
    for part in parts:
        data = part.encode()
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return digest.hexdigest()[: 2 * _ID_BYTES]
