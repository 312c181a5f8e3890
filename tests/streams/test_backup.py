"""Backups taken while another process writes a stream: each, restored and given the whole stream, ends as all do."""

import sqlite3
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

from pipeline.assembly import STATE_FILE, STORE_FILE
from pipeline.backup import back_up
from pipeline.backup_steps import Step
from pipeline.replay_lines import from_line
from pipeline.restore import restore
from pipeline.simulator.fleet import FleetPlan
from pipeline.simulator.quirks import Quirks
from tests.oracle.stores import Rows, difference, rows_of_sqlite
from tests.pipeline.backup_samples import NOW, open_worker
from tests.streams.recording import record

LINES = 12_000
BATCH = 50
BACKUPS = 4

WORKER = """
import sys
from pathlib import Path
from pipeline.wires.folder_lock import lock_folder
from tests.streams.test_backup import batches, take
data_dir, stream = Path(sys.argv[1]), Path(sys.argv[2])
with lock_folder(data_dir):
    for count in take(data_dir, (batch for batch in batches(stream.read_bytes().splitlines()) if sys.stdin.read(1))):
        print(count, flush=True)
"""


def batches(lines: Sequence[bytes]) -> Iterable[Sequence[bytes]]:
    return (lines[start : start + BATCH] for start in range(0, len(lines), BATCH))


def take(data_dir: Path, stream: Iterable[Sequence[bytes]]) -> Iterator[int]:
    """Take batches into DATA_DIR; how many of them are durable, after each."""
    with open_worker(data_dir) as journey:
        for count, lines in enumerate(stream, start=1):
            journey.take([from_line(line) for line in lines], NOW)
            yield count


def content(data_dir: Path) -> tuple[Rows, set[tuple[str, str]]]:
    """The rows of a store, and key and reason of its rejects."""
    with closing(sqlite3.connect(data_dir / STATE_FILE)) as state:
        return rows_of_sqlite(data_dir / STORE_FILE), set(state.execute("SELECT key, reason FROM reject"))


def grant(worker: subprocess.Popen[bytes], count: int) -> None:
    """Let the worker take so many batches more."""
    assert worker.stdin is not None
    worker.stdin.write(b"." * count)
    worker.stdin.flush()


def await_one(worker: subprocess.Popen[bytes]) -> int:
    """Wait until one batch more is durable; which one that is."""
    assert worker.stdout is not None
    return int(worker.stdout.readline())


def test_each_backup_of_a_worker_that_writes_becomes_the_same_database(tmp_path: Path) -> None:
    lines, _ = record(FleetPlan(seed=7, chargers=8), Quirks.all(), LINES)
    (tmp_path / "stream").write_bytes(b"\n".join(lines))
    whole = deque(take(tmp_path / "uninterrupted", batches(lines)), maxlen=1).pop()
    expected_rows, expected_rejects = content(tmp_path / "uninterrupted")
    granted = whole // (BACKUPS + 1)
    data_dir = tmp_path / "data"

    with subprocess.Popen(
        [sys.executable, "-c", WORKER, data_dir, tmp_path / "stream"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as worker:
        for number in range(BACKUPS):
            grant(worker, granted)
            durable = await_one(worker)
            steps: list[int] = []

            def write_on(_step: Step, steps: list[int] = steps) -> None:
                grant(worker, 1)
                steps.append(await_one(worker))

            back_up(data_dir, tmp_path / f"backup{number}", now=NOW, tell=write_on)
            assert durable < steps[0] < steps[-1]
        worker.kill()

    for number in range(BACKUPS):
        restored = tmp_path / f"restored{number}"
        restore(tmp_path / f"backup{number}", restored, now=NOW)
        rows, rejects = content(restored)
        assert len(rows) < len(expected_rows)
        assert rejects <= expected_rejects
        deque(take(restored, batches(lines)), maxlen=0)
        rows, rejects = content(restored)
        assert difference(expected_rows, rows) == []
        assert rejects == expected_rejects

    restore(tmp_path / "backup0", data_dir, now=NOW, is_forced=True)
    deque(take(data_dir, batches(lines)), maxlen=0)
    assert difference(expected_rows, content(data_dir)[0]) == []
