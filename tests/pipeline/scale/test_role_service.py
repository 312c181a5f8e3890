"""A role as a process: its signals, its HTTP interface, its supervisor, and that it ends in time."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from tests.services.http import request
from tests.services.process import LOOPBACK, free_ports

LEAVES_S = 10.0


@contextmanager
def running(word: str, **settings: str) -> Iterator[tuple[subprocess.Popen[str], IO[str]]]:
    """The role under way, and what it says."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CHARGELINE_")}
    words = (sys.executable, "-m", "tests.pipeline.scale.ending_role", word)
    with subprocess.Popen(words, env={**kept, **settings}, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "run\n"
            yield process, process.stdout
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order(number: signal.Signals) -> None:
    with running("orderly", CHARGELINE_HTTP="off") as (process, said):
        process.send_signal(signal.SIGHUP)
        assert said.readline() == "reload\n"
        process.send_signal(number)
        assert said.read() == f"stop\nended by {int(number)}\n"
        assert process.wait() == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_second_signal_ends_it_at_once(number: signal.Signals, code: int) -> None:
    with running("endless", CHARGELINE_HTTP="off") as (process, said):
        process.send_signal(number)
        assert said.readline() == "stop\n"
        process.send_signal(number)
        assert process.wait() == code


def test_one_that_cannot_end_is_left_in_time() -> None:
    with running("endless", CHARGELINE_HTTP="off") as (process, said):
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert said.read() == "stop\n"
        assert process.wait() == 0
        assert time.monotonic() - began < LEAVES_S


def test_it_answers_over_http_and_its_supervisor_hears_of_it(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        supervisor.bind(str(tmp_path / "notify"))
        given = {"CHARGELINE_HTTP": f"{LOOPBACK}:{port}", "NOTIFY_SOCKET": str(tmp_path / "notify")}
        with running("orderly", **given) as (process, _):
            assert supervisor.recv(1_000).startswith(b"READY=1")
            assert request("GET", f"http://{LOOPBACK}:{port}/healthz").status == 200
            assert request("GET", f"http://{LOOPBACK}:{port}/readyz").status == 503
            assert b"chargeline_state" in request("GET", f"http://{LOOPBACK}:{port}/metrics").body
            process.send_signal(signal.SIGTERM)
            assert process.wait() == 0
