"""Running the demo as a program: piped, or on a terminal of its own."""

import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.pipeline.cli.terminal import CHARGELINE, CTRL_C, Finished, OnTerminal

PROGRAM = [*CHARGELINE, "demo"]
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


def on_terminal(folder: Path, *arguments: str, ctrl_c_after: str = "", **given: str) -> Finished:
    """Run the demo on a terminal of 80 by 24; press Ctrl-C as soon as it has shown some text."""
    environ = environment(**{"TERM": "xterm-256color", **given})
    with OnTerminal(folder, [*PROGRAM, *arguments], environ) as running:
        if ctrl_c_after:
            running.read_until(ctrl_c_after)
            running.press(CTRL_C)
        return running.finish()
