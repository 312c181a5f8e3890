"""A fortnight's hours, snapshots and sessions worked out anew, in a copy of the store that has none.

Owns the copy, and what of it can be compared. Must not know what the rows ought to be.
"""

import shutil
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from types import MappingProxyType

from pipeline.assembly import STORE_FILE
from pipeline.core.recomputation import Recomputation
from pipeline.rollup import Span, roll_up
from pipeline.settings import Settings
from pipeline.wires.sqlite import SqliteStore
from pipeline.wires.sqlite_facts import SqliteFacts
from schemas.catalogue import shipped_catalogue
from schemas.measurement import CHARGER_HOUR, CHARGER_SNAPSHOT, SESSION, derived_measurements, fact_measurements
from tests.campaigns.fortnight_plan import HOUR_NS, Fortnight

ROLLED_UP = (SESSION, CHARGER_HOUR, CHARGER_SNAPSHOT)
NOT_STORED: Mapping[str, frozenset[str]] = MappingProxyType(
    {CHARGER_HOUR: frozenset({"firmware", "messages", "device_to_cloud_ms_max"})}
)
"""Columns that facts do not tell: a rollup leaves them as they are."""


def span_of(plan: Fortnight) -> Span:
    """The full hours that are judged."""
    return Span(-(-plan.first // HOUR_NS) * HOUR_NS, plan.until // HOUR_NS * HOUR_NS)


def roll_up_copy(plan: Fortnight, folder: Path, copy: Path, settings: Settings) -> None:
    """Work out what is judged in a copy of the folder's store, from which it was deleted."""
    copy.mkdir()
    path = copy / STORE_FILE
    shutil.copy(folder / STORE_FILE, path)
    with closing(sqlite3.connect(path)) as connection, connection:
        for table in ROLLED_UP:
            connection.execute(f"DELETE FROM {table}")
    catalogue, span = shipped_catalogue(), span_of(plan)
    measurements = {**fact_measurements(catalogue), **derived_measurements()}
    recomputation = Recomputation(catalogue, settings.silent_after, settings.late_data, *span)
    present = recomputation.facts_until
    with closing(SqliteStore.open(path, measurements)) as store, closing(SqliteFacts(path)) as source:
        *_, last = roll_up(source, store, recomputation, span, present)
    assert last.refused == ()


def differences_of_copy(plan: Fortnight, folder: Path, copy: Path) -> Mapping[str, tuple[int, Sequence[object]]]:
    """Of each table how many rows are judged, and those that only one of the two stores has.

    A session that goes on when the stream ends is not judged: the live worker waits for what may still be said of it.
    """
    found: dict[str, tuple[int, Sequence[object]]] = {}
    first, until = span_of(plan)
    with closing(sqlite3.connect(folder / STORE_FILE)) as store:
        store.execute("ATTACH ? AS other", (str(copy / STORE_FILE),))
        for table in ROLLED_UP:
            exempt = NOT_STORED.get(table, frozenset())
            listed = ", ".join(
                name for _, name, *_ in store.execute(f"PRAGMA table_info({table})") if name not in exempt
            )
            where = f"WHERE time >= {first} AND time < {until}"
            if table == SESSION:
                where += " AND stopped_at <> '' AND source <> 'none'"
            here, there = (f"SELECT {listed} FROM {schema}.{table} {where}" for schema in ("main", "other"))
            (count,) = store.execute(f"SELECT count(*) FROM ({here})").fetchone()
            only = [*store.execute(f"{here} EXCEPT {there}"), *store.execute(f"{there} EXCEPT {here}")]
            found[table] = (count, only)
    return found
