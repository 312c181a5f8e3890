"""Recomputation: from what a store keeps, the past comes out as it was written live."""

from collections.abc import Iterable, Iterator, Sequence

import pytest

from pipeline.core.recomputation import Recomputation, StoredRow
from pipeline.core.rows import RowMaker
from pipeline.core.same_stamp import value_crc
from pipeline.core.sessions import Sessions
from schemas.catalogue import shipped_catalogue
from schemas.command import CommandResponse
from schemas.observation import Observation
from schemas.row import Row
from tests.pipeline.core.history_samples import (
    AFTER,
    CONNECTED,
    ENERGY,
    HOUR,
    LATE,
    MINUTE,
    MODE,
    POWER,
    RELEASE,
    START,
    Table,
    Worker,
    differences,
    into,
    said,
)

S = 10**9
CATALOGUE = shipped_catalogue()
NOT_RECOMPUTED = {"messages", "device_to_cloud_ms_max"}


def sent(at: float, number: int, value: float, *, lag: float = 1, serial: str = "EH1") -> Observation:
    """As `said`, as a decoder makes it."""
    observation = said(at, number, value, lag=lag, serial=serial)
    sent_value = int(value) if value == int(value) else value
    return observation._replace(value_crc=0 if number == ENERGY else value_crc(sent_value))


def a_day(serial: str = "EH1", cut_off: tuple[int, int] = (0, 0)) -> Iterator[Observation]:
    """A charger that talks each minute, charges now and then, and is cut off once: seconds from START."""
    begins, ends = cut_off
    burst = 0.0
    for minute in range(24 * 60):
        at = minute * 60 + 7
        lag = 1.0
        if begins <= at < ends:
            burst += 0.25
            lag = ends - at + burst
        mode = {0: 1, 1: 2, 2: 3, 3: 4}[minute // 40 % 4]
        yield sent(at, MODE, mode, lag=lag, serial=serial)
        yield sent(at + 3, POWER, minute % 11 * 0.7 if mode == 3 else 0.0, lag=lag, serial=serial)
        if minute % 60 == 0:
            yield sent(at + 5, ENERGY, 100 + minute / 7, lag=lag, serial=serial)
        if minute % 400 == 0:
            yield sent(at + 6, RELEASE, 300 + minute // 800, lag=lag, serial=serial)
            yield sent(at + 6, CONNECTED, 1, lag=lag, serial=serial)


def live(messages: Sequence[Observation]) -> Table:
    """What is written when they come in the order of their arrival."""
    worker = Worker()
    sessions = Sessions(LATE)
    in_order = sorted(messages, key=lambda message: message.arrived_at or 0)
    for place in range(0, len(in_order), 50):
        portion = in_order[place : place + 50]
        while not worker.round(portion):
            portion = []
        for message in in_order[place : place + 50]:
            sessions.add(message)
        into(worker.store, rows_of_sessions(sessions, worker.watermark))
    return worker.store


def rows_of_sessions(sessions: Sessions, watermark: int) -> list[Row]:
    """What is due, and what becomes due as soon as its place is kept."""
    rows: list[Row] = []
    is_whole = False
    while not is_whole:
        told = sessions.advance(watermark)
        rows += told.rows
        sessions.changes()
        sessions.kept()
        is_whole = told.is_whole
    return rows


def stored(messages: Iterable[Observation | CommandResponse]) -> list[StoredRow]:
    """The rows of facts, as a store has them: those of one place united, by time."""
    maker = RowMaker(CATALOGUE)
    places: dict[tuple[str, str, int], dict[str, float | str]] = {}
    for message in messages:
        row = maker.row(message)
        places.setdefault((row.measurement, row.charger, row.time), {}).update(row.fields)
    found = [StoredRow(*place, tuple(fields.items())) for place, fields in places.items()]
    return sorted(found, key=lambda row: row.time)


def recomputed(rows: Sequence[StoredRow], first: int, until: int, slice_ns: int = HOUR) -> Table:
    """All rows of the time between, read as the shell reads them."""
    recomputation = Recomputation(CATALOGUE, AFTER, LATE, first, until)
    lead = recomputation.lead_from
    last: dict[tuple[str, str, str], StoredRow] = {}
    for row in rows:
        if row.time < lead:
            for field in row.fields:
                if field[0] in recomputation.last_fields().get(row.measurement, ()):
                    last[row.measurement, row.charger, field[0]] = row._replace(fields=(field,))
    recomputation.begin(last.values(), [row for row in rows if lead <= row.time < first])
    table: Table = {}
    for begun in range(first, recomputation.facts_until, slice_ns):
        end = min(begun + slice_ns, recomputation.facts_until)
        for portion in recomputation.take([row for row in rows if begun <= row.time < end], end):
            into(table, portion)
    for portion in recomputation.finish():
        into(table, portion)
    return table


def between(table: Table, first: int, until: int) -> Table:
    """The rows of this time, without what is not recomputed."""
    return {
        place: {name: value for name, value in fields.items() if name not in NOT_RECOMPUTED}
        for place, fields in table.items()
        if first <= place[2] < until
    }


@pytest.mark.parametrize("slice_ns", [10 * MINUTE, HOUR, 5 * HOUR])
@pytest.mark.parametrize("cut_off", [(0, 0), (36_000, 36_600), (36_000, 39_000), (36_600, 40_745)])
def test_a_day_comes_out_as_it_was_written_live(slice_ns: int, cut_off: tuple[int, int]) -> None:
    messages = [*a_day(cut_off=cut_off), *a_day("EH2")]
    first, until = START + 4 * HOUR, START + 18 * HOUR
    expected = between(live(messages), first, until)
    assert differences(recomputed(stored(messages), first, until, slice_ns), expected) == {}
    assert {place[0] for place in expected} == {"charger_hour", "charger_snapshot", "session"}
    assert len([place for place in expected if place[:2] == ("charger_hour", "EH1")]) == 14


def test_what_came_too_late_for_the_live_rows_is_honoured() -> None:
    messages = list(a_day())
    place = next(place for place, message in enumerate(messages) if message.id == POWER and message.value == 7.0)
    late = messages[place]._replace(
        value=77.0, value_crc=value_crc(77), observed_at=messages[place].observed_at + 3 * S
    )
    # Three hours: after LATE_DATA, and a remainder that looks like a few seconds.
    late = late._replace(arrived_at=late.observed_at + 11_002 * S)
    hour = late.observed_at - late.observed_at % HOUR
    first, until = START + 1 * HOUR, START + 12 * HOUR
    rows = recomputed(stored([*messages, late]), first, until)
    assert live([*messages, late])["charger_hour", "EH1", hour]["max_power_kw"] == 7.0
    assert rows["charger_hour", "EH1", hour]["max_power_kw"] == 77.0


def test_a_response_tells_that_its_charger_is_online() -> None:
    messages = list(a_day())
    silent_from = START + 10 * HOUR
    heard = [message for message in messages if message.observed_at < silent_from]
    created = silent_from + 10 * MINUTE
    response = CommandResponse("EH1", 30, True, None, created, None, created + S, None, None, None)
    rows = recomputed(stored([*heard, response]), START + 9 * HOUR, START + 12 * HOUR)
    assert rows["charger_hour", "EH1", silent_from]["online_s"] == 30 * 60 + 1.0
