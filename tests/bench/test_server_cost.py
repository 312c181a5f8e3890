"""The cost of servers: of the processes of one folder, and of no others."""

import subprocess
import sys
from pathlib import Path

from tests.bench.server_cost import cpu_s_of


def test_what_a_process_takes_counts_for_the_folder_that_its_command_names(tmp_path: Path) -> None:
    work = "import sys\nfor _ in range(3_000_000): pass\nprint('done', flush=True)\nsys.stdin.read()"
    process = subprocess.Popen(
        (sys.executable, "-c", work, str(tmp_path / "mine")), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    stdout = process.stdout
    assert stdout is not None
    assert stdout.readline() == "done\n"
    assert cpu_s_of(tmp_path / "mine") > 0
    assert cpu_s_of(tmp_path / "another") == 0
    process.communicate()
    assert cpu_s_of(tmp_path / "mine") == 0
