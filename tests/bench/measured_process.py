"""A process whose CPU time and memory are measured, from outside, over its whole life.

Owns starting and ending it. It is the child of a small process, since a child's peak memory includes what its parent
took when it was forked. Run as a module, this is that small process: it starts the words it is given, prints the
child's number, waits, and prints one line of JSON.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from tests.bench.server_cost import cpu_s_of_process
from tests.services.process import LOG_END_BYTES, ServiceError

PATIENCE_S = 60.0
KIB = 1_024


class Usage(NamedTuple):
    """What a process took: CPU seconds, user and system together, and bytes of memory at its peak."""

    cpu_s: float
    peak_bytes: int


class MeasuredProcess:
    """One life of a process, begun at once. `words` are run with exactly this environment; output goes to `log`."""

    def __init__(self, name: str, words: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self._name = name
        self._log = log
        with log.open("ab") as errors:
            self._launcher = subprocess.Popen(
                (sys.executable, "-m", __name__, *words),
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )
        self._pid = int(self._line())

    @property
    def cpu_s(self) -> float:
        """CPU seconds so far, to a hundredth."""
        return cpu_s_of_process(self._pid)

    def check(self) -> None:
        """Raises ServiceError where it has ended by itself."""
        if self._launcher.poll() is not None:
            raise ServiceError(f"{self._name} ended by itself. The end of {self._log}:\n{self._story()}")

    def end(self) -> Usage:
        """Ask it to end (SIGTERM), wait, and say what it took.

        Raises:
            ServiceError: it failed, or does not end.
        """
        self.check()
        os.kill(self._pid, signal.SIGTERM)
        try:
            self._launcher.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            raise ServiceError(f"{self._name} does not end. The end of {self._log}:\n{self._story()}") from None
        code, cpu_s, peak_bytes = json.loads(self._line())
        if code:
            raise ServiceError(f"{self._name} ended with code {code}. The end of {self._log}:\n{self._story()}")
        return Usage(float(cpu_s), int(peak_bytes))

    def kill(self) -> None:
        """Leave nothing of it running."""
        with suppress(ProcessLookupError):
            os.killpg(self._launcher.pid, signal.SIGKILL)
        self._launcher.communicate()

    def _line(self) -> bytes:
        stream = self._launcher.stdout
        line = stream.readline() if stream is not None else b""
        if not line:
            raise ServiceError(f"{self._name} cannot be started or measured:\n{self._story()}")
        return line

    def _story(self) -> str:
        return self._log.read_bytes()[-LOG_END_BYTES:].decode("utf-8", "replace")


def main(words: Sequence[str]) -> None:
    """Be the small process."""
    process = subprocess.Popen(words, stdout=sys.stderr)
    sys.stdout.write(f"{process.pid}\n")
    sys.stdout.flush()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    unit = 1 if sys.platform == "darwin" else KIB
    result = (process.returncode, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit)
    sys.stdout.write(f"{json.dumps(result)}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
