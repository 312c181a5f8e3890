"""What a measured process takes, and the words for one that fails."""

import os
import sys
from pathlib import Path

import pytest

from tests.bench.measured_process import MeasuredProcess
from tests.services.process import ServiceError

MIB = 1 << 20
WORK = f"""
import signal, sys, time
held = bytearray({200 * MIB})
while time.process_time() < 0.5:
    pass
{{started}}
signal.signal(signal.SIGTERM, lambda *_: sys.exit({{code}}))
open(sys.argv[1], "w").close()
signal.pause()
"""


def started(tmp_path: Path, *, code: int = 0, sign: str = "ready", first: str = "") -> MeasuredProcess:
    words = (sys.executable, "-c", WORK.format(code=code, started=first), str(tmp_path / sign))
    return MeasuredProcess("the worker", words, os.environ, tmp_path / "log")


def until_ready(process: MeasuredProcess, sign: Path) -> None:
    while not sign.exists():
        process.check()


def test_what_it_took_is_its_own(tmp_path: Path) -> None:
    taken = bytearray(os.urandom(MIB)) * 400
    process = started(tmp_path)
    try:
        until_ready(process, tmp_path / "ready")
        usage = process.end()
    finally:
        process.kill()
    assert len(taken) == 400 * MIB
    assert 0.5 <= usage.cpu_s < 5.0
    assert 200 * MIB <= usage.peak_bytes < 400 * MIB


@pytest.mark.parametrize(
    ("code", "first", "words"), [(3, "", "ended with code 3"), (0, "sys.exit('a fault')", "fault")]
)
def test_a_failure_is_told_with_the_end_of_the_log(tmp_path: Path, code: int, first: str, words: str) -> None:
    process = started(tmp_path, code=code, first=first)

    def until_the_end() -> None:
        until_ready(process, tmp_path / "ready")
        process.end()

    try:
        with pytest.raises(ServiceError, match=words):
            until_the_end()
    finally:
        process.kill()
