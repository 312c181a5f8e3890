"""Ports: one is opened, to this machine alone unless the operator says otherwise, and none where he says off."""

import asyncio
import os
import socket
from ipaddress import ip_address
from pathlib import Path

import pytest

from pipeline.meters import Meters
from pipeline.settings import load_settings
from pipeline.wires.http import HttpInterface
from tests.campaigns.running import RunningWorker
from tests.pipeline.setting_values import environ
from tests.security.listening import listening
from tests.services.process import free_ports

LOOPBACK, ELSEWHERE = "127.0.0.1", "127.0.0.2"
HANGS_S = 5.0


def test_without_a_word_of_the_operator_only_this_machine_is_listened_to() -> None:
    settings = load_settings({})

    assert settings.http is not None
    assert ip_address(settings.http[0]).is_loopback
    assert settings.http_token is None, "and nobody can send commands"


def test_it_can_be_switched_off() -> None:
    assert load_settings(environ(HTTP="off")).http is None


def test_it_listens_nowhere_else_than_it_was_told_to() -> None:
    async def ask_here_and_elsewhere() -> None:
        async with HttpInterface((LOOPBACK, 0), Meters()) as http:
            with socket.create_connection((LOOPBACK, http.port), HANGS_S):
                pass
            with pytest.raises(OSError, match=r"refused|assign|timed out"):
                socket.create_connection((ELSEWHERE, http.port), HANGS_S)

    asyncio.run(ask_here_and_elsewhere())


def test_a_worker_that_runs_listens_there_alone(tmp_path: Path) -> None:
    """Also while its broker is away; roles, and a worker at work, are looked at in their hostile days."""
    (away,) = free_ports(1)
    settings = {"AMQP_URL": f"amqp://u:p@{LOOPBACK}:{away}/", "AMQP_QUEUE": "q", "DATA_DIR": str(tmp_path / "data")}
    worker = RunningWorker(tmp_path, settings)
    worker.start()
    try:
        worker.until(lambda: "connection refused" in worker.story() and bool(worker.metrics()))
        assert listening(worker.pid) == {worker.port}
    finally:
        worker.kill()


@pytest.mark.parametrize("address", [LOOPBACK, "0.0.0.0", "::1", "::"])
def test_whatever_is_listened_at_is_seen(address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, 0), family=family) as server:
        assert (ip_address(address), server.getsockname()[1]) in listening(os.getpid())
