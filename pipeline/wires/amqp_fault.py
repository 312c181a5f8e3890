"""The broker's faults, in words that say what to do.

Owns the one table of them, for the reader and for `chargeline check`.
"""

import ssl
from collections.abc import Mapping
from types import MappingProxyType

from aiormq.exceptions import (
    AMQPConnectionError,
    AuthenticationError,
    ChannelAccessRefused,
    ChannelNotFoundEntity,
    ConnectionNotAllowed,
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
        TimeoutError: "it does not answer; see host and port, and what stands between",
        ConnectionRefusedError: "see that the broker runs, and host and port",
        OSError: "see host and port, and that the broker can be reached from here",
    }
)
_OTHERWISE = "it is tried again"
_IN_USE = "in exclusive use"


def is_in_use(fault: BaseException) -> bool:
    """Whether the broker refuses because another consumer has the queue, or wants it, to itself."""
    return isinstance(fault, ChannelAccessRefused) and _IN_USE in str(fault)


def explain_amqp_fault(fault: BaseException) -> str:
    """What is wrong and the next step; no address, no password."""
    root = _root(fault)
    words = " ".join(str(root).split()) or type(root).__name__
    steps = [step for kind, step in _NEXT_STEP.items() if isinstance(root, kind)]
    return f"{words}; {steps[0] if steps else _OTHERWISE}"


def _root(fault: BaseException) -> BaseException:
    """The fault beneath, where a client's general one hides the system's own."""
    while isinstance(fault, AMQPConnectionError) and isinstance(fault.__cause__, OSError):
        fault = fault.__cause__
    return fault
