"""The screen of `run --board`: a terminal that is taken and given back, and one that takes nothing any more."""

import os
import pty
import termios
import threading
from collections.abc import Iterator

import pytest

from pipeline.cli import run_screen
from pipeline.cli.run_screen import LINES_KEPT, LogLines, RunScreen
from tests.pipeline.cli.board_samples import SAMPLE
from tests.pipeline.cli.terminal import CURSOR_HIDDEN, CURSOR_SHOWN, OFF_ALTERNATE_SCREEN, ON_ALTERNATE_SCREEN


class Terminal:
    """A terminal of 80 by 24, and its other side."""

    def __init__(self) -> None:
        self._ours, theirs = pty.openpty()
        self.file = os.fdopen(theirs, "w", encoding="utf-8")
        self.shown = ""

    def read_until(self, words: str) -> None:
        while words not in self.shown:
            self.shown += os.read(self._ours, 65_536).decode(errors="replace")

    def stop(self) -> None:
        """Take nothing, as after Ctrl-S."""
        termios.tcflow(self.file, termios.TCOOFF)

    def go_on(self) -> None:
        termios.tcflow(self.file, termios.TCOON)

    def hang_up(self) -> None:
        os.close(self._ours)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    for name, value in {"TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"}.items():
        monkeypatch.setenv(name, value)
    terminal = Terminal()
    with terminal.file:
        yield terminal


def test_a_line_counts_when_it_has_ended_and_few_are_kept() -> None:
    log = LogLines()
    log.write("one\ntw")
    assert log.lines() == ("one",)
    log.write("o\n")
    log.flush()
    assert log.lines() == ("one", "two")
    assert log.isatty()

    for place in range(2 * LINES_KEPT):
        log.write(f"{place}\n")
    assert len(log.lines()) == LINES_KEPT
    assert log.lines()[-1] == str(2 * LINES_KEPT - 1)


def log_of(line: str) -> LogLines:
    log = LogLines()
    log.write(f"{line}\n")
    return log


def test_the_board_is_drawn_and_the_terminal_given_back_with_the_log(terminal: Terminal) -> None:
    with RunScreen(terminal.file, "the footer", log_of("something happened")) as screen:
        screen.show(SAMPLE, "consuming")
        terminal.read_until("the footer")
    terminal.read_until(OFF_ALTERNATE_SCREEN)
    terminal.read_until("something happened\r\n")

    before, _, shown = terminal.shown.partition(ON_ALTERNATE_SCREEN)
    board, _, ending = shown.partition(OFF_ALTERNATE_SCREEN)
    assert before == ""
    for words in ("Chargeline", "consuming", "EH000017: 3 of 5 failed", "something happened"):
        assert words in board
    assert shown.rindex(CURSOR_SHOWN) > shown.rindex(CURSOR_HIDDEN)
    assert ending.endswith("something happened\r\n")


def test_without_a_log_it_has_no_place(terminal: Terminal) -> None:
    with RunScreen(terminal.file, "the footer", None) as screen:
        screen.show(SAMPLE, "consuming")
        terminal.read_until("the footer")
    terminal.read_until(CURSOR_SHOWN)

    assert "Log" not in terminal.shown


def test_closing_twice_is_closing_once(terminal: Terminal) -> None:
    with RunScreen(terminal.file, "", log_of("once")) as screen:
        screen.close()
        screen.close()
    terminal.file.write("the end")
    terminal.file.flush()
    terminal.read_until("the end")

    assert terminal.shown.count("once") == 1


def test_a_terminal_that_is_gone_is_no_fault(terminal: Terminal) -> None:
    with RunScreen(terminal.file, "the footer", LogLines()) as screen:
        screen.show(SAMPLE, "consuming")
        terminal.read_until("the footer")
        terminal.hang_up()
        screen.show(SAMPLE, "consuming")


def test_a_terminal_that_takes_nothing_holds_nobody_up(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_screen, "_LEAVE_S", 0.01)
    terminal.stop()
    with RunScreen(terminal.file, "the footer", log_of("a line")) as screen:
        screen.show(SAMPLE, "consuming")
        [drawing] = [thread for thread in threading.enumerate() if thread.name == "board"]
    assert drawing.is_alive()

    terminal.go_on()
    terminal.read_until(OFF_ALTERNATE_SCREEN)
    drawing.join()
    assert "a line\r\n" not in terminal.shown
