"""Retention: rows of the embedded store go when they are older than CHARGELINE_KEEP says.

Owns which measurements are raw and which are not, from when on a row is too old, and how many go at once. Must not know
how a store drops rows, or what they mean. A bucket of InfluxDB has a retention of its own, which `chargeline check`
compares with the setting.

A row's age is the time from its own to the latest message's: where nothing comes, nothing goes, and a clock of ours
that is set ahead costs no rows. Rows go in small bites between batches, so that no batch waits long for one.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from typing import NamedTuple, Protocol

from pipeline.setting_types import Retention
from pipeline.wires.store import StoreUnavailableError
from schemas.catalogue import Catalogue
from schemas.measurement import CHARGER_SNAPSHOT, derived_measurements, fact_measurements, operational_measurements

_LOG = logging.getLogger(__name__)


class RowDropper(Protocol):
    """A store of which rows can be dropped. Used by the thread that writes to it."""

    def drop_before(self, measurement: str, moment: int, most: int) -> int:
        """Drop the oldest rows from before a moment, nanoseconds, `most` of them; how many went.

        Raises StoreUnavailableError: then none did.
        """


class Bites(NamedTuple):
    """How fast rows go: `rows` at once, `pause_s` between two bites, `idle_s` when there are no more."""

    rows: int = 5_000
    pause_s: float = 0.2
    idle_s: float = 5.0


class Dropping:
    """Drops what is too old, until it is cancelled."""

    def __init__(
        self,
        store: RowDropper,
        ages: Mapping[str, int],
        thread: Executor,
        read_latest: Callable[[], int],
        on_dropped: Callable[[int], None],
        bites: Bites | None = None,
    ) -> None:
        """`ages` from `ages_of`; `thread` is the one in which batches are committed; `on_dropped` is told how many.

        `read_latest` gives when the latest message reached the cloud, nanoseconds; 0 before the first.
        """
        self._store = store
        self._ages = ages
        self._thread = thread
        self._read_latest = read_latest
        self._on_dropped = on_dropped
        self._bites = Bites() if bites is None else bites
        self._gone: dict[str, int] = {}

    async def run(self) -> None:
        """Bite after bite; what went is logged when there is nothing more to drop."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                dropped = await loop.run_in_executor(self._thread, self._bite)
            except StoreUnavailableError as fault:
                _LOG.warning("old rows stay for now: %s", fault)
                dropped = 0
            if dropped:
                self._on_dropped(dropped)
                await asyncio.sleep(self._bites.pause_s)
                continue
            if self._gone:
                what = ", ".join(f"{count:,} of {measurement}" for measurement, count in self._gone.items())
                _LOG.info("rows older than CHARGELINE_KEEP says were dropped: %s", what)
                self._gone = {}
            await asyncio.sleep(self._bites.idle_s)

    def _bite(self) -> int:
        """Drop some rows of the first measurement that has any too old; how many went."""
        latest = self._read_latest()
        for measurement, age in self._ages.items():
            dropped = self._store.drop_before(measurement, latest - age, self._bites.rows)
            if dropped:
                self._gone[measurement] = self._gone.get(measurement, 0) + dropped
                return dropped
        return 0


def ages_of(keep: Retention, catalogue: Catalogue) -> Mapping[str, int]:
    """How old rows of each measurement may become, nanoseconds; those that are kept for ever are left out.

    `raw` is what was received, the worker's own figures, and snapshots, which repeat what was received. All else is
    worked out from it, and is kept as hours are: sessions, commands, alerts.
    """
    raw = {*fact_measurements(catalogue), *operational_measurements(), CHARGER_SNAPSHOT}
    ages = {**dict.fromkeys(raw, keep.raw_ns), **dict.fromkeys(derived_measurements().keys() - raw, keep.hour_ns)}
    return {measurement: age for measurement, age in sorted(ages.items()) if age is not None}
