"""systemd: what a supervisor is told, in datagrams to the socket that it names.

Owns the protocol of sd_notify(3). Must not know what the words mean. Where nobody listens, nothing happens: a worker
runs as well without a supervisor, and goes on if that does not hear.
"""

import logging
import os
import socket
from collections.abc import Mapping
from time import monotonic_ns

_LOG = logging.getLogger(__name__)

_ABSTRACT = "@"
_US_PER_S = 1_000_000
_NS_PER_US = 1_000
_MOST_WORDS = 512


class Notifier:
    """Tells systemd how its unit is (`Type=notify`). No call blocks or raises."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """The supervisor that these variables name: NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID."""
        self._address = _address(environ.get("NOTIFY_SOCKET", ""))
        self._watchdog_s = _watchdog_s(environ) if self._address else None

    @property
    def watchdog_s(self) -> float | None:
        """Within how many seconds `alive` must be called again and again; None where nobody watches."""
        return self._watchdog_s

    def ready(self) -> None:
        """Started, or done with `reloading`."""
        self._send("READY=1")

    def alive(self, words: str) -> None:
        """The event loop runs; `words` say what it does, for `systemctl status`."""
        watchdog = () if self._watchdog_s is None else ("WATCHDOG=1",)
        self._send(f"STATUS={_on_one_line(words)}", *watchdog)

    def reloading(self) -> None:
        """Reading settings again; `ready` ends that."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={monotonic_ns() // _NS_PER_US}")

    def stopping(self) -> None:
        """Told to stop, and on its way."""
        self._send("STOPPING=1")

    def _send(self, *lines: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as way:
                way.setblocking(False)
                way.sendto("\n".join(lines).encode(), self._address)
        except OSError as fault:
            _LOG.debug("the supervisor does not hear: %s", fault)


def _address(name: str) -> bytes:
    """The socket's address; empty where there is none, or one that is no socket of this machine's file system."""
    if name.startswith(_ABSTRACT):
        return b"\0" + os.fsencode(name[len(_ABSTRACT) :])
    return os.fsencode(name) if name.startswith("/") else b""


def _watchdog_s(environ: Mapping[str, str]) -> float | None:
    """The watchdog's patience; None where there is none, where it is another process's, or where it is no number."""
    own = str(os.getpid())
    if environ.get("WATCHDOG_PID", own) != own:
        return None
    patience = environ.get("WATCHDOG_USEC", "")
    return int(patience) / _US_PER_S if patience.isascii() and patience.isdigit() and int(patience) else None


def _on_one_line(words: str) -> str:
    """A line break would begin another assignment."""
    return "".join(letter if letter.isprintable() else " " for letter in words)[:_MOST_WORDS]
