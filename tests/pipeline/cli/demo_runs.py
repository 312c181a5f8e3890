"""Running the demo as a program: piped, or on a terminal of its own."""

import fcntl
import os
import pty
import re
import shlex
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

PROGRAM = [sys.executable, "-c", "from pipeline.cli import main; main()", "demo"]
COUNTS = re.compile(r"([\d,]+) messages delivered = ([\d,]+) written \+ ([\d,]+) commands \+ ([\d,]+) rejected")


def environment(**given: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("CHARGELINE_")} | given


def demo(folder: Path, *arguments: str, **given: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *arguments], cwd=folder, env=environment(**given), capture_output=True, text=True, check=False
    )


def counts(output: str) -> list[int]:
    """Delivered, written, commands, rejected."""
    found = COUNTS.search(output)
    assert found is not None, output
    return [int(count.replace(",", "")) for count in found.groups()]


def questions(output: str) -> Iterator[tuple[Path, str]]:
    """The file and the query of each command line at the end, as a shell would take them apart."""
    for line in output.splitlines():
        if line.startswith("  sqlite3 "):
            _, file, query = shlex.split(line)
            yield Path(file), query


class Finished(NamedTuple):
    """What a program on a terminal showed, and its exit code."""

    shown: str
    code: int


def on_terminal(folder: Path, *arguments: str, ctrl_c_after: str = "", **given: str) -> Finished:
    """Run the demo on a terminal of 80 by 24; press Ctrl-C as soon as it has shown some text."""
    process, terminal = pty.fork()
    if not process:
        try:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
            os.chdir(folder)
            os.execve(PROGRAM[0], [*PROGRAM, *arguments], environment(**{"TERM": "xterm-256color", **given}))
        finally:
            os._exit(127)
    shown = ""
    while piece := read_terminal(terminal):
        shown += piece
        if ctrl_c_after and ctrl_c_after in shown:
            os.write(terminal, b"\x03")
            ctrl_c_after = ""
    os.close(terminal)
    _, status = os.waitpid(process, 0)
    return Finished(shown, os.waitstatus_to_exitcode(status))


def read_terminal(terminal: int) -> str:
    """What came next; empty when the program has ended, which Linux tells by an error."""
    try:
        return os.read(terminal, 65_536).decode(errors="replace")
    except OSError:
        return ""
