"""Golden files: what the documented messages, and one of each quirk, become, to the byte.

`<name>.jsonl` is replayed dry: standard output must be `<name>.lp`, standard error `<name>.rejects.jsonl`. The oracle
must say the same, so that neither file was merely copied from what the program did.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.facts_alone import facts_alone
from tests.oracle.reading import Oracle
from tests.oracle.stores import difference, rows_of_line_protocol

GOLDEN = Path(__file__).parent / "golden"
NAMES = ("documented", "quirks", "command")
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
    assert difference(reading.rows, facts_alone(rows)) == []
    assert [(line["line"] - 1, line["reason"]) for line in refused] == reading.rejects


def test_the_documented_command_has_the_latencies_that_its_stamps_say() -> None:
    """Easee's own example: 16.6468930 created, 16.7660000 delivered, 17.0130000 arrived; published a tenth before."""
    rows = rows_of_line_protocol((GOLDEN / "command.lp").read_text("utf-8"))
    commands = [fields for (name, *_), fields in sorted(rows.items()) if name == "command"]
    documented, late, unanswered = commands
    assert documented["delivery_ms"] == 119.107
    assert documented["response_ms"] == documented["effect_ms"] == 366.107
    assert (documented["state"], documented["confirmed"], documented["late"]) == ("accepted", 1, 0)
    assert (late["state"], late["timed_out"], late["late"], late["ok"], late["failed"]) == ("accepted", 1, 1, 1, 0)
    assert late["lateness_ms"] == 30_250
    assert (unanswered["state"], unanswered["expires_at"]) == ("timed_out", "2023-05-04T17:00:23.630519900Z")
