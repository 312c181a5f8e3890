"""SQLite's faults, in words that say what to do.

Owns the one table of them, for every file that is kept by SQLite.
"""

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

NEXT_STEP: Mapping[str, str] = MappingProxyType(
    {
        "SQLITE_BUSY": "another program writes to it; end that program, or wait",
        "SQLITE_CANTOPEN": "see that the folder exists and is yours",
        "SQLITE_CORRUPT": "the file is damaged; restore a backup, or move it away",
        "SQLITE_FULL": "free some disk space, then try again",
        "SQLITE_NOTADB": "it is no SQLite database; name another folder in CHARGELINE_DATA_DIR",
        "SQLITE_READONLY": "see that the file and its folder are writable",
    }
)
"""What an operator does about a fault, by SQLite's name for it."""
_OTHERWISE = "see that the disk and the folder are sound, then try again"
_PRIMARY_WORDS = 2


def needs_operator(fault: sqlite3.Error) -> bool:
    """Whether it cannot end by itself: all but another program that writes just now."""
    return _primary_name(fault) not in ("SQLITE_BUSY", "SQLITE_LOCKED")


def explain_fault(path: Path, fault: sqlite3.Error) -> str:
    """What is wrong with the file, SQLite's name for it, and the next step."""
    return f"{path}: {fault} ({_name(fault)}); {NEXT_STEP.get(_primary_name(fault), _OTHERWISE)}"


def _name(fault: sqlite3.Error) -> str:
    name: str = getattr(fault, "sqlite_errorname", None) or type(fault).__name__
    return name


def _primary_name(fault: sqlite3.Error) -> str:
    return "_".join(_name(fault).split("_")[:_PRIMARY_WORDS])
