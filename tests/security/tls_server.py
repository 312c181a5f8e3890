"""A server that speaks TLS badly, or not at all, and keeps what it is told all the same.

Owns the certificates that it may show, each with a fault of its own, and the versions of TLS. Must not know who
connects.
"""

import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from pathlib import Path

import pytest
import trustme

from tests.services.certificates import LONG_AGO, OTHER_HOST

HOST = "127.0.0.1"
MOST_BYTES = 4_096
HANGS_S = 30.0
POLL_S = 0.01


class Fault(Enum):
    """What is wrong with a server; the value is what a client says of it, in part, in lower case."""

    NONE = "none"
    EXPIRED = "expired"
    OTHER_HOST = "mismatch"
    SELF_SIGNED = "self-signed"
    OTHER_AUTHORITY = "issuer"
    OLD_TLS = "protocol version"
    NO_TLS = "tls"


class Heard:
    """What clients have sent to a server, after any handshake; `secured` is the version of TLS where there was one."""

    def __init__(self) -> None:
        self.bytes = b""
        self.secured: str | None = None


class Authority:
    """An authority that a client trusts: `file` is its certificate. It issues good certificates and bad ones."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._own = trustme.CA()
        self.file = folder / "authority.pem"
        self._own.cert_pem.write_to_path(str(self.file))

    def context(self, fault: Fault) -> ssl.SSLContext | None:
        """What a server with this fault shows; None where it does not speak TLS."""
        if fault is Fault.NO_TLS:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._leaf(fault, context)
        if fault is Fault.OLD_TLS:
            # So that the server would really speak it: the system's own rules have done away with it.
            context.set_ciphers("ALL:@SECLEVEL=0")
            with pytest.warns(DeprecationWarning, match="TLSv1_1"):
                context.minimum_version = ssl.TLSVersion.TLSv1_1
            with pytest.warns(DeprecationWarning, match="TLSv1_1"):
                context.maximum_version = ssl.TLSVersion.TLSv1_1
        return context

    def _leaf(self, fault: Fault, context: ssl.SSLContext) -> None:
        match fault:
            case Fault.EXPIRED:
                leaf = self._own.issue_cert("localhost", HOST, not_after=LONG_AGO)
            case Fault.OTHER_HOST:
                leaf = self._own.issue_cert(OTHER_HOST)
            case Fault.OTHER_AUTHORITY:
                leaf = trustme.CA().issue_cert("localhost", HOST)
            case Fault.SELF_SIGNED:
                self._sign_itself(context)
                return
            case _:
                leaf = self._own.issue_cert("localhost", HOST)
        leaf.configure_cert(context)

    def _sign_itself(self, context: ssl.SSLContext) -> None:
        itself = trustme.CA()
        chain = self._folder / "itself.pem"
        itself.cert_pem.write_to_path(str(chain))
        itself.private_key_pem.write_to_path(str(chain), append=True)
        context.load_cert_chain(chain)


class _Listener(socketserver.BaseRequestHandler):
    server: "_Server"

    def handle(self) -> None:
        """Shake hands, where it speaks TLS, listen once, and hang up. The client hears what it complains of."""
        connection, heard, context = self.request, self.server.heard, self.server.context
        connection.settimeout(HANGS_S)
        with suppress(OSError):
            if context is not None:
                connection = context.wrap_socket(connection, server_side=True)
                heard.secured = connection.version()
            heard.bytes += connection.recv(MOST_BYTES)
        connection.close()


class _Server(socketserver.ThreadingTCPServer):
    def __init__(self, context: ssl.SSLContext | None, heard: Heard) -> None:
        self.context = context
        self.heard = heard
        super().__init__((HOST, 0), _Listener)


@contextmanager
def serving(context: ssl.SSLContext | None, heard: Heard) -> Iterator[int]:
    """The port of a server that listens to a few bytes of each client, answers nothing, and hangs up.

    What it has heard is complete when this is left.
    """
    with _Server(context, heard) as server:
        thread = threading.Thread(target=server.serve_forever, args=(POLL_S,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()
