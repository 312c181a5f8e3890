"""A restore: what was backed up and nothing else, and where anything is wrong, DATA_DIR as it was."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from pipeline.assembly import STATE_FILE, STORE_FILE
from pipeline.backup import back_up
from pipeline.backup_manifest import MANIFEST_FILE, BackupError
from pipeline.backup_steps import Step
from pipeline.restore import restore
from pipeline.wires.folder_lock import LOCK_FILE, FolderLockedError, lock_folder
from pipeline.wires.store import StoreUnavailableError
from tests.pipeline.backup_samples import (
    FILES,
    NOW,
    batch,
    chargers_with_rejects,
    chargers_with_rows,
    contents,
    dump,
    filled,
    note_synced,
    open_worker,
)

ASIDE = ".before-restore-20270115T080000Z"


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A backup of two batches."""
    back_up(filled(tmp_path / "saved-data", 2), tmp_path / "backup", now=NOW)
    return tmp_path / "backup"


def data_of(folder: Path) -> dict[str, bytes]:
    """Each file of DATA_DIR but the lock."""
    return {name: content for name, content in contents(folder).items() if name != LOCK_FILE}


def redo_manifest(saved: Path, change: Callable[[dict[str, object]], object]) -> None:
    """Change what the manifest says of the store."""
    path = saved / MANIFEST_FILE
    entry = json.loads(path.read_text())
    (store,) = (file for file in entry["files"] if file["name"] == STORE_FILE)
    change(store)
    path.write_text(json.dumps(entry))


def test_what_was_backed_up_is_there_again_and_a_worker_goes_on(saved: Path, tmp_path: Path) -> None:
    data_dir = tmp_path / "new" / "data"
    steps: list[Step] = []
    restored = restore(saved, data_dir, now=NOW, tell=steps.append)

    assert restored.moved_aside == ()
    assert {file.name for file in restored.manifest.files} == set(FILES) == set(data_of(data_dir))
    for name in FILES:
        assert dump(data_dir / name) == dump(tmp_path / "saved-data" / name)
        assert (data_dir / name).stat().st_mode & 0o777 == 0o600
    assert [(step.words, step.done == step.whole) for step in steps] == [(f"copying {name}", True) for name in FILES]
    with open_worker(data_dir) as journey:
        journey.take(batch(9), NOW)
    assert chargers_with_rows(data_dir) == chargers_with_rejects(data_dir) == {"EH0", "EH1", "EH9"}


def test_what_is_restored_is_on_the_disk_with_its_name(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data_dir = tmp_path / "data"
    synced = note_synced(monkeypatch)
    restore(saved, data_dir, now=NOW)
    assert {path.stat().st_ino for path in (data_dir, *(data_dir / name for name in FILES))} <= synced


def test_what_is_there_is_not_replaced_unasked(saved: Path, tmp_path: Path) -> None:
    data_dir = filled(tmp_path / "data", 3)
    before = contents(data_dir)
    with pytest.raises(BackupError, match=f"data already has {STATE_FILE}, {STORE_FILE}; .* --force"):
        restore(saved, data_dir, now=NOW)
    assert data_of(data_dir) == before


def test_what_was_there_is_moved_aside_whole(saved: Path, tmp_path: Path) -> None:
    data_dir = filled(tmp_path / "data", 5)
    before = {name: dump(data_dir / name) for name in FILES}
    (data_dir / "notes.txt").write_text("theirs")
    restored = restore(saved, data_dir, now=NOW, is_forced=True)

    assert restored.moved_aside == tuple(data_dir / f"{name}{ASIDE}" for name in FILES)
    assert set(data_of(data_dir)) == {*FILES, "notes.txt", *(f"{name}{ASIDE}" for name in FILES)}
    for name in FILES:
        assert dump(data_dir / f"{name}{ASIDE}") == before[name]
        assert dump(data_dir / name) == dump(tmp_path / "saved-data" / name)


def leave_killed(data_dir: Path, tmp_path: Path) -> None:
    """What a killed worker leaves in `data_dir`: the last batch only beside the files, in their `-wal`."""
    data_dir.mkdir()
    with open_worker(filled(tmp_path / "alive", 3)) as journey:
        journey.take(batch(99), NOW)
        for name, content in contents(tmp_path / "alive").items():
            (data_dir / name).write_bytes(content)
    assert (data_dir / f"{STORE_FILE}-wal").stat().st_size


def test_what_a_killed_worker_left_goes_with_its_old_file_and_not_into_the_new_one(saved: Path, tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    leave_killed(data_dir, tmp_path)
    before = contents(data_dir)
    restore(saved, data_dir, now=NOW, is_forced=True)

    after = data_of(data_dir)
    assert set(after) == {*FILES, *(f"{name}{ASIDE}{ending}" for name in FILES for ending in ("", "-wal", "-shm"))}
    assert after[f"{STORE_FILE}{ASIDE}-wal"] == before[f"{STORE_FILE}-wal"]
    assert chargers_with_rows(data_dir) == {"EH0", "EH1"}
    for path in data_dir.glob(f"*{ASIDE}*"):
        path.rename(tmp_path / path.name.replace(ASIDE, ""))
    assert chargers_with_rows(tmp_path) == {"EH0", "EH1", "EH2", "EH99"}


def test_a_damaged_file_is_moved_aside_with_what_is_beside_it(saved: Path, tmp_path: Path) -> None:
    data_dir = filled(tmp_path / "data")
    (data_dir / STORE_FILE).write_bytes(b"letters" * 2_000)
    (data_dir / f"{STORE_FILE}-wal").write_bytes(b"numbers" * 2_000)
    restore(saved, data_dir, now=NOW, is_forced=True)

    after = contents(data_dir)
    assert after[f"{STORE_FILE}{ASIDE}"] == b"letters" * 2_000
    assert after[f"{STORE_FILE}{ASIDE}-wal"] == b"numbers" * 2_000
    assert not {f"{STORE_FILE}-wal", f"{STORE_FILE}-shm"} & set(after)
    assert chargers_with_rows(data_dir) == {"EH0", "EH1"}


def test_what_is_beside_no_file_is_in_the_way_too(saved: Path, tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    leave_killed(data_dir, tmp_path)
    for name in FILES:
        (data_dir / name).unlink()
    with pytest.raises(BackupError, match=f"already has {STATE_FILE}-wal"):
        restore(saved, data_dir, now=NOW)
    restore(saved, data_dir, now=NOW, is_forced=True)
    assert chargers_with_rows(data_dir) == {"EH0", "EH1"}


def test_a_worker_that_runs_is_not_robbed(saved: Path, tmp_path: Path) -> None:
    data_dir = filled(tmp_path / "data", 3)
    before = contents(data_dir)
    with lock_folder(data_dir), pytest.raises(FolderLockedError, match="end that one"):
        restore(saved, data_dir, now=NOW, is_forced=True)
    assert data_of(data_dir) == before


def test_a_program_that_has_a_file_open_is_not_robbed(saved: Path, tmp_path: Path) -> None:
    data_dir = filled(tmp_path / "data", 3)
    source = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); print(*c.execute(sys.argv[2])); sys.stdin.read()"
    query = "SELECT count(*) FROM charger_power"
    with subprocess.Popen(
        [sys.executable, "-c", source, data_dir / STORE_FILE, query], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"(3,)\n"
        before = contents(data_dir)
        with pytest.raises(StoreUnavailableError, match="is open in another program; end that one"):
            restore(saved, data_dir, now=NOW, is_forced=True)
        assert data_of(data_dir) == before
    assert chargers_with_rows(data_dir) == {"EH0", "EH1", "EH2"}


def flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def set_mark(saved: Path, statement: str) -> None:
    """Another mark, and the manifest as if it had always been so: only the mark is wrong."""
    with closing(sqlite3.connect(saved / STORE_FILE)) as connection:
        connection.execute(statement)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        pytest.param(lambda saved: (saved / MANIFEST_FILE).unlink(), "no backup.json", id="manifest missing"),
        pytest.param(lambda saved: (saved / MANIFEST_FILE).write_text("{"), "not JSON", id="manifest broken"),
        pytest.param(lambda saved: (saved / STORE_FILE).unlink(), "is missing from the backup", id="file missing"),
        pytest.param(lambda saved: flip(saved / STORE_FILE, 9_000), "not those that were backed up", id="a bit"),
        pytest.param(lambda saved: flip(saved / STATE_FILE, 9_000), "not those that were backed up", id="state"),
        pytest.param(lambda saved: flip(saved / STORE_FILE, 0), "is no SQLite database", id="no database"),
        pytest.param(
            lambda saved: (saved / STORE_FILE).write_bytes((saved / STORE_FILE).read_bytes()[:-4_096]),
            r"it has \d+ bytes, it had \d+",
            id="cut",
        ),
        pytest.param(
            lambda saved: redo_manifest(saved, lambda store: store.update(sha256="0" * 64)),
            "not those that were backed up",
            id="other hash",
        ),
        pytest.param(
            lambda saved: set_mark(saved, "PRAGMA application_id = 7"), "database of another program", id="foreign"
        ),
        pytest.param(
            lambda saved: set_mark(saved, "PRAGMA user_version = 99"),
            r"schema version 99, this program knows up to \d+; use a newer chargeline",
            id="newer",
        ),
    ],
)
@pytest.mark.parametrize("is_forced", [True, False])
def test_a_backup_that_is_not_right_is_refused_and_nothing_is_changed(
    spoil: Callable[[Path], object], words: str, is_forced: bool, saved: Path, tmp_path: Path
) -> None:
    spoil(saved)
    data_dir = filled(tmp_path / "data", 3) if is_forced else tmp_path / "data"
    before = contents(data_dir) if is_forced else {}
    with pytest.raises(BackupError, match=words):
        restore(saved, data_dir, now=NOW, is_forced=is_forced)
    assert (data_of(data_dir) if data_dir.exists() else {}) == before


def test_where_the_last_step_fails_the_old_files_stand_as_before(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data_dir = tmp_path / "data"
    leave_killed(data_dir, tmp_path)
    before = contents(data_dir)
    replaced: list[Path] = []
    replace = Path.replace

    def fail_second_time(self: Path, target: Path) -> Path:
        if self.name.endswith(".restoring"):
            replaced.append(target)
            if len(replaced) == 2:
                raise OSError(5, "Input/output error", str(target))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", fail_second_time)
    with pytest.raises(OSError, match="Input/output error"):
        restore(saved, data_dir, now=NOW, is_forced=True)
    assert data_of(data_dir) == before
    assert chargers_with_rows(data_dir) == chargers_with_rejects(data_dir) == {"EH0", "EH1", "EH2", "EH99"}

    empty = tmp_path / "empty"
    replaced.clear()
    with pytest.raises(OSError, match="Input/output error"):
        restore(saved, empty, now=NOW)
    assert data_of(empty) == {}


def test_an_old_file_that_cannot_be_kept_is_not_replaced(saved: Path, tmp_path: Path) -> None:
    data_dir = filled(tmp_path / "data", 3)
    (data_dir / f"{STORE_FILE}{ASIDE}").write_text("theirs")
    with pytest.raises(BackupError, match=r"cannot be kept as .*; move it away yourself"):
        restore(saved, data_dir, now=NOW, is_forced=True)
    assert set(data_of(data_dir)) == {*FILES, f"{STORE_FILE}{ASIDE}"}
    assert (data_dir / f"{STORE_FILE}{ASIDE}").read_text() == "theirs"
    assert chargers_with_rows(data_dir) == {"EH0", "EH1", "EH2"}


def test_what_a_killed_restore_left_is_overwritten(saved: Path, tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    (data_dir / f".{STORE_FILE}.restoring").write_bytes(b"half" * 100_000)
    restore(saved, data_dir, now=NOW)
    assert set(data_of(data_dir)) == set(FILES)
    assert dump(data_dir / STORE_FILE) == dump(saved / STORE_FILE)
