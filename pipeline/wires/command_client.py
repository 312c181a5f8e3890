"""The other end of the HTTP interface for commands: asking a worker.

Owns the requests, and how each way of not being answered is said. Must not know what is done with the answers.
A request is sent once: a command whose answer is lost may have been sent, and the words say so.
"""

from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from ipaddress import IPv4Address, ip_address
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Self, TypeVar

import orjson

from pipeline.core.body import Json
from pipeline.core.command_entry import FLAGS, LATENCIES
from pipeline.core.command_life import CommandState
from pipeline.core.readiness import CONSUMING
from pipeline.deferred import deferred

if TYPE_CHECKING:
    from urllib3 import exceptions, poolmanager, util
else:
    # Nobody is asked by `--help`, completion and `--dry-run`.
    exceptions = deferred("urllib3.exceptions")
    poolmanager = deferred("urllib3.poolmanager")
    util = deferred("urllib3.util")

_CONNECT_S = 5.0
# A worker may connect to its broker first, and then wait for the confirm.
_ANSWER_S = 45.0
_COMMANDS = "/v1/commands"
_READY = "/readyz"
T = TypeVar("T")


class WorkerError(Exception):
    """A worker did not do what was asked. The message says why, and what to do."""


class NoWorkerError(WorkerError):
    """Nobody answers there: nothing was asked of anybody."""


class CommandView(NamedTuple):
    """A command as the worker knows it.

    `document`   the whole answer, as it came.
    `state`      of a command that was only just sent `published`, or `unconfirmed` where the broker's word is missing.
    `flags`      those that are set.
    `latencies`  those that are known, milliseconds.
    Times are text, UTC.
    """

    document: Mapping[str, Json]
    ref: str
    serial: str
    command: str
    arguments: tuple[str, ...]
    published_at: str
    deadline: str
    state: CommandState
    flags: frozenset[str]
    latencies: Mapping[str, float]
    readback: tuple[int, ...]
    result_code: str
    comment: str


class CommandClient:
    """Asks one worker. A context that closes its connections."""

    def __init__(self, host: str, port: int, token: str) -> None:
        """Where the worker listens (IPv6 without brackets; of an address that means all, this machine is asked)."""
        host = _reachable(host)
        self._where = f"{f'[{host}]' if ':' in host else host}:{port}"
        self._headers = {"Authorization": f"Bearer {token}"}
        # Not by the environment's proxies: the worker is near, and the token is for nobody else.
        self._pool = poolmanager.PoolManager(retries=False, timeout=util.Timeout(connect=_CONNECT_S, read=_ANSWER_S))

    def __enter__(self) -> Self:
        """Nothing is connected yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        self._pool.clear()

    def send(self, request: Mapping[str, Json], key: str) -> CommandView:
        """Have a command sent; `key` makes it the same command however often it is asked for. Raises WorkerError."""
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        lost = "the command may have been sent: see `chargeline commands`"
        status, document = self._ask("POST", _COMMANDS, orjson.dumps(request), headers, lost=lost)
        state = CommandState.PUBLISHED if status == HTTPStatus.CREATED else CommandState.UNCONFIRMED
        return self._read(lambda: _view(document, state))

    def find(self, ref: str) -> CommandView:
        """What became of a command. Raises WorkerError, also where the worker does not know it (any more)."""
        _, document = self._ask("GET", f"{_COMMANDS}/{ref}")
        return self._read(lambda: _view(document))

    def list(self, *, open_only: bool, limit: int) -> Sequence[CommandView]:
        """Commands, the newest first. Raises WorkerError."""
        _, document = self._ask("GET", f"{_COMMANDS}?open={'true' if open_only else 'false'}&limit={limit}")
        return self._read(lambda: [_view(_object(each)) for each in _list(document["commands"])])

    def unread(self) -> str:
        """Why the worker does not read its queue now, where answers come; empty where it does.

        Raises WorkerError.
        """
        _, data = self._request("GET", _READY, None, self._headers, "try again")
        words = self._read(
            lambda: _text(_object(_object(_object(orjson.loads(data))["conditions"])["broker"])["words"])
        )
        return "" if words == CONSUMING else words

    def _ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        lost: str = "try again",
    ) -> tuple[int, Mapping[str, Json]]:
        """The status and the document of a good answer. `lost` is what to do where none came. Raises WorkerError."""
        status, data = self._request(method, path, body, {**self._headers, **(headers or {})}, lost)
        document = self._read(lambda: _object(orjson.loads(data)))
        if status >= HTTPStatus.BAD_REQUEST:
            raise WorkerError(self._read(lambda: _words(status, _object(document["error"]))))
        return status, document

    def _request(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], lost: str
    ) -> tuple[int, bytes]:
        url = f"http://{self._where}{path}"
        try:
            answer = self._pool.request(method, url, body=body, headers=headers, redirect=False)
        except (exceptions.NewConnectionError, exceptions.ConnectTimeoutError):
            message = f"no worker answers at {self._where}; start `chargeline run`, or see CHARGELINE_HTTP"
            raise NoWorkerError(message) from None
        except exceptions.HTTPError:
            raise WorkerError(f"{self._where} did not answer; {lost}") from None
        return answer.status, answer.data

    def _read(self, read: Callable[[], T]) -> T:
        try:
            return read()
        except (ValueError, KeyError):
            message = (
                f"what answers at {self._where} is no worker that takes commands; "
                "see CHARGELINE_HTTP, and that worker and this program are of one version"
            )
            raise WorkerError(message) from None


def _words(status: int, error: Mapping[str, Json]) -> str:
    if status == HTTPStatus.UNAUTHORIZED:
        return "the worker does not know this token; CHARGELINE_HTTP_TOKEN must be the worker's"
    return _text(error["message"])


def _reachable(host: str) -> str:
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if not address.is_unspecified:
        return host
    return "127.0.0.1" if isinstance(address, IPv4Address) else "::1"


def _view(document: Mapping[str, Json], state: CommandState | None = None) -> CommandView:
    """Raises ValueError and KeyError for what is none."""
    code, comment = document.get("result_code"), document.get("comment")
    return CommandView(
        document=document,
        ref=_text(document["ref"]),
        serial=_text(document["serial"]),
        command=_text(document["command"]),
        arguments=tuple(_text(argument) for argument in _list(document["arguments"])),
        published_at=_text(document["published_at"]),
        deadline=_text(document["deadline"]),
        state=CommandState(_text(document["state"])) if state is None else state,
        flags=frozenset(flag for flag in FLAGS if document.get(flag) is True),
        latencies={name: float(value) for name in LATENCIES if isinstance(value := document.get(name), int | float)},
        readback=tuple(number for number in _list(document.get("readback", [])) if isinstance(number, int)),
        result_code="" if code is None else f"{code:g}" if isinstance(code, float) else f"{code}",
        comment="" if comment is None else _text(comment),
    )


def _text(value: Json) -> str:
    if not isinstance(value, str):
        raise ValueError("no text")
    return value


def _list(value: Json) -> list[Json]:
    if not isinstance(value, list):
        raise ValueError("no list")
    return value


def _object(value: Json) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise ValueError("no object")
    return value
