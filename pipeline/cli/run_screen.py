"""The screen of `chargeline run --board`: the board, and the log where it would tear the board.

Owns the thread that draws, so that a terminal that takes nothing (Ctrl-S, a line that hangs) holds up no worker, and
the lines of the log that the board shows. Must not know what is on the board, or when it is shown.
"""

from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from threading import Condition, Lock, Thread
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console
from rich.live import Live

from pipeline.board_state import Snapshot
from pipeline.cli.board_view import BoardView

LINES_KEPT = 200
_LEAVE_S = 1.0


class LogLines:
    """What a log is written to instead of the terminal: its last LINES_KEPT lines. For any thread."""

    def __init__(self) -> None:
        """Nothing was logged."""
        self._lines: deque[str] = deque(maxlen=LINES_KEPT)
        self._lock = Lock()
        self._begun = ""

    def write(self, text: str) -> int:
        """Take text; a line counts when it has ended. How much was taken, as files answer."""
        with self._lock:
            *ended, self._begun = (self._begun + text).split("\n")
            self._lines.extend(ended)
        return len(text)

    def flush(self) -> None:
        """Nothing waits."""

    def isatty(self) -> bool:
        """People read it, so it is written for them."""
        return True

    def lines(self) -> Sequence[str]:
        """The last lines, the latest at the end."""
        with self._lock:
            return tuple(self._lines)


class RunScreen:
    """A terminal while it is open; at the end it is as it was, and the lines of the log are printed."""

    def __init__(self, terminal: TextIO, footer: str, log: LogLines | None) -> None:
        """`footer` is the last line. Without `log` the board has no place for one, and nothing is printed."""
        self._terminal = terminal
        self._footer = footer
        self._log = log
        self._changed = Condition()
        self._view: BoardView | None = None
        self._is_over = False
        self._drawing = Thread(target=self._draw, name="board", daemon=True)

    def __enter__(self) -> Self:
        """Take the terminal."""
        self._drawing.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give it back."""
        self.close()

    def show(self, snapshot: Snapshot, words: str) -> None:
        """Draw this next, `words` at the end of the first line; what was not drawn until then never is."""
        lines = None if self._log is None else self._log.lines()
        with self._changed:
            self._view = BoardView(snapshot, "Chargeline", words, self._footer, lines)
            self._changed.notify()

    def close(self) -> None:
        """Give the terminal back, and print the lines of the log; a terminal that takes nothing is not waited for."""
        with self._changed:
            if self._is_over:
                return
            self._is_over = True
            self._changed.notify()
        self._drawing.join(_LEAVE_S)
        if not self._drawing.is_alive() and self._log is not None:
            with suppress(OSError):
                self._terminal.write("".join(f"{line}\n" for line in self._log.lines()))
                self._terminal.flush()

    def _draw(self) -> None:
        # A terminal that is gone is no reason for a worker to end. And whoever draws may hang in a write: if that held
        # the lock of the terminal's file, the program could not end.
        number, encoding = self._terminal.fileno(), self._terminal.encoding
        with suppress(OSError), open(number, "w", encoding=encoding, closefd=False) as file:
            live = Live(
                console=Console(file=file),
                screen=True,
                auto_refresh=False,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            with live:
                while (view := self._next()) is not None:
                    live.update(view, refresh=True)

    def _next(self) -> BoardView | None:
        """The next thing to draw; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_over or self._view is not None)
            view, self._view = self._view, None
            return None if self._is_over else view
