"""A look at the address of the worker's HTTP interface: whether it is free, or who answers there.

Owns that look. Must not know settings, or what its finding means to anybody.
"""

import errno
import socket
from enum import StrEnum

from urllib3 import PoolManager, Timeout
from urllib3.exceptions import HTTPError

_ANSWER_S = 2.0
_OURS = b"chargeline_"
_MOST_BYTES = 1 << 16


class Listener(StrEnum):
    """Who is at an address."""

    NOBODY = "nobody"
    CHARGELINE = "a chargeline"
    OTHER = "another program"


def look_at_listener(host: str, port: int) -> Listener:
    """Who listens there; IPv6 without brackets. Raises OSError where this machine cannot listen there at all."""
    try:
        for family, kind, protocol, _, address in socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        ):
            with socket.socket(family, kind, protocol) as probe:
                # As the worker does: what a connection has left behind is not in the way.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind(address)
    except OSError as fault:
        if fault.errno != errno.EADDRINUSE:
            raise
        return Listener.CHARGELINE if _is_chargeline(host, port) else Listener.OTHER
    return Listener.NOBODY


def _is_chargeline(host: str, port: int) -> bool:
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}/metrics"
    try:
        with PoolManager(retries=False, timeout=Timeout(_ANSWER_S)) as pool:
            answer = pool.request("GET", url, redirect=False, preload_content=False)
            return _OURS in answer.read(_MOST_BYTES)
    except HTTPError:
        return False
