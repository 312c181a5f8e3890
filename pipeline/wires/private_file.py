"""Private files: made so that only their owner can read them.

Owns the modes. Rejects and recordings hold what came off the wire, personal values included.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO

_FILE_MODE = 0o600
_FOLDER_MODE = 0o700


def make_private(path: Path) -> None:
    """Make the file, empty, and the folders above it where they do not exist yet; leave what exists as it is."""
    make_private_folder(path.parent)
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, _FILE_MODE))


@contextmanager
def replace_private(path: Path) -> Iterator[IO[bytes]]:
    """A new private file that takes the place of `path` when it is whole; where anything is raised, nothing changes.

    Raises OSError, also where `path` is something else than a file: a device must not be replaced.
    """
    if path.exists() and not path.is_file():
        raise FileExistsError(errno.EEXIST, "this is not a plain file", str(path))
    make_private_folder(path.parent)
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        unfinished = Path(file.name)
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
            unfinished.replace(path)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise


def make_private_folder(path: Path) -> None:
    """Make a folder, and those above it, for its owner alone; leave what exists as it is."""
    for folder in (*reversed(path.parents), path):
        if not folder.exists():
            folder.mkdir(_FOLDER_MODE, exist_ok=True)
