"""A backup: whole while a worker writes, its files of one moment, and all or nothing."""

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.metadata import version
from pathlib import Path

import pytest

from pipeline import backup
from pipeline.assembly import STATE_FILE, STORE_FILE
from pipeline.backup import back_up
from pipeline.backup_manifest import MANIFEST_FILE, BackupError, read_manifest
from pipeline.backup_steps import Step
from pipeline.restore import restore
from pipeline.wires.sqlite_copy import Snapshot, open_snapshot
from pipeline.wires.sqlite_file import FileKind, ForeignFileError
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


def test_a_backup_has_every_file_whole_and_a_manifest_that_says_so(tmp_path: Path) -> None:
    data_dir, folder = filled(tmp_path / "data"), tmp_path / "backup"
    manifest = back_up(data_dir, folder, now=NOW)

    assert sorted(contents(folder)) == sorted([*FILES, MANIFEST_FILE])
    assert [file.name for file in manifest.files] == list(FILES)
    for name, length, sha256 in manifest.files:
        content = (folder / name).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (length, sha256)
        assert dump(folder / name) == dump(data_dir / name)
    assert (manifest.program, manifest.made_at) == (version("chargeline"), "2027-01-15T08:00:00.000000000Z")
    assert not manifest.is_rows_elsewhere
    assert read_manifest(folder) == manifest


def test_it_is_its_owners_alone(tmp_path: Path) -> None:
    back_up(filled(tmp_path / "data"), tmp_path / "some" / "backup", now=NOW)
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "some").rglob("*") if path.is_file()} == {0o600}
    assert (tmp_path / "some" / "backup").stat().st_mode & 0o777 == 0o700


def test_it_is_on_the_disk_with_all_its_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data_dir, folder = filled(tmp_path / "data"), tmp_path / "backup"
    synced = note_synced(monkeypatch)
    back_up(data_dir, folder, now=NOW)
    assert {path.stat().st_ino for path in (folder, *folder.iterdir())} <= synced


def test_it_can_be_read_where_nothing_can_be_written(tmp_path: Path) -> None:
    back_up(filled(tmp_path / "data"), tmp_path / "backup", now=NOW)
    for name in FILES:
        # The file format's versions for writing and reading: 2 would need a `-wal` beside it.
        assert (tmp_path / "backup" / name).read_bytes()[18:20] == b"\1\1"


def test_a_worker_writes_on_meanwhile_and_the_backup_is_of_when_it_began(tmp_path: Path) -> None:
    data_dir, folder = filled(tmp_path / "data", 2), tmp_path / "backup"
    steps: list[Step] = []
    with open_worker(data_dir) as journey:

        def write_on(step: Step) -> None:
            steps.append(step)
            journey.take(batch(1_000 + len(steps)), NOW)

        back_up(data_dir, folder, now=NOW, tell=write_on)

    assert len(chargers_with_rows(data_dir)) == len(chargers_with_rejects(data_dir)) == 2 + len(steps)
    assert chargers_with_rows(folder) == chargers_with_rejects(folder) == {"EH0", "EH1"}
    words = list(dict.fromkeys(step.words for step in steps))
    assert words == [f"{what} {name}" for name in FILES for what in ("copying", "checking")]
    assert all(step.done <= step.whole for step in steps)


def test_a_state_never_speaks_of_rows_that_the_backup_does_not_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data_dir, folder = filled(tmp_path / "data", 1), tmp_path / "backup"
    with open_worker(data_dir) as journey:

        @contextmanager
        def write_after_each_look(path: Path, kind: FileKind) -> Iterator[Snapshot]:
            with open_snapshot(path, kind) as snapshot:
                journey.take(batch(1 if path.name == STATE_FILE else 2), NOW)
                yield snapshot

        monkeypatch.setattr(backup, "open_snapshot", write_after_each_look)
        back_up(data_dir, folder, now=NOW)

    assert chargers_with_rejects(folder) == {"EH0"}
    assert chargers_with_rows(folder) == {"EH0", "EH1"}


def test_what_a_killed_worker_left_beside_its_files_is_in_it(tmp_path: Path) -> None:
    alive, killed = tmp_path / "alive", tmp_path / "killed"
    with open_worker(alive) as journey:
        journey.take(batch(7), NOW)
        killed.mkdir()
        for name, content in contents(alive).items():
            (killed / name).write_bytes(content)
    assert (killed / f"{STORE_FILE}-wal").stat().st_size
    back_up(killed, tmp_path / "backup", now=NOW)
    assert chargers_with_rows(tmp_path / "backup") == {"EH7"}


def test_with_influxdb_there_is_only_the_state_and_the_manifest_says_so(tmp_path: Path) -> None:
    data_dir = filled(tmp_path / "data")
    (data_dir / STORE_FILE).unlink()
    manifest = back_up(data_dir, tmp_path / "backup", now=NOW, is_rows_elsewhere=True)
    assert [file.name for file in manifest.files] == [STATE_FILE]
    assert read_manifest(tmp_path / "backup").is_rows_elsewhere


def test_an_empty_folder_will_do(tmp_path: Path) -> None:
    (tmp_path / "backup").mkdir()
    assert back_up(filled(tmp_path / "data"), tmp_path / "backup", now=NOW).files


@pytest.mark.parametrize("name", [STORE_FILE, MANIFEST_FILE, "anything"])
def test_a_folder_with_something_in_it_is_refused_and_left_alone(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    folder.mkdir()
    (folder / name).write_text("theirs")
    with pytest.raises(BackupError, match="is not empty; name a folder that is, or does not exist yet"):
        back_up(filled(tmp_path / "data"), folder, now=NOW)
    assert contents(folder) == {name: b"theirs"}


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "backup").write_text("theirs")
    with pytest.raises(BackupError, match="backup is not a folder; name one"):
        back_up(filled(tmp_path / "data"), tmp_path / "backup", now=NOW)


@pytest.mark.parametrize("names", [(), (STATE_FILE,), FILES])
def test_where_nothing_was_ever_written_there_is_no_backup(names: tuple[str, ...], tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    for name in names:
        (data_dir / name).touch()
    with pytest.raises(BackupError, match="data has nothing to back up; name the folder of the worker"):
        back_up(data_dir, tmp_path / "backup", now=NOW)
    assert not (tmp_path / "backup").exists()


@pytest.mark.parametrize(
    ("statement", "words"),
    [("PRAGMA application_id = 7", "another program"), ("PRAGMA user_version = 99", "use a newer chargeline")],
)
def test_the_file_of_another_program_or_version_is_not_backed_up(statement: str, words: str, tmp_path: Path) -> None:
    data_dir = filled(tmp_path / "data")
    with closing(sqlite3.connect(data_dir / STORE_FILE)) as connection:
        connection.execute(statement)
    with pytest.raises(ForeignFileError, match=words):
        back_up(data_dir, tmp_path / "backup", now=NOW)
    assert not (tmp_path / "backup").exists()


@pytest.mark.parametrize("is_there", [True, False])
def test_a_damaged_file_is_found_and_nothing_of_the_backup_stays(is_there: bool, tmp_path: Path) -> None:
    data_dir, folder = filled(tmp_path / "data"), tmp_path / "backup"
    if is_there:
        folder.mkdir()
    with closing(sqlite3.connect(data_dir / STORE_FILE)) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'charger_power'").fetchone()
    with (data_dir / STORE_FILE).open("r+b") as file:
        file.seek((page - 1) * 4_096)
        file.write(b"\xff" * 4_096)
    with pytest.raises(StoreUnavailableError, match=r"the copy is damaged \(.*Page.*; see that the disk"):
        back_up(data_dir, folder, now=NOW)
    assert folder.exists() is is_there
    assert list(tmp_path.rglob("*.unfinished*")) == []
    assert not is_there or contents(folder) == {}


def test_an_interrupt_leaves_nothing(tmp_path: Path) -> None:
    def interrupt(step: Step) -> None:
        if step.words == f"copying {STORE_FILE}":
            raise KeyboardInterrupt

    data_dir = filled(tmp_path / "data")
    with pytest.raises(KeyboardInterrupt):
        back_up(data_dir, tmp_path / "backup", now=NOW, tell=interrupt)
    assert not (tmp_path / "backup").exists()
    back_up(data_dir, tmp_path / "backup", now=NOW)
    restore(tmp_path / "backup", tmp_path / "again", now=NOW)
    assert chargers_with_rows(tmp_path / "again") == chargers_with_rows(data_dir)
