"""Notifications of systemd, received on real sockets."""

import os
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pipeline.wires.systemd import Notifier


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[socket.socket]:
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.setblocking(False)
        yield listening


def heard(supervisor: socket.socket) -> list[str]:
    """Every datagram that is there."""
    datagrams = []
    while True:
        try:
            datagrams.append(supervisor.recv(4_096).decode())
        except BlockingIOError:
            return datagrams


def test_each_notification_is_a_datagram_of_its_own(supervisor: socket.socket) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": supervisor.getsockname()})
    notifier.ready()
    notifier.alive("consuming, 3 messages wait")
    notifier.stopping()

    assert heard(supervisor) == ["READY=1", "STATUS=consuming, 3 messages wait", "STOPPING=1"]


def test_a_reload_says_when_it_began(supervisor: socket.socket) -> None:
    Notifier({"NOTIFY_SOCKET": supervisor.getsockname()}).reloading()

    (datagram,) = heard(supervisor)
    first, second = datagram.split("\n")
    assert first == "RELOADING=1"
    name, _, number = second.partition("=")
    assert name == "MONOTONIC_USEC"
    assert number.isdigit()


@pytest.mark.parametrize("owner", [{}, {"WATCHDOG_PID": str(os.getpid())}], ids=["anybody", "us"])
def test_a_watchdog_is_fed(supervisor: socket.socket, owner: dict[str, str]) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": supervisor.getsockname(), "WATCHDOG_USEC": "30000000", **owner})
    notifier.alive("consuming")

    assert notifier.watchdog_s == 30.0
    assert heard(supervisor) == ["STATUS=consuming\nWATCHDOG=1"]


@pytest.mark.parametrize(
    "environ",
    [{"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "soon"}, {}],
    ids=["another's", "off", "no number", "none"],
)
def test_no_watchdog_of_ours_is_not_fed(supervisor: socket.socket, environ: dict[str, str]) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": supervisor.getsockname(), **environ})
    notifier.alive("consuming")

    assert notifier.watchdog_s is None
    assert heard(supervisor) == ["STATUS=consuming"]


def test_words_never_become_another_assignment(supervisor: socket.socket) -> None:
    Notifier({"NOTIFY_SOCKET": supervisor.getsockname()}).alive("holding: a\nWATCHDOG=trigger\ud800" + "x" * 9_000)

    (datagram,) = heard(supervisor)
    assert datagram.startswith("STATUS=holding: a WATCHDOG=trigger x")
    assert "\n" not in datagram
    assert len(datagram) < 600


@pytest.mark.skipif(not Path("/proc/net/unix").exists(), reason="abstract sockets are Linux's")
def test_an_abstract_socket() -> None:
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as listening:
        # Bound to no name, Linux chooses a free abstract one.
        listening.bind(b"")
        listening.setblocking(False)
        name = listening.getsockname()
        assert isinstance(name, bytes)
        Notifier({"NOTIFY_SOCKET": "@" + name[1:].decode()}).ready()

        assert heard(listening) == ["READY=1"]


@pytest.mark.parametrize("address", ["", "relative/path", "vsock:2:1234", "/nobody/listens/here", "/" + "long" * 100])
def test_without_a_supervisor_nothing_happens(address: str) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": address} if address else {})
    notifier.ready()
    notifier.alive("consuming")
    notifier.reloading()
    notifier.stopping()


def test_a_supervisor_that_does_not_read_keeps_nobody_waiting(supervisor: socket.socket) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": supervisor.getsockname()})
    for _ in range(5_000):
        notifier.alive("consuming")

    assert 0 < len(heard(supervisor)) < 5_000
