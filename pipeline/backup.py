"""Backing up DATA_DIR while a worker writes to it.

Owns what a backup is: a folder of whole SQLite files and a manifest. Must not know what is in the files, how one is
copied (`pipeline.wires.sqlite_copy`), or the present time.

All files are looked at first, in the order of `KINDS`, then copied: however long that takes, they lie no more than the
batch apart that was under way just then. Whatever is raised, nothing of the backup stays.
"""

import hashlib
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path

from pipeline.backup_manifest import KINDS, MANIFEST_FILE, BackedUpFile, BackupError, Manifest, write_manifest
from pipeline.backup_steps import Step, TellStep, tell_nobody
from pipeline.core.timestamps import format_time
from pipeline.wires.private_file import make_private_folder
from pipeline.wires.sqlite_copy import BESIDE, Snapshot, check_copy, open_snapshot, sync

UNFINISHED = ".unfinished"
"""Behind the name of a file that is not whole yet."""


def back_up(
    data_dir: Path,
    folder: Path,
    *,
    now: int,
    is_rows_elsewhere: bool = False,
    tell: TellStep = tell_nobody,
) -> Manifest:
    """Copy the files of DATA_DIR into `folder`, which must be empty or not exist; its manifest.

    `now` is our clock, nanoseconds since the epoch. `is_rows_elsewhere` says that rows go to InfluxDB.
    Raises BackupError, ForeignFileError for a file that this version cannot read, StoreUnavailableError, OSError.
    """
    with ExitStack() as undo, ExitStack() as opened:
        snapshots = _look(data_dir, opened)
        _make_folder(folder, undo)
        for name in (*KINDS, MANIFEST_FILE):
            undo.callback((folder / name).unlink, missing_ok=True)
        files = tuple(_copy(snapshot, folder, tell, undo) for snapshot in snapshots)
        manifest = Manifest(version("chargeline"), format_time(now), is_rows_elsewhere, files)
        write_manifest(manifest, folder)
        sync(folder)
        undo.pop_all()
    return manifest


def _look(data_dir: Path, opened: ExitStack) -> list[Snapshot]:
    """A snapshot of each file that has something in it, all but at the same moment."""
    snapshots = [
        opened.enter_context(open_snapshot(data_dir / name, kind))
        for name, kind in KINDS.items()
        if (data_dir / name).exists()
    ]
    filled = [snapshot for snapshot in snapshots if not snapshot.is_empty()]
    if not filled:
        message = f"{data_dir} has nothing to back up; name the folder of the worker in CHARGELINE_DATA_DIR"
        raise BackupError(message)
    return filled


def _make_folder(folder: Path, undo: ExitStack) -> None:
    if not folder.exists():
        make_private_folder(folder)
        undo.callback(folder.rmdir)
    elif not folder.is_dir():
        message = f"{folder} is not a folder; name one that is empty, or does not exist yet"
        raise BackupError(message)
    elif any(folder.iterdir()):
        message = (
            f"{folder} is not empty; name a folder that is, or does not exist yet. A backup that was killed leaves "
            f"files without {MANIFEST_FILE}: those can be deleted"
        )
        raise BackupError(message)


def _copy(snapshot: Snapshot, folder: Path, tell: TellStep, undo: ExitStack) -> BackedUpFile:
    name = snapshot.path.name
    unfinished = folder / f"{name}{UNFINISHED}"
    for ending in ("", *BESIDE):
        undo.callback((folder / f"{name}{UNFINISHED}{ending}").unlink, missing_ok=True)
    snapshot.copy_to(unfinished, lambda done, whole: tell(Step(f"copying {name}", done, whole)))
    tell(Step(f"checking {name}", 0, 1))
    check_copy(unfinished)
    with unfinished.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    tell(Step(f"checking {name}", 1, 1))
    unfinished.rename(folder / name)
    return BackedUpFile(name, (folder / name).stat().st_size, sha256)
