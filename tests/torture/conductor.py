"""The conductor: all three programs in a folder, from the first start to the verdict.

Owns their lives, and what is wrong beyond what the checker counts: how the worker ended. Must not know how anything is
tortured or checked.
"""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tests.torture.folder import DRAINED, ENDED, OVER, SITE, read, wait_for

STARTED_S = 180.0
SPARE_S = 2_000.0
ENDED_S = 120.0
ALLOWED_S = 10.5


class Ended(NamedTuple):
    """What a run came to: the checker's words, what else was wrong, and the exit code."""

    table: str
    words: Sequence[str]

    @property
    def is_good(self) -> bool:
        return not self.words


def torture(folder: Path, minutes: float, faults: Sequence[str], generator: Sequence[str], patience_s: float) -> Ended:
    """Run all three in `folder`, and leave nothing running. `faults`, `generator`: further words for each."""
    folder.mkdir(parents=True, exist_ok=True)
    words = ["--minutes", str(minutes), *faults]
    site = _start(folder, "faults", words)
    processes = [site]
    try:
        if not wait_for(lambda: (folder / SITE).exists() or site.poll() is not None, STARTED_S) or site.poll():
            return Ended("", ["the site did not start"])
        processes.append(_start(folder, "generator", generator))
        is_there = wait_for(
            lambda: (folder / DRAINED).exists() or site.poll() is not None or bool(processes[-1].poll()),
            minutes * 60 + SPARE_S,
        )
        if not is_there or not (folder / DRAINED).exists():
            return Ended("", [f"the run ended before its time; see {folder}"])
        said = ["--patience", str(patience_s)]
        checked = subprocess.run([*_program("checker"), str(folder), *said], stdout=subprocess.PIPE, check=False)
        (folder / OVER).touch()
        site.wait(ENDED_S)
        return Ended(checked.stdout.decode(), verdict(folder, checked.returncode))
    finally:
        for process in reversed(processes):
            if process.poll() is None:
                process.terminate()
                process.wait(ENDED_S)


def verdict(folder: Path, code: int) -> list[str]:
    """What is wrong, in words."""
    ended = read(folder / ENDED)
    found = [*([] if code == 0 else ["the checker found faults"]), *ended["wrong_ends"]]
    if not ended["is_gone"] or ended["longest_s"] > ALLOWED_S:
        found.append(f"SIGTERM took {ended['longest_s']} s")
    if ended["tracebacks"]:
        found.append(f"the worker's log has {ended['tracebacks']} stack traces")
    return found


def _start(folder: Path, name: str, words: Sequence[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen([*_program(name), str(folder), *words], stdin=subprocess.DEVNULL)


def _program(name: str) -> list[str]:
    return [sys.executable, "-m", f"tests.torture.{name}"]
