"""The Toxiproxy of the tests: what passes, and what does not."""

import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.services.http import request
from tests.services.process import LOOPBACK, ServiceError
from tests.services.toxiproxy import NAMED_BY, Toxiproxy

pytestmark = pytest.mark.services


@pytest.fixture
def toxiproxy(tmp_path: Path) -> Iterator[Toxiproxy]:
    server = Toxiproxy.own(tmp_path)
    yield server
    server.close()


def test_a_way_is_slowed_closed_and_mended(toxiproxy: Toxiproxy) -> None:
    port = toxiproxy.add_proxy("itself", urlsplit(toxiproxy.url).netloc)

    def ask() -> float:
        began = time.monotonic()
        assert request("GET", f"http://{LOOPBACK}:{port}/version", timeout_s=10).status == 200
        return time.monotonic() - began

    ask()
    toxiproxy.add_toxic("itself", {"type": "latency", "stream": "downstream", "attributes": {"latency": 500}})
    assert ask() >= 0.5
    toxiproxy.close_way("itself")
    with pytest.raises(ConnectionRefusedError):
        ask()
    toxiproxy.open_way("itself")
    ask()
    toxiproxy.mend()
    ask()


def test_what_was_never_built_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(NAMED_BY, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(ServiceError, match="make services"):
        Toxiproxy.own(tmp_path)
