"""Private files: made so that only their owner can read them.

Owns the modes. Rejects and recordings hold what came off the wire, personal values included.
"""

import os
from pathlib import Path

_FILE_MODE = 0o600
_FOLDER_MODE = 0o700


def make_private(path: Path) -> None:
    """Make the file, empty, and the folders above it where they do not exist yet; leave what exists as it is."""
    make_private_folder(path.parent)
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, _FILE_MODE))


def make_private_folder(path: Path) -> None:
    """Make a folder, and those above it, for its owner alone; leave what exists as it is."""
    for folder in (*reversed(path.parents), path):
        if not folder.exists():
            folder.mkdir(_FOLDER_MODE, exist_ok=True)
