"""Tables: columns stand under each other, and no cell can steer a terminal."""

import os
import subprocess
import sys

import pytest

from pipeline.cli.printing import print_table


def test_a_plain_table_has_its_columns_under_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("id", "name"), [("1", "a\nb"), ("1000", "\x1b[31mc")])

    assert capsys.readouterr().out == "id    name\n1     a\\nb\n1000  \\x1b[31mc\n"


def test_a_terminal_gets_every_cell_within_its_width() -> None:
    source = (
        "from pipeline.cli.printing import print_table; print_table(('id', 'name'), [('1', 'x' * 70), ('2', '[b]')])"
    )
    terminal, inside = os.openpty()
    subprocess.run(
        [sys.executable, "-c", source], stdout=inside, env={**os.environ, "TERM": "xterm", "COLUMNS": "40"}, check=True
    )
    os.close(inside)
    lines = os.read(terminal, 65_536).decode().splitlines()
    os.close(terminal)

    assert sum(line.count("x") for line in lines) == 70
    assert "[b]" in lines[-1]
    assert all(line.count("x") <= 40 for line in lines)
