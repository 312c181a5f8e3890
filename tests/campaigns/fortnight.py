"""Ways in which a recorded fortnight reaches a store, and whether two stores hold the same.

Owns the kills. Must not know what the rows ought to be.
"""

import os
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from pipeline.assembly import STORE_FILE
from schemas.measurement import (
    CHARGER_HOUR,
    CHARGER_SNAPSHOT,
    COMMAND,
    COMMAND_OUTCOME,
    COMMAND_RESPONSE,
    SESSION,
)
from tests.campaigns.fortnight_plan import Told
from tests.campaigns.fortnight_worker import ACKNOWLEDGED

DERIVED = (SESSION, CHARGER_HOUR, CHARGER_SNAPSHOT, COMMAND, COMMAND_OUTCOME, COMMAND_RESPONSE)
EXEMPT: Mapping[str, frozenset[str]] = MappingProxyType(
    {CHARGER_HOUR: frozenset({"firmware", "messages"}), COMMAND_OUTCOME: frozenset({"firmware"})}
)
"""Columns that may depend on the way: the firmware that was known just then, and an approximate count."""
_NO_ROWS: Mapping[str, str] = MappingProxyType(
    {COMMAND_OUTCOME: " WHERE refuted = 0", SESSION: " WHERE source <> 'none'"}
)
_PATIENCE_S = 600.0
_POLL_S = 0.002
_JITTER_S = 0.2


class Killed(NamedTuple):
    """How often the worker was killed, and after how many acknowledged lines each time."""

    kills: int
    at: Sequence[int]


def take_with_kills(told: Told, folder: Path, kills: int, seed: int) -> Killed:
    """A worker takes the stream, is killed at moments spread over it, and goes on after each."""
    chance = random.Random(seed)
    moments = sorted(chance.randrange(told.messages) for _ in range(kills))
    killed_at: list[int] = []
    for moment in moments:
        process = _start(told, folder)
        try:
            _wait(process, folder, moment)
            # A batch takes about as long, so that its every part is hit.
            time.sleep(chance.uniform(0, _JITTER_S))
        finally:
            process.kill()
            process.wait()
        killed_at.append(_acknowledged(folder))
    process = _start(told, folder)
    try:
        assert process.wait(_PATIENCE_S) == 0, f"the worker ended with {process.returncode}"
    finally:
        process.kill()
        process.wait()
    return Killed(len(killed_at), killed_at)


def differences(one: Path, other: Path, exempt: Mapping[str, frozenset[str]] = EXEMPT) -> Sequence[str]:
    """The rows of derived measurements that only one of two folders' stores has, in words; a few of each table.

    What was taken back is no row: every query skips it.
    """
    found: list[str] = []
    with closing(sqlite3.connect(one / STORE_FILE)) as store:
        store.execute("ATTACH ? AS other", (str(other / STORE_FILE),))
        for table in DERIVED:
            found += _differences(store, table, exempt.get(table, frozenset()))
    return found


def doubles(folder: Path) -> Sequence[str]:
    """Rows that are there twice under different firmware: it is a tag, and must not change once it is written."""
    with closing(sqlite3.connect(folder / STORE_FILE)) as store:
        twice = {
            CHARGER_HOUR: "SELECT charger, time FROM charger_hour GROUP BY charger, time HAVING count(*) > 1",
            COMMAND_OUTCOME: (
                "SELECT charger, time FROM command_outcome GROUP BY charger, time, command, outcome HAVING count(*) > 1"
            ),
        }
        return [f"{table}: {row}" for table, query in twice.items() for row in store.execute(query)]


def _differences(store: sqlite3.Connection, table: str, exempt: frozenset[str]) -> Iterator[str]:
    columns = [name for _, name, *_ in store.execute(f'PRAGMA table_info("{table}")') if name not in exempt]
    listed = ", ".join(f'"{name}"' for name in columns)
    where = _NO_ROWS.get(table, "")
    here, there = (f'SELECT {listed} FROM {schema}."{table}"{where}' for schema in ("main", "other"))
    counts = [store.execute(f"SELECT count(*) FROM ({query})").fetchone()[0] for query in (here, there)]
    if not counts[0] or counts[0] != counts[1]:
        yield f"{table}: {counts[0]} and {counts[1]} rows"
    for name, query in (("first", f"{here} EXCEPT {there}"), ("second", f"{there} EXCEPT {here}")):
        only = list(store.execute(f"{query} LIMIT 3"))
        for row in only:
            yield f"{table}, only in the {name}: {dict(zip(columns, row, strict=True))}"


def _start(told: Told, folder: Path) -> subprocess.Popen[bytes]:
    folder.mkdir(exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CHARGELINE_")}
    words = (sys.executable, "-m", "tests.campaigns.fortnight_worker", str(told.lines), str(folder))
    with (folder / "worker.log").open("ab") as log:
        return subprocess.Popen(words, env=kept, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def _wait(process: subprocess.Popen[bytes], folder: Path, acknowledged: int) -> None:
    """Until so many lines are acknowledged, or all of them are."""
    until = time.monotonic() + _PATIENCE_S
    while _acknowledged(folder) < acknowledged and process.poll() is None:
        assert time.monotonic() < until, "the moment to kill never came"
        time.sleep(_POLL_S)


def _acknowledged(folder: Path) -> int:
    path = folder / ACKNOWLEDGED
    return int(path.read_text()) if path.exists() else 0
