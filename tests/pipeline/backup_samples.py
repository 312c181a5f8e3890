"""A DATA_DIR with something in it, written the way a worker writes it."""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import orjson
import pytest

from pipeline.assembly import STATE_FILE, STORE_FILE
from pipeline.core.decode import Decoder
from pipeline.core.redaction import Personal, Redaction
from pipeline.core.rows import RowMaker
from pipeline.journey import Journey
from pipeline.wires.sqlite import SqliteStore
from pipeline.wires.state import RejectLimits, StateFile, WhenFull
from schemas.catalogue import shipped_catalogue
from schemas.delivery import Delivery
from schemas.measurement import fact_measurements

NOW = 1_800_000_000 * 10**9
FILES = (STATE_FILE, STORE_FILE)
LIMITS = RejectLimits(most_bytes=10**10, keep_ns=NOW, when_full=WhenFull.STOP)
STAMP = "2023-06-08T06:59:16Z"


@contextmanager
def open_worker(data_dir: Path) -> Iterator[Journey]:
    """A journey over the files of `data_dir`, as a worker has it."""
    catalogue = shipped_catalogue()
    with (
        SqliteStore.open(data_dir / STORE_FILE, fact_measurements(catalogue)) as store,
        StateFile.open(data_dir / STATE_FILE, LIMITS) as state,
    ):
        yield Journey(Decoder(catalogue, Redaction(Personal.DROP)), RowMaker(catalogue), store, state, None)


def batch(number: int) -> Sequence[Delivery]:
    """One power value and one message that is refused, both of a charger of that number."""
    body = orjson.dumps({"Id": 120, "Timestamp": STAMP, "Value": 7.4})
    return [
        Delivery(f"EH{number}.O.120", {"ArrivalTime": STAMP}, body, None),
        Delivery(f"EH{number}.O.120", {"ArrivalTime": STAMP}, b"{", None),
    ]


def filled(data_dir: Path, batches: int = 3) -> Path:
    """The folder, with as many batches in it as are asked for, of the numbers from 0."""
    with open_worker(data_dir) as journey:
        for number in range(batches):
            journey.take(batch(number), NOW)
    return data_dir


def chargers_with_rows(data_dir: Path) -> set[str]:
    """The chargers that the store in `data_dir` has rows of."""
    return _first_column(data_dir / STORE_FILE, "SELECT DISTINCT charger FROM charger_power")


def chargers_with_rejects(data_dir: Path) -> set[str]:
    """The chargers that the state in `data_dir` has rejects of."""
    return {key.split(".")[0] for key in _first_column(data_dir / STATE_FILE, "SELECT routing_key FROM reject")}


def dump(path: Path) -> list[str]:
    """All of a database, as SQL, with what it says of itself."""
    with closing(sqlite3.connect(path)) as connection:
        marks = [str(connection.execute(f"PRAGMA {name}").fetchone()) for name in ("application_id", "user_version")]
        return [*marks, *connection.iterdump()]


def contents(folder: Path) -> dict[str, bytes]:
    """Each file of a folder and its bytes."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def note_synced(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """The inodes that are synced to the disk from now on."""
    synced: set[int] = set()
    monkeypatch.setattr(os, "fsync", lambda opened: synced.add(os.fstat(opened).st_ino))
    return synced


def _first_column(path: Path, query: str) -> set[str]:
    with closing(sqlite3.connect(path)) as connection:
        return {value for (value,) in connection.execute(query)}
