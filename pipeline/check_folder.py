"""The check of this machine: DATA_DIR, its disk, what is in it, and the address of the HTTP interface.

Owns these steps and what to do about what they find. Must not know their order. Nothing is made or changed.
"""

import os
import shutil
from pathlib import Path

from pipeline.assembly import STATE_FILE, reject_limits
from pipeline.check_step import Ground, Look, Result, split_words
from pipeline.settings import Settings
from pipeline.wires.fleet_file import FleetFileError, read_fleet_file
from pipeline.wires.folder_lock import holder_of
from pipeline.wires.http_look import Listener, look_at_listener
from pipeline.wires.sqlite_file import ForeignFileError
from pipeline.wires.state import StateFile
from pipeline.wires.store import StoreUnavailableError

_LITTLE_BYTES = 1 << 30
_NEARLY_FULL = 0.8
_MIB = 1 << 20
_ANOTHER_ADDRESS = "name another address in CHARGELINE_HTTP, or off"
_ANOTHER_FOLDER = "name a folder that can be made and is yours in CHARGELINE_DATA_DIR"


def look_at_folder(ground: Ground) -> Look:
    """That this user can write to DATA_DIR, or make it, and which worker has it. A worker that has it is no fault."""
    folder = ground.settings.data_dir
    tried = f"DATA_DIR {folder}"
    existing = _existing(folder)
    if not existing.is_dir():
        return Look(Result.FAILED, tried, f"{existing} is no folder", _ANOTHER_FOLDER)
    if not os.access(existing, os.R_OK | os.W_OK | os.X_OK):
        return Look(Result.FAILED, tried, f"this user may not write to {existing}", _ANOTHER_FOLDER)
    if existing != folder:
        return Look(Result.OK, tried, "will be made when a worker starts")
    holder = holder_of(folder)
    words = f"a worker has it ({holder}), which is no fault" if holder else "no worker has it"
    return Look(Result.OK, tried, f"can be written, and {words}")


def look_at_disk(ground: Ground) -> Look:
    """How much room there is for what DATA_DIR will hold."""
    free = shutil.disk_usage(_existing(ground.settings.data_dir)).free
    found = f"{free // _MIB:,} MiB are free"
    if free >= _LITTLE_BYTES:
        return Look(Result.OK, "disk of DATA_DIR", found)
    return Look(Result.WARNING, "disk of DATA_DIR", found, "a full one stops the worker until there is room; make some")


def look_at_fleet(ground: Ground) -> Look | None:
    """That FLEET_FILE can be used, where it is set."""
    path = ground.settings.fleet_file
    if path is None:
        return None
    try:
        sites = read_fleet_file(path)
    except FleetFileError as fault:
        return Look(Result.FAILED, "fleet file", *split_words(str(fault)))
    names = {name for stays in sites.values() for name in stays.sites}
    return Look(Result.OK, "fleet file", f"{path}: {len(sites):,} chargers of {len(names):,} sites")


def look_at_rejects(ground: Ground) -> Look:
    """How many rejects are kept, and the share of their room that they take."""
    settings = ground.settings
    tried, most_mib = "rejects", settings.rejects_max // _MIB
    if not _has_content(settings.data_dir / STATE_FILE):
        return Look(Result.OK, tried, f"none are kept; room for {most_mib:,} MiB")
    try:
        with StateFile.open(settings.data_dir / STATE_FILE, reject_limits(settings)) as state:
            size, count = state.total()
    except (StoreUnavailableError, ForeignFileError) as fault:
        return Look(Result.FAILED, tried, *split_words(str(fault)))
    found = f"{count:,} are kept, {size // _MIB:,} of {most_mib:,} MiB"
    if size <= _NEARLY_FULL * settings.rejects_max:
        return Look(Result.OK, tried, found)
    todo = "export and discard some (chargeline rejects --help), or raise CHARGELINE_REJECTS_MAX"
    return Look(Result.WARNING, tried, found, todo)


def look_at_http(ground: Ground) -> Look | None:
    """Whether a worker could listen at CHARGELINE_HTTP, or listens already; None where it is off."""
    look, listener = _look_at_address(ground.settings)
    if look is not None and listener is Listener.CHARGELINE and has_worker(ground.settings):
        found = "the worker that has DATA_DIR answers, or another chargeline"
        return look._replace(result=Result.OK, found=found, todo="")
    return look


def look_at_roles_http(ground: Ground) -> Look | None:
    """The same for a role, which has no folder by which one that runs would be known."""
    look, listener = _look_at_address(ground.settings)
    if look is not None and listener is Listener.CHARGELINE:
        return look._replace(result=Result.WARNING, todo=f"unless it is this very role, {_ANOTHER_ADDRESS}")
    return look


def _look_at_address(settings: Settings) -> tuple[Look | None, Listener]:
    """What is found at the address, and who listens there; None where there is to be no interface."""
    if settings.http is None:
        return None, Listener.NOBODY
    host, port = settings.http
    tried = f"HTTP interface {f'[{host}]' if ':' in host else host}:{port}"
    try:
        listener = look_at_listener(host, port)
    except OSError as fault:
        return Look(Result.FAILED, tried, fault.strerror or str(fault), _ANOTHER_ADDRESS), Listener.NOBODY
    if listener is Listener.NOBODY:
        return Look(Result.OK, tried, "is free"), listener
    todo = f"a worker could not start: {_ANOTHER_ADDRESS}"
    return Look(Result.FAILED, tried, f"{listener} listens there already", todo), listener


def has_worker(settings: Settings) -> bool:
    """Whether a worker has DATA_DIR now."""
    try:
        return holder_of(settings.data_dir) is not None
    except OSError:
        return False


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that there is."""
    return next(path for path in (folder, *folder.absolute().parents) if path.exists())


def _has_content(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0
