"""Running a program on a terminal of its own: what it shows there, and what somebody presses meanwhile."""

import fcntl
import os
import pty
import re
import signal
import struct
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Self

CHARGELINE = [sys.executable, "-c", "from pipeline.cli import main; main()"]
CTRL_C = b"\x03"
PATIENCE_S = 60.0

_CONTROLS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")

ON_ALTERNATE_SCREEN, OFF_ALTERNATE_SCREEN = "\x1b[?1049h", "\x1b[?1049l"
CURSOR_HIDDEN, CURSOR_SHOWN = "\x1b[?25l", "\x1b[?25h"


class Finished(NamedTuple):
    """What a program on a terminal showed, and its exit code."""

    shown: str
    code: int


class OnTerminal:
    """A program on a terminal of 80 by 24, while it is open; then it is ended, if it did not do so itself."""

    def __init__(
        self, folder: Path, words: Sequence[str], environ: Mapping[str, str], standard_error: Path | None = None
    ) -> None:
        """Start it in a folder; `standard_error` goes to the terminal, too, or to that file."""
        self.shown = ""
        self._is_finished = False
        self._process, self._terminal = pty.fork()
        if not self._process:
            try:
                fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
                os.chdir(folder)
                if standard_error is not None:
                    os.dup2(os.open(standard_error, os.O_WRONLY | os.O_CREAT), 2)
                os.execve(words[0], list(words), {"TERM": "xterm-256color", **environ})
            finally:
                os._exit(127)

    def __enter__(self) -> Self:
        """It runs."""
        return self

    def __exit__(self, *_: object) -> None:
        """See to it that it does not run any more."""
        if not self._is_finished:
            with suppress(ProcessLookupError):
                os.kill(self._process, signal.SIGKILL)
            self.finish()

    @property
    def text(self) -> str:
        """What it showed, without colours and places."""
        return _CONTROLS.sub("", self.shown)

    def read_until(self, words: str) -> None:
        """Read what it shows until some words were shown, or it has ended."""
        begun = time.monotonic()
        while words not in self.text and (piece := self._read()):
            self.shown += piece
            if time.monotonic() - begun > PATIENCE_S:
                raise AssertionError(f"{words!r} does not appear; the last screen: {self.text[-2_000:]}")

    def press(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self._terminal, keys)

    def send(self, number: int) -> None:
        """Send it a signal."""
        os.kill(self._process, number)

    def finish(self) -> Finished:
        """Wait for its end."""
        while piece := self._read():
            self.shown += piece
        self._is_finished = True
        os.close(self._terminal)
        _, status = os.waitpid(self._process, 0)
        return Finished(self.shown, os.waitstatus_to_exitcode(status))

    def _read(self) -> str:
        """What came next; empty when the program has ended, which Linux tells by an error."""
        try:
            return os.read(self._terminal, 65_536).decode(errors="replace")
        except OSError:
            return ""
