"""Recordings: whole lines, private, and all or nothing of a batch."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.recording import Recording
from pipeline.replay_lines import from_line
from schemas.delivery import Delivery

DELIVERIES = [Delivery("EH000001.O.48", {"a": "b"}, b"{}", 1_700_000_000 * 10**9), Delivery("x", {}, b"\xff\n", None)]


def lines(path: Path) -> list[Delivery]:
    return [from_line(line) for line in path.read_bytes().splitlines()]


def test_a_line_a_delivery_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "stream.jsonl"
    for _ in range(2):
        recording = Recording(path)
        recording.append(DELIVERIES)
        recording.append(())
        recording.close()
    assert lines(path) == [*DELIVERIES, *DELIVERIES]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


FULL = """
import resource, signal, sys
from pathlib import Path
from pipeline.recording import Recording
from pipeline.wires.store import StoreUnavailableError
from schemas.delivery import Delivery

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, 1_000))
recording = Recording(Path(sys.argv[1]))
recording.append([Delivery("EH000001.O.48", {}, b"{}", None)])
try:
    recording.append([Delivery("EH000001.O.48", {}, b"x" * 90, None)] * 20)
except StoreUnavailableError as fault:
    print(fault, fault.needs_operator)
recording.append([Delivery("EH000001.O.49", {}, b"{}", None)])
"""


def test_a_batch_that_does_not_fit_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "stream.jsonl"
    done = subprocess.run([sys.executable, "-c", FULL, path], capture_output=True, text=True, check=True)
    assert "File too large; free some disk space, or run without --record True" in done.stdout
    assert [delivery.routing_key for delivery in lines(path)] == ["EH000001.O.48", "EH000001.O.49"]


def test_a_file_that_cannot_be_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="directory"):
        Recording(tmp_path)
