"""Golden files: what the documented messages, and one of each quirk, become, to the byte.

`<name>.jsonl` is replayed dry: standard output must be `<name>.lp`, standard error `<name>.rejects.jsonl`. The oracle
must say the same, so that neither file was merely copied from what the program did.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.oracle.reading import Oracle
from tests.oracle.stores import difference, rows_of_line_protocol

GOLDEN = Path(__file__).parent / "golden"
NAMES = ("documented", "quirks")
PROGRAM = (sys.executable, "-c", "from pipeline.cli import main; main()")


@pytest.mark.parametrize("name", NAMES)
def test_a_dry_replay_is_the_golden_file_byte_for_byte(name: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [*PROGRAM, "replay", "--dry-run", GOLDEN / f"{name}.jsonl"], cwd=tmp_path, capture_output=True, check=False
    )
    assert done.returncode == 0
    assert done.stdout == (GOLDEN / f"{name}.lp").read_bytes()
    assert done.stderr == (GOLDEN / f"{name}.rejects.jsonl").read_bytes()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", NAMES)
def test_the_oracle_reads_the_same(name: str) -> None:
    reading = Oracle().read_stream((GOLDEN / f"{name}.jsonl").read_bytes().splitlines())
    rows = rows_of_line_protocol((GOLDEN / f"{name}.lp").read_text("utf-8"))
    refused = [json.loads(line) for line in (GOLDEN / f"{name}.rejects.jsonl").read_bytes().splitlines()]
    assert difference(reading.rows, rows) == []
    assert [(line["line"] - 1, line["reason"]) for line in refused] == reading.rejects
