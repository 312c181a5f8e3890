"""Five one-line faults, each put into a copy of the core, are each caught by the comparison with the oracle.

The stream is simulated with all quirks, and the golden quirks besides; the faulty program replays it dry.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from pipeline.simulator.fleet import FleetPlan
from pipeline.simulator.quirks import Quirks
from tests.facts_alone import facts_alone
from tests.oracle.reading import Oracle, Reading
from tests.oracle.stores import difference, rows_of_line_protocol
from tests.streams.recording import record

ROOT = Path(__file__).parents[2]
PROGRAM = (sys.executable, "-c", "from pipeline.cli import main; main()")
COUNT = 8_000


class Mutation(NamedTuple):
    """One line of the core, and the fault that is put in its place."""

    file: str
    sound: str
    faulty: str


MUTATIONS = {
    "unit": Mutation("rows.py", "(fact.delivered_at - created) / NS_PER_MS)", "(fact.delivered_at - created) / 1_000)"),
    "sign of an offset": Mutation("timestamps.py", 'if sign == "-" else', 'if sign == "+" else'),
    "swapped product": Mutation(
        "decode_observation.py", "if serial.startswith(EQUALIZER_SERIAL)", "if not serial.startswith(EQUALIZER_SERIAL)"
    ),
    "dropped 7th digit": Mutation("timestamps.py", '(fraction or "0")[:_LAST_DIGIT]', '(fraction or "0")[:6]'),
    "wrong same_stamp": Mutation(
        "rows.py",
        "is_kept_apart=spec.same_stamp is SameStamp.KEEP",
        "is_kept_apart=spec.same_stamp is SameStamp.REPLACE",
    ),
}


@pytest.fixture(scope="module")
def lines() -> list[bytes]:
    recorded, _ = record(FleetPlan(seed=5, chargers=20), Quirks.all(), COUNT)
    return [*(ROOT / "tests" / "golden" / "quirks.jsonl").read_bytes().splitlines(), *recorded]


@pytest.fixture(scope="module")
def reading(lines: list[bytes]) -> Reading:
    return Oracle().read_stream(lines)


def differences(lines: list[bytes], reading: Reading, source: Path, folder: Path) -> list[str]:
    """Where the program in `source` and the oracle disagree about the stream."""
    recording = folder / "stream.jsonl"
    recording.write_bytes(b"".join(line + b"\n" for line in lines))
    done = subprocess.run(
        [*PROGRAM, "replay", "--dry-run", recording],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(source)},
        capture_output=True,
        check=True,
    )
    found = difference(reading.rows, facts_alone(rows_of_line_protocol(done.stdout.decode())), limit=COUNT)
    if len(done.stderr.splitlines()) != len(reading.rejects):
        found.append(f"{len(done.stderr.splitlines())} rejects, expected {len(reading.rejects)}")
    return found


def copy_program(folder: Path) -> Path:
    for package in ("pipeline", "schemas"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def test_the_sound_program_agrees(lines: list[bytes], reading: Reading, tmp_path: Path) -> None:
    assert differences(lines, reading, copy_program(tmp_path / "source"), tmp_path) == []


@pytest.mark.parametrize("mutation", MUTATIONS.values(), ids=MUTATIONS.keys())
def test_a_fault_is_caught(mutation: Mutation, lines: list[bytes], reading: Reading, tmp_path: Path) -> None:
    source = copy_program(tmp_path / "source")
    file = source / "pipeline" / "core" / mutation.file
    text = file.read_text("utf-8")
    assert text.count(mutation.sound) == 1
    file.write_text(text.replace(mutation.sound, mutation.faulty), "utf-8")
    found = differences(lines, reading, source, tmp_path)
    assert found
    print(f"{len(found)} rows, such as: {found[0]}")
