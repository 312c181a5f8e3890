"""The broker's faults, in words that say what to do.

Owns the one table of them, for the reader and for `chargeline check`, and that what the client leaves behind is no
stack trace.
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import Mapping
from types import CodeType, MappingProxyType
from typing import Any

from aiormq.exceptions import (
    AMQPConnectionError,
    AuthenticationError,
    ChannelAccessRefused,
    ChannelLockedResource,
    ChannelNotFoundEntity,
    ConnectionNotAllowed,
    InvalidFrameError,
    ProbableAuthenticationError,
)

_NEXT_STEP: Mapping[type[BaseException], str] = MappingProxyType(
    {
        ssl.SSLCertVerificationError: "the broker is not who it says, or its CA is unknown here: see the host name, "
        "the broker's certificate, and CHARGELINE_AMQP_CA_FILE",
        ssl.SSLError: "see that the port speaks TLS, and CHARGELINE_AMQP_URL begins with amqps:// only if it does",
        ProbableAuthenticationError: "see user and password; Easee may have given you new ones",
        AuthenticationError: "see user and password; Easee may have given you new ones",
        ConnectionNotAllowed: "see the vhost, and that this user may use it",
        ChannelNotFoundEntity: "see CHARGELINE_AMQP_QUEUE and the vhost; this program never makes a queue",
        ChannelAccessRefused: "this user may not read that queue",
        ChannelLockedResource: "another connection has that queue to itself for as long as it lasts; end that one",
        TimeoutError: "see host and port, and what stands between",
        ConnectionRefusedError: "see that the broker runs, and host and port",
        ConnectionResetError: "see that the broker runs, and that CHARGELINE_AMQP_URL begins with amqps:// if the port "
        "speaks TLS",
        socket.gaierror: "see the host's name in CHARGELINE_AMQP_URL or Easee's reply, and that DNS works here",
        OSError: "see host and port, and that the broker can be reached from here",
    }
)
_LOG = logging.getLogger(__name__)
_CLIENT = "/aiormq/"
_OTHERWISE = "it is tried again"
_IN_USE = "in exclusive use"
# The client drops the broker's reason for not opening a vhost; this is all that is left of its answer.
_CLOSED_INSTEAD_OF_OPENED = "Expected one of ['Connection.OpenOk'], got <Connection.Close"
_NOT_OPENED = "the broker knows this user, and does not open the vhost"


def is_in_use(fault: BaseException) -> bool:
    """Whether the broker refuses because another consumer has the queue, or wants it, to itself."""
    return isinstance(fault, ChannelAccessRefused) and _IN_USE in str(fault)


def explain_amqp_fault(fault: BaseException) -> str:
    """What is wrong and the next step, for who tries again; no address, no password."""
    words, step = describe_amqp_fault(fault)
    return f"{words}; {step or _OTHERWISE}"


def describe_amqp_fault(fault: BaseException) -> tuple[str, str]:
    """What is wrong, on one line, and the next step: empty where the table knows none; no address, no password."""
    root = _root(fault)
    if isinstance(root, InvalidFrameError) and _CLOSED_INSTEAD_OF_OPENED in str(root):
        return _NOT_OPENED, _NEXT_STEP[ConnectionNotAllowed]
    steps = [step for kind, step in _NEXT_STEP.items() if isinstance(root, kind)]
    return _words(root), steps[0] if steps else ""


def quieten_client(loop: asyncio.AbstractEventLoop) -> None:
    """Tasks of the client that end in a fault which nobody waits for are no fault of ours, and told in words alone.

    It happens where a connection is given up while the client still closes a channel of it. Who used the connection
    knows of that already.
    """
    loop.set_exception_handler(_on_fault)


def _on_fault(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    fault, task = context.get("exception"), context.get("future")
    coroutine = task.get_coro() if isinstance(task, asyncio.Task) else None
    code: CodeType | None = getattr(coroutine, "cr_code", None)
    if isinstance(fault, Exception) and code is not None and _CLIENT in code.co_filename:
        _LOG.debug("left behind by the client: %s", explain_amqp_fault(fault))
        return
    loop.default_exception_handler(context)


def _words(root: BaseException) -> str:
    match root:
        case TimeoutError():
            return "no answer in time"
        case ConnectionRefusedError():
            return "connection refused: nobody listens there"
        case ssl.SSLCertVerificationError() if getattr(root, "verify_message", ""):
            return f"its certificate cannot be trusted: {root.verify_message.rstrip('.')}"
        case OSError() if root.strerror and not isinstance(root, ssl.SSLError):
            return " ".join(root.strerror.split())
    return " ".join(str(root).split()) or type(root).__name__


def _root(fault: BaseException) -> BaseException:
    """The fault beneath, where a client's general one hides the system's own."""
    while isinstance(fault, AMQPConnectionError) and isinstance(fault.__cause__, OSError):
        fault = fault.__cause__
    return fault
