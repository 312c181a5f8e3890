"""Retention: what is too old goes in bites, oldest first, and nothing else does."""

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from pipeline.retention import Bites, Dropping, ages_of
from pipeline.setting_types import retention
from pipeline.wires.store import StoreUnavailableError
from schemas.catalogue import shipped_catalogue
from schemas.measurement import derived_measurements, fact_measurements, operational_measurements
from tests.waiting import until

CATALOGUE = shipped_catalogue()
DAY = 86_400 * 10**9
LATEST = 1_000 * DAY


class Tables:
    """Times of rows by measurement; what is dropped goes."""

    def __init__(self, **tables: Sequence[int]) -> None:
        self.tables = {name: sorted(times) for name, times in tables.items()}
        self.bites: list[int] = []
        self.faults: list[Exception] = []

    def drop_before(self, measurement: str, moment: int, most: int) -> int:
        if self.faults:
            raise self.faults.pop()
        times = self.tables.get(measurement, [])
        old = [time for time in times if time < moment][:most]
        self.tables[measurement] = times[len(old) :]
        if old:
            self.bites.append(len(old))
        return len(old)


@pytest.fixture
def thread() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(max_workers=1) as opened:
        yield opened


async def drop(
    tables: Tables, keep: str, thread: ThreadPoolExecutor, is_done: Callable[[int], bool], latest: int = LATEST
) -> int:
    """Drop until `is_done` of the number dropped so far; that number."""
    dropped: list[int] = []
    bites = Bites(rows=10, pause_s=0, idle_s=0)
    dropping = Dropping(tables, ages_of(retention(keep), CATALOGUE), thread, lambda: latest, dropped.append, bites)
    work = asyncio.create_task(dropping.run())
    await until(lambda: is_done(sum(dropped)))
    work.cancel()
    with suppress(asyncio.CancelledError):
        await work
    return sum(dropped)


async def test_what_is_too_old_goes_in_bites_and_is_logged_once(
    thread: ThreadPoolExecutor, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    young = [LATEST - 90 * DAY, LATEST - DAY, LATEST + DAY]
    tables = Tables(
        charger_power=[*(LATEST - 91 * DAY + number for number in range(25)), *young],
        charger_snapshot=[LATEST - 100 * DAY],
        charger_hour=[LATEST - 400 * DAY],
    )
    assert await drop(tables, "raw:90d,hour:forever", thread, lambda _: "dropped:" in caplog.text) == 26
    assert tables.tables["charger_power"] == young
    assert tables.tables["charger_snapshot"] == []
    assert tables.tables["charger_hour"] == [LATEST - 400 * DAY]
    assert tables.bites == [10, 10, 5, 1]
    assert [record.getMessage() for record in caplog.records] == [
        "rows older than CHARGELINE_KEEP says were dropped: 25 of charger_power, 1 of charger_snapshot"
    ]


async def test_before_the_first_message_nothing_is_too_old(thread: ThreadPoolExecutor) -> None:
    tables = Tables(charger_power=[1])
    rounds = iter(range(100))
    assert await drop(tables, "raw:1d,hour:1d", thread, lambda _: next(rounds, None) is None, latest=0) == 0


async def test_a_store_that_fails_is_asked_again(thread: ThreadPoolExecutor, caplog: pytest.LogCaptureFixture) -> None:
    tables = Tables(session=[1])
    tables.faults.append(StoreUnavailableError("the disk is full"))
    assert await drop(tables, "raw:forever,hour:30d", thread, lambda dropped: dropped == 1) == 1
    assert "old rows stay for now: the disk is full" in caplog.text


def test_every_measurement_is_raw_or_worked_out() -> None:
    everything = {*fact_measurements(CATALOGUE), *derived_measurements(), *operational_measurements()}
    raw = ages_of(retention("raw:1d,hour:forever"), CATALOGUE)
    worked_out = ages_of(retention("raw:forever,hour:1d"), CATALOGUE)
    assert raw.keys() | worked_out.keys() == everything
    assert not raw.keys() & worked_out.keys()
    assert worked_out.keys() == {"alert", "charger_clock", "charger_hour", "command", "command_outcome", "session"}
    assert ages_of(retention("raw:forever,hour:forever"), CATALOGUE) == {}
