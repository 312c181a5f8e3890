"""The manifest of a backup: which files it has, and how each is known again.

Owns the form of `backup.json`, and what can be backed up at all. Must not know how files are copied.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import orjson

from pipeline.assembly import STATE_FILE, STORE_FILE
from pipeline.wires.private_file import replace_private
from pipeline.wires.sqlite_file import FileKind
from pipeline.wires.sqlite_schema import STORE
from pipeline.wires.state import STATE

MANIFEST_FILE = "backup.json"
FORM = 1

KINDS: Mapping[str, FileKind] = MappingProxyType({STATE_FILE: STATE, STORE_FILE: STORE})
"""The files of DATA_DIR that are backed up, in the order in which they are looked at.

A worker makes rows durable first, then its state. So the state is looked at before the store: what it says is durable
is then in the store that goes with it. The other way round, it could speak of rows that the backup does not have.
"""

# What is read is also shown, so nothing gets through that could speak to a terminal.
_PROGRAM = re.compile(r"[0-9A-Za-z.+!-]{1,64}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}")


class BackupError(Exception):
    """A backup that cannot be made, or cannot be used. Says why, and what to do."""


class BackedUpFile(NamedTuple):
    """One file of a backup: its name, here and in DATA_DIR, its length, and the SHA-256 of its bytes in hex."""

    name: str
    bytes: int
    sha256: str


class Manifest(NamedTuple):
    """What a backup says of itself.

    `program`           the version of chargeline that made it.
    `made_at`           ISO 8601, UTC, by the clock of that machine.
    `is_rows_elsewhere` True where rows went to InfluxDB, which this backup has nothing of.
    """

    program: str
    made_at: str
    is_rows_elsewhere: bool
    files: tuple[BackedUpFile, ...]


def manifest_entry(manifest: Manifest) -> Mapping[str, object]:
    """A manifest as JSON can hold it."""
    return {
        "form": FORM,
        "program": manifest.program,
        "made_at": manifest.made_at,
        "rows": "influxdb" if manifest.is_rows_elsewhere else "sqlite",
        "files": [file._asdict() for file in manifest.files],
    }


def write_manifest(manifest: Manifest, folder: Path) -> None:
    """Write the manifest, the last file of a backup: one without it is not whole. Raises OSError."""
    with replace_private(folder / MANIFEST_FILE) as file:
        file.write(orjson.dumps(manifest_entry(manifest), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of a backup. Raises BackupError for one that is missing, newer or broken, and OSError."""
    path = folder / MANIFEST_FILE
    try:
        entry = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        message = f"{folder} has no {MANIFEST_FILE}: it is no backup, or one that was not finished; name another folder"
        raise BackupError(message) from None
    except orjson.JSONDecodeError as fault:
        raise _broken(path, f"it is not JSON ({fault})") from None
    match entry:
        case {"form": int(form)} if form > FORM:
            message = f"{path} has form {form}, this program knows up to {FORM}; use a newer chargeline"
            raise BackupError(message)
        case {
            "form": 1,
            "program": str(program),
            "made_at": str(made_at),
            "rows": "influxdb" | "sqlite" as rows,
            "files": [_, *_] as files,
        } if _PROGRAM.fullmatch(program) and _TIME.fullmatch(made_at):
            read = tuple(_read_file(file, path) for file in files)
        case _:
            raise _broken(path, "members are missing, or of another form")
    if len({file.name for file in read}) < len(read):
        raise _broken(path, "it names a file twice")
    return Manifest(program, made_at, rows == "influxdb", read)


def _read_file(entry: object, path: Path) -> BackedUpFile:
    match entry:
        case {"name": str(name), "bytes": int(length), "sha256": str(sha256)} if _SHA256.fullmatch(sha256):
            # Only names of ours: anything else could lead out of the folder.
            if name in KINDS:
                return BackedUpFile(name, length, sha256)
            raise _broken(path, f"it names {name!r}, which is no file of this program")
        case _:
            raise _broken(path, "what it says of a file cannot be read")


def _broken(path: Path, words: str) -> BackupError:
    return BackupError(f"{path} is damaged: {words}; use another backup")
