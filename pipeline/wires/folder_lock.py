"""The lock of a folder: one process at a time has DATA_DIR, and the kernel lets go of it when that process dies.

Owns the file `lock` in it and what is told to whoever comes second. Must not know what else is in the folder. What
the file says is for people only; what counts is the kernel's lock on it, so a file that was left behind locks nobody
out.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.core.timestamps import format_time
from pipeline.wires.private_file import make_private

LOCK_FILE = "lock"

_MOST_BYTES = 200


class FolderLockedError(Exception):
    """Another process has the folder. Says which one, and what to do."""


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Have the folder, made where there is none, for this process alone; until the end of the block, or of the process.

    Raises FolderLockedError at once where another has it, and OSError where the lock cannot be had at all.
    """
    path = folder / LOCK_FILE
    make_private(path)
    # Not inherited by programs that this one starts: they would keep the lock when this one is gone.
    lock = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        _take(lock, path)
        # The file stays when the lock is let go of: whoever waits for it must not be left with a file that is gone.
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"process {os.getpid()}, since {format_time(time.time_ns())[:19]}Z".encode(), 0)
        yield
    finally:
        os.close(lock)


def holder_of(folder: Path) -> str | None:
    """Who has the folder, in words: a process and since when; None where nobody has. Makes and changes nothing.

    Whoever wants to have the folder in the very instant of asking is refused. Raises OSError where it cannot be known.
    """
    try:
        lock = os.open(folder / LOCK_FILE, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _words_of_holder(lock)
    finally:
        os.close(lock)
    return None


def _take(lock: int, path: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        message = (
            f"{path.parent} is in use by another chargeline ({_words_of_holder(lock)}); end that one, or "
            "name another folder in CHARGELINE_DATA_DIR"
        )
        raise FolderLockedError(message) from None
    except OSError as fault:
        words = f"{fault.strerror}; this disk cannot lock files, name a folder on a local one in CHARGELINE_DATA_DIR"
        raise OSError(fault.errno, words, str(path)) from fault


def _words_of_holder(lock: int) -> str:
    return os.pread(lock, _MOST_BYTES, 0).decode(errors="replace").strip() or "process unknown"
