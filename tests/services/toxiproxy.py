"""A real Toxiproxy for the tests: connections that pass through it can be slowed, cut, and swallowed.

Owns the server's life, its proxies and their toxics, by its HTTP interface. Must not know what passes.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from tests.services.http import demand, request
from tests.services.process import LOOPBACK, Command, ServerProcess, ServiceError, free_ports

VERSION = "2.5.0"
NAMED_BY = "CHARGELINE_TEST_TOXIPROXY"
_TRIES, _TAKES_LONG = 4, 503

Toxic = Mapping[str, object]
"""As Toxiproxy's interface takes one: `type`, `stream` (upstream, downstream), `attributes`."""


class Toxiproxy:
    """One server. Its methods raise ServiceError when it refuses, OSError when it is away."""

    def __init__(self, url: str, process: ServerProcess) -> None:
        self.url = url
        self._process = process

    @classmethod
    def own(cls, folder: Path) -> "Toxiproxy":
        """A started server with its log in `folder`.

        Raises:
            ServiceError: it is not built, or does not start: the end of its log.
        """
        (port,) = free_ports(1)
        words = (str(_program()), "-host", LOOPBACK, "-port", str(port))
        server = cls(f"http://{LOOPBACK}:{port}", ServerProcess(Command("toxiproxy", words, {}, folder / "toxi.log")))
        server._process.start(server._answers)
        return server

    def add_proxy(self, name: str, upstream: str, begins: int | None = None) -> int:
        """A new way to `upstream` (`host:port`); the port of the loopback address where it begins: a free one."""
        port = begins or free_ports(1)[0]
        content = {"name": name, "listen": f"{LOOPBACK}:{port}", "upstream": upstream, "enabled": True}
        demand("POST", f"{self.url}/proxies", content=content)
        return port

    def add_toxic(self, proxy: str, toxic: Toxic) -> None:
        """From now on this happens to what passes, to open connections too."""
        demand("POST", f"{self.url}/proxies/{proxy}/toxics", content={"toxicity": 1.0, **toxic})

    def close_way(self, proxy: str) -> None:
        """Cut every connection, and refuse new ones."""
        demand("POST", f"{self.url}/proxies/{proxy}", content={"enabled": False})

    def open_way(self, proxy: str) -> None:
        """Take new connections again."""
        demand("POST", f"{self.url}/proxies/{proxy}", content={"enabled": True})

    def mend(self) -> None:
        """No toxic is left, and every way is open."""
        for _ in range(_TRIES):
            # A toxic is taken away once what passes it has gone on; until then the server says that it takes too long.
            answer = request("POST", f"{self.url}/reset")
            if answer.status != _TAKES_LONG:
                break
        demand("POST", f"{self.url}/reset")

    def close(self) -> None:
        """Leave nothing running."""
        self._process.kill()

    def _answers(self) -> bool:
        with suppress(OSError):
            return request("GET", f"{self.url}/version", timeout_s=5.0).status == 200
        return False


def _program() -> Path:
    if named := os.environ.get(NAMED_BY):
        return Path(named)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    program = cache / "chargeline" / f"toxiproxy-{VERSION}" / "toxiproxy-server"
    if not program.exists():
        raise ServiceError(f"There is no Toxiproxy at {program}: run `make services`, or set {NAMED_BY}.")
    return program
