"""Restoring a backup into DATA_DIR while no worker has it.

Owns the order of it: all that can be wrong is found before anything of DATA_DIR is touched; under each name stands,
at every moment, the old file or the new one, whole; what was there before is moved aside and never deleted. Must not
know what is in the files, or the present time.
"""

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from pipeline.backup_manifest import KINDS, BackedUpFile, BackupError, Manifest, read_manifest
from pipeline.backup_steps import Step, TellStep, tell_nobody
from pipeline.core.timestamps import format_time
from pipeline.wires.folder_lock import lock_folder
from pipeline.wires.private_file import make_private
from pipeline.wires.sqlite_copy import BESIDE, held_alone, mark_of_copy, sync
from pipeline.wires.store import StoreUnavailableError

_CHUNK = 8 * 1024 * 1024


class Restored(NamedTuple):
    """What was restored, and where the files went that were in its place."""

    manifest: Manifest
    moved_aside: tuple[Path, ...]


def restore(
    folder: Path, data_dir: Path, *, now: int, is_forced: bool = False, tell: TellStep = tell_nobody
) -> Restored:
    """Put the files of the backup in `folder` into DATA_DIR, made where there is none.

    Files of the same names are moved aside where `is_forced`, to `<name>.before-restore-<stamp>`; the stamp is made of
    `now`, our clock, nanoseconds since the epoch. Raises BackupError, FolderLockedError while a worker has DATA_DIR,
    StoreUnavailableError while another program has a file of it open, OSError; then DATA_DIR holds what it held.
    """
    manifest = read_manifest(folder)
    for file in manifest.files:
        _refuse_unusable(folder / file.name, file)
    names = [file.name for file in manifest.files]
    suffix = f".before-restore-{_stamp(now)}"
    # A worker that was killed leaves its last rows beside its files. They stay with these, by their names.
    asides = {
        data_dir / f"{name}{ending}": data_dir / f"{name}{suffix}{ending}" for name in names for ending in ("", *BESIDE)
    }
    with lock_folder(data_dir), ExitStack() as unfinished:
        if not is_forced:
            _refuse_to_replace([path for path in asides if path.exists()])
        staged = {
            data_dir / file.name: _stage(folder / file.name, file, data_dir, tell, unfinished)
            for file in manifest.files
        }
        with ExitStack() as held:
            for path in staged:
                if path.exists():
                    held.enter_context(held_alone(path))
            moved = _replace(staged, {path: aside for path, aside in asides.items() if path.exists()})
        sync(data_dir)
    return Restored(manifest, moved)


def _refuse_unusable(path: Path, file: BackedUpFile) -> None:
    """What can be seen without reading the whole file."""
    if not path.is_file():
        message = f"{path} is missing from the backup; use another one"
        raise BackupError(message)
    if path.stat().st_size != file.bytes:
        raise _damaged(path, f"it has {path.stat().st_size} bytes, it had {file.bytes} when it was made")
    kind = KINDS[file.name]
    try:
        application, version = mark_of_copy(path)
    except StoreUnavailableError:
        raise _damaged(path, "it is no SQLite database") from None
    if application != kind.application:
        message = f"{path} is a database of another program; name a folder that chargeline backup made"
        raise BackupError(message)
    if version > kind.version:
        message = (
            f"{path} has schema version {version}, this program knows up to {kind.version}; use a newer chargeline"
        )
        raise BackupError(message)


def _refuse_to_replace(existing: Sequence[Path]) -> None:
    if existing:
        names = ", ".join(path.name for path in existing)
        message = (
            f"{existing[0].parent} already has {names}; name another folder in CHARGELINE_DATA_DIR, or move these "
            "aside with --force"
        )
        raise BackupError(message)


def _stage(path: Path, file: BackedUpFile, data_dir: Path, tell: TellStep, unfinished: ExitStack) -> Path:
    """A copy of a file of the backup beside the place it is for, on the disk; its bytes are those of the manifest."""
    sha256 = hashlib.sha256()
    # Always the same name, which the lock makes ours: what a killed restore left is overwritten.
    staged = data_dir / f".{path.name}.restoring"
    unfinished.callback(staged.unlink, missing_ok=True)
    make_private(staged)
    with path.open("rb") as source, staged.open("wb") as target:
        while chunk := source.read(_CHUNK):
            target.write(chunk)
            sha256.update(chunk)
            tell(Step(f"copying {path.name}", target.tell(), file.bytes))
    sync(staged)
    if sha256.hexdigest() != file.sha256:
        raise _damaged(path, "its bytes are not those that were backed up")
    return staged


def _replace(staged: Mapping[Path, Path], asides: Mapping[Path, Path]) -> tuple[Path, ...]:
    """Move aside what is in the way, and put the staged files there; where anything is raised, all of it is undone.

    `staged` has for each place the new file, `asides` for each file that exists where it goes.
    """
    with ExitStack() as undo:
        for path, aside in asides.items():
            _name_twice(path, aside)
            undo.callback(_put_back, path, aside)
        for path in asides.keys() - staged.keys():
            # Read as one of the new file, the `-wal` of the old one would ruin it.
            path.unlink()
        for path, copy in staged.items():
            if path not in asides:
                undo.callback(path.unlink, missing_ok=True)
            copy.replace(path)
        undo.pop_all()
    return tuple(asides.values())


def _name_twice(path: Path, aside: Path) -> None:
    """Give a file a second name, so that it can be replaced under the first without a moment in which it is gone."""
    try:
        aside.hardlink_to(path)
    except OSError as fault:
        message = f"{path} cannot be kept as {aside.name} ({fault.strerror}); move it away yourself, then restore again"
        raise BackupError(message) from fault


def _put_back(path: Path, aside: Path) -> None:
    aside.replace(path)
    # Nothing is renamed where both names are still those of one file.
    aside.unlink(missing_ok=True)


def _damaged(path: Path, words: str) -> BackupError:
    return BackupError(f"{path} is damaged: {words}; use another backup")


def _stamp(now: int) -> str:
    """`20260131T235959Z`: sorts by time, and needs no quoting."""
    return format_time(now)[:19].replace("-", "").replace(":", "") + "Z"
