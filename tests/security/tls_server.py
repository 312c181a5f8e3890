"""A server that speaks TLS badly, or not at all, and keeps what it is told all the same.

Owns the certificates that it may show, each with a fault of its own, and the versions of TLS. Must not know who
connects.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import Enum
from pathlib import Path

import pytest
import trustme

from tests.services.certificates import LONG_AGO, OTHER_HOST

HOST = "127.0.0.1"
MOST_BYTES = 4_096


class Fault(Enum):
    """What is wrong with a server; the value is what a client says of it, in part, in lower case."""

    NONE = "none"
    EXPIRED = "expired"
    OTHER_HOST = "mismatch"
    SELF_SIGNED = "self-signed"
    OTHER_AUTHORITY = "issuer"
    OLD_TLS = "speaks tls"
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


@asynccontextmanager
async def serving(context: ssl.SSLContext | None, heard: Heard) -> AsyncIterator[int]:
    """The port of a server that listens to a few bytes of each client, answers nothing, and hangs up."""

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        secured = writer.get_extra_info("ssl_object")
        heard.secured = secured.version() if secured is not None else None
        try:
            heard.bytes += await reader.read(MOST_BYTES)
        except OSError:
            return
        finally:
            writer.close()

    server = await asyncio.start_server(listen, HOST, 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]
