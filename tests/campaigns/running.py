"""`chargeline run` as a process of its own, with settings of a test, watched through its metrics."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path

from tests.services.http import request
from tests.services.process import LOOPBACK, ServiceError, free_ports

PROGRAM = (sys.executable, "-c", "from pipeline.cli import main; main()")
PATIENCE_S = 120.0
POLL_S = 0.05

_SAMPLE = re.compile(r"^(chargeline_\w+)(?:\{[^}]*\})? (\S+)$", re.MULTILINE)
_ALERTS = re.compile(r'^chargeline_alerts_active\{kind="(\w+)"\} (\S+)$', re.MULTILINE)


class RunningWorker:
    """One worker, not running until `start`. Its log is appended to `folder/worker.log`, over all its lives."""

    def __init__(self, folder: Path, settings: Mapping[str, str], *words: str) -> None:
        """`settings` by their names without prefix; HTTP is set here."""
        (port,) = free_ports(1)
        self.port = ip_address(LOOPBACK), port
        self.url = f"http://{LOOPBACK}:{port}"
        self.log = folder / "worker.log"
        self._words = words
        given = {**settings, "HTTP": f"{LOOPBACK}:{port}"}
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CHARGELINE_")}
        self._environment = {**kept, **{f"CHARGELINE_{name}": value for name, value in given.items()}}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Begin a life; returns at once."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*PROGRAM, "run", *self._words], env=self._environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._running().send_signal(number)

    def kill(self) -> None:
        """End it by SIGKILL, if it runs."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end, and wait; its exit code."""
        process = self._running()
        process.send_signal(number)
        code = process.wait(PATIENCE_S)
        self._process = None
        return code

    @property
    def pid(self) -> int:
        return self._running().pid

    def metrics(self) -> dict[str, float]:
        """Every metric by its name, labels added up; none while it does not answer."""
        with suppress(OSError, ServiceError):
            sums: dict[str, float] = {}
            for name, value in _SAMPLE.findall(request("GET", f"{self.url}/metrics", timeout_s=5).body.decode()):
                sums[name] = sums.get(name, 0.0) + float(value)
            return sums
        return {}

    def alerts(self) -> dict[str, float]:
        """How many alerts people are told of now, by kind; none while it does not answer."""
        with suppress(OSError, ServiceError):
            text = request("GET", f"{self.url}/metrics", timeout_s=5).body.decode()
            return {kind: float(value) for kind, value in _ALERTS.findall(text)}
        return {}

    def readiness(self) -> tuple[int, str]:
        """Status and body of /readyz; 0 while it does not answer."""
        with suppress(OSError, ServiceError):
            answer = request("GET", f"{self.url}/readyz", timeout_s=5)
            return answer.status, answer.body.decode()
        return 0, ""

    def delivered(self) -> float:
        """Deliveries that this life has made durable."""
        return self.metrics().get("chargeline_delivered_total", 0.0)

    def until(self, holds: Callable[[], bool], patience_s: float = PATIENCE_S) -> float:
        """Wait until this holds; how many seconds that took. Fails where the worker ends, or it never comes true."""
        began = time.monotonic()
        while not holds():
            process = self._process
            if process is not None and process.poll() is not None:
                raise AssertionError(f"the worker ended with {process.returncode}:\n{self.story()}")
            if time.monotonic() - began > patience_s:
                raise AssertionError(f"in vain for {patience_s:.0f} s; metrics {self.metrics()}\n{self.story()}")
            time.sleep(POLL_S)
        return time.monotonic() - began

    def story(self) -> str:
        """The end of its log."""
        return self.log.read_text("utf-8", "replace")[-4_000:]

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "the worker is not running"
        return self._process
