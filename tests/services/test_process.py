"""A server process of the tests: its faults come with the end of its log, and nothing of it is left behind."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.services.process import Command, ServerProcess, ServiceError, free_ports, listens

ROOT = Path(__file__).parents[2]
LONGEST_S = 30.0
"""Until a server that is still there counts as left behind."""

STARTS_AND_WAITS = """
import sys
from pathlib import Path
from tests.services.process import Command, ServerProcess
held_open, log = Path(sys.argv[1]), Path(sys.argv[2])
words = ("sh", "-c", 'exec 3>"$1"; sleep 600 & exec sleep 600', "server", str(held_open))
server = ServerProcess(Command("server", words, {"PATH": "/usr/bin:/bin"}, log))
server.start(lambda: True)
print("started", flush=True)
sys.stdin.read()
"""
"""Starts a server that, like its child, holds a pipe open for as long as it lives."""


def server(folder: Path, script: str) -> ServerProcess:
    return ServerProcess(Command("server", ("sh", "-c", script), {"PATH": "/usr/bin:/bin"}, folder / "log"))


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_server_and_its_children_end_with_the_tests_whatever_ends_them(tmp_path: Path, end: signal.Signals) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    words = (sys.executable, "-c", STARTS_AND_WAITS, str(pipe), str(tmp_path / "log"))
    with (
        subprocess.Popen(
            words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as tests,
        pipe.open("rb") as held_open,
    ):
        assert tests.stdout is not None
        assert tests.stdout.readline() == b"started\n"
        tests.send_signal(end)
        ended, _, _ = select.select([held_open], [], [], LONGEST_S)
        assert ended


def test_a_server_that_ends_while_starting_is_told_with_its_last_words(tmp_path: Path) -> None:
    broken = server(tmp_path, "echo the disk is missing >&2; exit 3")
    with pytest.raises(ServiceError, match=r"(?s)server ended with code 3 while starting.*the disk is missing"):
        broken.start(lambda: False)
    assert not broken.running


def test_a_program_that_does_not_exist_is_named(tmp_path: Path) -> None:
    missing = ServerProcess(Command("server", ("/no/such/program",), {}, tmp_path / "log"))
    with pytest.raises(ServiceError, match="/no/such/program: No such file"):
        missing.start(lambda: True)


def test_a_server_can_be_held_still_and_still_stopped_in_order(tmp_path: Path) -> None:
    obedient = server(tmp_path, "trap 'echo in order; exit' TERM; echo up; while :; do sleep 0.01; done")
    obedient.start(lambda: "up" in obedient.log_end())
    obedient.pause()
    obedient.stop()
    assert "in order" in obedient.log_end()
    with pytest.raises(ServiceError, match="not running"):
        obedient.pause()


def test_free_ports_are_different_and_free() -> None:
    ports = free_ports(20)
    assert len(set(ports)) == len(ports)
    assert not any(listens(port) for port in ports)
