"""A server process of the tests' own: started, watched until it answers, stopped, killed, held still.

Owns the process: its log, its group, and that it ends with the tests, whatever ends them. Must not know which
server it is.
"""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

LOOPBACK = "127.0.0.1"
START_S = 120.0
STOP_S = 60.0
POLL_S = 0.05
LOG_END_BYTES = 4_000

GUARD = 'read -r word || kill -s KILL -- "-$1"'
"""A shell that waits for a word. If the tests die, its input ends without one, and it kills the server's group."""


class ServiceError(Exception):
    """A server of the tests could not be had or does not answer as it should; says which and what to do."""


@dataclass(frozen=True)
class Command:
    """What to start.

    `name`         the server's name for messages.
    `words`        program and arguments.
    `environment`  the whole environment of the process.
    `log`          the file that its output is appended to.
    """

    name: str
    words: Sequence[str]
    environment: Mapping[str, str]
    log: Path


class ServerProcess:
    """One process, or none while it is stopped. Every method returns when what it names has happened."""

    def __init__(self, command: Command) -> None:
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process's number.

        Raises:
            ServiceError: it is not running.
        """
        return self._running().pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self, answers: Callable[[], bool]) -> None:
        """Start it and wait until `answers()` is true.

        Raises:
            ServiceError: it ended or did not answer in time; it is stopped then. Holds the end of its log.
        """
        if self.running:
            raise ServiceError(f"{self._command.name} is running already")
        self._process = self._spawn()
        self._guard = _guard(self._process.pid)
        deadline = time.monotonic() + START_S
        try:
            while not answers():
                if self._process.poll() is not None:
                    raise ServiceError(self._story(f"ended with code {self._process.returncode} while starting"))
                if time.monotonic() > deadline:
                    raise ServiceError(self._story(f"did not answer within {START_S:.0f} s"))
                time.sleep(POLL_S)
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """End it in order (SIGTERM). Does nothing when it is not running.

        Raises:
            ServiceError: it did not end in time; it is killed then.
        """
        if self._process is None:
            return
        self.resume()
        self._process.terminate()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            raise ServiceError(self._story(f"did not stop within {STOP_S:.0f} s")) from None
        finally:
            self.kill()

    def kill(self) -> None:
        """End it and what it started at once (SIGKILL). Does nothing when it is not running."""
        if self._process is None:
            return
        # The group outlives its first process while a child of it lives.
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process = None
        if self._guard is not None:
            self._guard.communicate(b"over\n")
            self._guard = None

    def pause(self) -> None:
        """Hold it still (SIGSTOP): connections stay open, nothing answers."""
        self._running().send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after `pause`. Harmless when it was not held."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def settle(self, answers: Callable[[], bool]) -> None:
        """Make it run and answer, whatever a test that failed has left: held still, stopped or dead."""
        self.resume()
        if not self.running:
            self.kill()
            self.start(answers)

    def log_end(self) -> str:
        """The last few thousand bytes of its output."""
        with suppress(FileNotFoundError):
            return self._command.log.read_bytes()[-LOG_END_BYTES:].decode("utf-8", "replace")
        return ""

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise ServiceError(f"{self._command.name} is not running")
        return self._process

    def _spawn(self) -> subprocess.Popen[bytes]:
        try:
            with self._command.log.open("ab") as log:
                return subprocess.Popen(
                    self._command.words,
                    env=self._command.environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        except OSError as fault:
            raise ServiceError(
                f"{self._command.name} cannot be started: {self._command.words[0]}: {fault.strerror}"
            ) from fault

    def _story(self, what: str) -> str:
        return f"{self._command.name} {what}. The end of {self._command.log}:\n{self.log_end()}"


def free_ports(count: int) -> tuple[int, ...]:
    """TCP ports of the loopback address that nobody listens on, all different."""
    sockets = [socket.create_server((LOOPBACK, 0)) for _ in range(count)]
    try:
        return tuple(int(one.getsockname()[1]) for one in sockets)
    finally:
        for one in sockets:
            one.close()


def listens(port: int) -> bool:
    """Whether something accepts connections on a port of the loopback address."""
    with suppress(OSError), socket.create_connection((LOOPBACK, port), timeout=1.0):
        return True
    return False


def _guard(group: int) -> subprocess.Popen[bytes]:
    # Only this process holds the writing end. It is in a session of its own, so that Ctrl-C does not reach it.
    return subprocess.Popen(("sh", "-c", GUARD, "guard", str(group)), stdin=subprocess.PIPE, start_new_session=True)
