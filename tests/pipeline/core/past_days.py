"""A day of a charger, what is written of it live, and what a store keeps of its messages."""

from collections.abc import Iterable, Iterator, Sequence

from pipeline.core.alert_rows import alert_row
from pipeline.core.known_silences import SilenceEdge
from pipeline.core.liveness import Liveness
from pipeline.core.recomputation import StoredRow
from pipeline.core.rows import RowMaker
from pipeline.core.same_stamp import value_crc
from pipeline.core.sessions import Sessions
from schemas.alert import AlertKind
from schemas.catalogue import shipped_catalogue
from schemas.command import CommandResponse
from schemas.observation import Observation
from schemas.row import Row
from tests.pipeline.core.history_samples import (
    AFTER,
    CONNECTED,
    ENERGY,
    LATE,
    MODE,
    POWER,
    RELEASE,
    Table,
    Worker,
    arrival,
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


def silence_rows(messages: Sequence[Observation]) -> list[Row]:
    """The alerts that are written beside."""
    liveness, rows = Liveness(AFTER), list[Row]()
    for message in sorted(messages, key=arrival):
        liveness.see(message.serial, arrival(message))
        rows += map(alert_row, liveness.advance(arrival(message)).to_write)
    return rows


def silence_edges(rows: Iterable[Row]) -> list[SilenceEdge]:
    """As a store gives them back: of one place the last."""
    found: dict[tuple[str, int], SilenceEdge] = {}
    for row in rows:
        fields = dict(row.fields)
        if dict(row.tags)["kind"] == AlertKind.CHARGER_SILENT:
            duration_ns = round(float(fields["duration_s"]) * S)
            found[row.charger, row.time] = SilenceEdge(row.charger, row.time, fields["active"] == 1.0, duration_ns)
    return list(found.values())


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


def between(table: Table, first: int, until: int) -> Table:
    """The rows of this time, without what is not recomputed."""
    return {
        place: {name: value for name, value in fields.items() if name not in NOT_RECOMPUTED}
        for place, fields in table.items()
        if first <= place[2] < until
    }
