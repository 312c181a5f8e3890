"""The bar: on a terminal, and nowhere else."""

import os
import subprocess
import sys

import pytest

from pipeline.backup_steps import Step, tell_nobody
from pipeline.cli.step_bar import showing_steps

SHOW = """
from pipeline.backup_steps import Step
from pipeline.cli.step_bar import showing_steps
with showing_steps() as tell:
    tell(Step("copying something", 1, 2))
print("done")
"""


def test_a_terminal_sees_the_step_and_how_far_it_is() -> None:
    terminal, inside = os.openpty()
    done = subprocess.run(
        [sys.executable, "-c", SHOW],
        stdout=subprocess.PIPE,
        stderr=inside,
        env={**os.environ, "TERM": "xterm"},
        check=True,
    )
    os.close(inside)
    seen = os.read(terminal, 65_536)
    os.close(terminal)
    assert b"copying something" in seen
    assert b"50%" in seen
    assert done.stdout == b"done\n"


def test_elsewhere_nothing_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with showing_steps() as tell:
        tell(Step("copying something", 1, 2))
        assert tell is tell_nobody
    assert capsys.readouterr() == ("", "")
