"""Rollup: the past is written anew into a real store, as it was written live, wherever it was ended meanwhile."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path

import pytest

from pipeline.core.recomputation import Recomputation
from pipeline.rollup import Span, Step, latest_hour, roll_up
from pipeline.wires.sqlite import SqliteStore
from pipeline.wires.sqlite_facts import SqliteFacts
from pipeline.wires.store import Refusal, Store
from schemas.measurement import ALERT, CHARGER_HOUR, derived_measurements, fact_measurements
from schemas.reject import RejectReason
from schemas.row import Row
from tests.oracle.stores import rows_of_sqlite
from tests.pipeline.core.history_samples import AFTER, HOUR, LATE, START, Table, differences
from tests.pipeline.core.past_days import CATALOGUE, a_day, between, live, silence_rows, stored

SPAN = Span(START + 2 * HOUR, START + 9 * HOUR)
MESSAGES = [*a_day(), *a_day("EH2", cut_off=(20_000, 22_345))]
EXPECTED = between(live(MESSAGES), *SPAN)
PRESENT = START + 24 * HOUR


def written(path: Path, rows: Sequence[Row]) -> None:
    with closing(opened(path)) as store:
        store.write(rows)


def opened(path: Path) -> SqliteStore:
    return SqliteStore.open(path, {**fact_measurements(CATALOGUE), **derived_measurements()})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store with two days of facts and the alerts of silences, and nothing else that follows from facts."""
    path = tmp_path / "store.sqlite3"
    facts = [Row(row.measurement, row.charger, "", (), row.time, row.fields) for row in stored(MESSAGES)]
    written(path, [*facts, *silence_rows(MESSAGES)])
    return path


def rolled(path: Path, span: Span = SPAN, store: Store | None = None) -> Iterator[Step]:
    recomputation = Recomputation(CATALOGUE, AFTER, LATE, *span)
    with closing(SqliteFacts(path)) as source, closing(opened(path)) as own:
        yield from roll_up(source, own if store is None else store, recomputation, span, PRESENT)


def derived(path: Path) -> Table:
    """What follows from facts, in the store."""
    table: Table = {}
    for key, fields in rows_of_sqlite(path).items():
        if key[0] in derived_measurements() and key[0] != ALERT:
            table[key[0], key[1], key[3]] = fields
    return table


def test_rows_are_as_they_were_written_live(path: Path) -> None:
    *_, last = rolled(path)
    assert differences(derived(path), EXPECTED) == {}
    assert (last.done, last.refused) == (SPAN.until, ())
    assert last.rows >= len(EXPECTED)


@pytest.mark.parametrize("ended_after", [1, 4, 7])
def test_one_that_was_ended_goes_on(path: Path, ended_after: int) -> None:
    *_, step = islice(rolled(path), ended_after)
    for _ in rolled(path, SPAN._replace(first=step.done)):
        pass
    assert differences(derived(path), EXPECTED) == {}


def test_a_row_keeps_the_firmware_that_it_bears(path: Path) -> None:
    place = (CHARGER_HOUR, "EH1", SPAN.first + HOUR)
    live_fields = (("messages", 99.0), ("online_s", 1.0))
    written(path, [Row(CHARGER_HOUR, "EH1", "", (("firmware", "1.0"),), place[2], live_fields)])
    for _ in rolled(path):
        pass
    (found,) = [(key[2], row) for key, row in rows_of_sqlite(path).items() if (key[0], key[1], key[3]) == place]
    tags, row = found
    assert (tags, row["messages"], row["online_s"]) == ((("firmware", "1.0"),), 99.0, 3_600.0)


def test_what_the_store_refuses_is_told(path: Path) -> None:
    class Refusing:
        requests = 0

        def write(self, rows: Sequence[Row]) -> Sequence[Refusal]:
            return [Refusal(0, RejectReason.STORE, "no room")] if rows else []

        def reload(self) -> None:
            """Nothing to read again."""

        def close(self) -> None:
            """Nothing is open."""

    *_, last = rolled(path, store=Refusing())
    assert set(last.refused) == {"no room"}


def test_facts_are_read_in_slices_of_bounded_size(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.rollup._MANY", 500)
    monkeypatch.setattr("pipeline.rollup._FEW", 100)
    sizes: list[int] = []
    before = 0
    for step in rolled(path):
        sizes.append(step.facts - before)
        before = step.facts
    assert max(sizes[3:]) <= 1_000
    assert differences(derived(path), EXPECTED) == {}


def test_the_worker_keeps_to_itself_what_it_still_corrects() -> None:
    assert latest_hour(START + 10 * HOUR + 1, 6 * HOUR) == START + 2 * HOUR
