"""Which TCP ports a process listens at, as the kernel tells it, whoever opened them.

Owns how /proc is read. Must not know which process it is, or which ports it should have.
"""

import struct
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

PROC = Path("/proc")
TABLES = ("tcp", "tcp6")
LISTENING = "0A"
DIGITS = 8

Port = tuple[IPv4Address | IPv6Address, int]


def listening(pid: int) -> set[Port]:
    """Address and port of every listening socket that this process has open."""
    ours = set(_sockets(pid))
    return {port for inode, port in _listeners(pid) if inode in ours}


def _sockets(pid: int) -> Iterator[str]:
    for descriptor in (PROC / str(pid) / "fd").iterdir():
        # One may be closed while we look.
        with suppress(FileNotFoundError):
            kind, _, inode = str(descriptor.readlink()).partition(":")
            if kind == "socket":
                yield inode.strip("[]")


def _listeners(pid: int) -> Iterator[tuple[str, Port]]:
    for table in TABLES:
        _, *lines = (PROC / str(pid) / "net" / table).read_text("ascii").splitlines()
        for line in lines:
            _, local, _, state, _, _, _, _, _, inode, *_ = line.split()
            if state == LISTENING:
                address, _, port = local.partition(":")
                yield inode, (_address(address), int(port, 16))


def _address(text: str) -> IPv4Address | IPv6Address:
    """The kernel writes each four bytes as a number of this machine's byte order."""
    packed = b"".join(struct.pack("=I", int(text[place : place + DIGITS], 16)) for place in range(0, len(text), DIGITS))
    return IPv4Address(packed) if len(text) == DIGITS else IPv6Address(packed)
