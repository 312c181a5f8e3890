"""SQLite's faults, in words that say what to do.

Owns the one table of them, for every file that is kept by SQLite.
"""

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

_NEXT_STEP: Mapping[str, str] = MappingProxyType(
    {
        "SQLITE_BUSY": "another program writes to it; end that program, or wait",
        "SQLITE_CANTOPEN": "see that the folder exists and is yours",
        "SQLITE_CORRUPT": "the file is damaged; restore a backup, or move it away",
        "SQLITE_FULL": "free some disk space, then try again",
        "SQLITE_NOTADB": "it is no SQLite database; name another folder in CHARGELINE_DATA_DIR",
        "SQLITE_READONLY": "see that the file and its folder are writable",
    }
)
_OTHERWISE = "see that the disk and the folder are sound, then try again"
_PRIMARY_WORDS = 2


def explain_fault(path: Path, fault: sqlite3.Error) -> str:
    """What is wrong with the file, SQLite's name for it, and the next step."""
    name: str = getattr(fault, "sqlite_errorname", None) or type(fault).__name__
    primary = "_".join(name.split("_")[:_PRIMARY_WORDS])
    return f"{path}: {fault} ({name}); {_NEXT_STEP.get(primary, _OTHERWISE)}"
