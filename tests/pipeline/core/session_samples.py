"""Messages for sessions, and a worker that fails in every way."""

import json
from collections.abc import Iterable, Sequence
from enum import Enum
from typing import NamedTuple

from pipeline.core.kept_facts import KeptKey
from pipeline.core.sessions import Sessions, SessionTouched
from pipeline.core.timestamps import format_time
from schemas.observation import Observation, Product, Value
from schemas.row import Row

S = 10**9
MINUTE = 60 * S
HOUR = 3_600 * S
DAY = 24 * HOUR
START = 1_750_003_200 * S
LATE = 2 * HOUR
MODE, ENERGY, DOCUMENT, BEGINNING = 109, 121, 129, 223
AWAY, AWAITING, CHARGING, COMPLETED, ERROR, OFFLINE, AUTHENTICATING = 1.0, 2.0, 3.0, 4.0, 5.0, 0.0, 7.0

Place = tuple[str, int]
Table = dict[Place, dict[str, float | str]]


def said(at: float, number: int, value: Value, *, lag: float = 1, serial: str = "EH1") -> Observation:
    """Stamped `at` seconds past START, in the cloud `lag` seconds later."""
    observed = START + int(at) * S
    return Observation(serial, Product.CHARGER, number, "x", value, 0, observed, observed + int(lag * S), None)


def told(
    at: float,
    start: float,
    stop: float | None = None,
    kwh: float | None = None,
    identity: int | None = 7,
    *,
    lag: float = 1,
    serial: str = "EH1",
) -> Observation:
    """A document about a session from one second past START to another; without a stop, that it began."""
    members = {
        "Id": identity,
        "Start": format_time(START + int(start * S)),
        "Stop": None if stop is None else format_time(START + int(stop * S)),
        "Energy": kwh,
    }
    return said(at, BEGINNING if stop is None else DOCUMENT, json.dumps(members), lag=lag, serial=serial)


def arrival(message: Observation) -> int:
    return message.observed_at if message.arrived_at is None else message.arrived_at


def fields_of(row: Row) -> dict[str, float | str]:
    return dict(row.fields)


def true_ones(table: Table) -> Table:
    """Without the rows that were taken back."""
    return {place: fields for place, fields in table.items() if fields["source"] != "none"}


class Fate(Enum):
    """What becomes of a round."""

    KEPT = "kept"
    NOT_STORED = "the store does not answer; the same process tries again"
    NOT_KEPT = "the store has the rows, and nothing can be kept; the same process tries again"
    TAKEN_AGAIN = "the store does not answer; the same process takes the same messages again"
    DEAD_BEFORE = "the process ends before the store has the rows"
    DEAD_AFTER = "the process ends once the store has the rows, and nothing is kept"


class Batch(NamedTuple):
    """How many messages a round takes, and what becomes of it."""

    size: int
    fate: Fate


def work(messages: Iterable[Observation], batches: Iterable[Batch] = (), late: int = LATE) -> "Worker":
    """A worker that was given all messages, in order, and has nothing left to do."""
    worker = Worker(late)
    queue = list(messages)
    for size, fate in batches:
        taken, queue = queue[:size], queue[size:]
        if not worker.round(taken, fate):
            queue = taken + queue
    worker.round(queue)
    worker.finish()
    return worker


class Worker:
    """Goes on as the real one does: rows are stored, then everything is kept, then the next round."""

    def __init__(self, late: int = LATE) -> None:
        self._late = late
        self.sessions = Sessions(late)
        self.store: Table = {}
        self.kept: dict[KeptKey, bytes] = {}
        self.watermark = 0
        self.late = 0
        self.is_whole = True
        self._kept_watermark = 0
        self._changes: dict[KeptKey, bytes | None] = {}

    def round(self, messages: Sequence[Observation], fate: Fate = Fate.KEPT) -> bool:
        """False where the messages come again."""
        for message in messages:
            self.sessions.add(message)
        self.watermark = max([self.watermark, *(arrival(each) - 5 * S for each in messages)])
        touched = self._advance(is_stored=fate in (Fate.KEPT, Fate.NOT_KEPT, Fate.DEAD_AFTER))
        if fate in (Fate.DEAD_BEFORE, Fate.DEAD_AFTER):
            self.restart()
            return False
        if fate is not Fate.KEPT:
            self._changes.update(self.sessions.changes())
            self.sessions.touch(touched)
            if fate is Fate.TAKEN_AGAIN:
                return False
            self._advance(is_stored=True)
        self._keep()
        return True

    def finish(self) -> None:
        """Rounds without messages, as many as it takes."""
        while not self.is_whole:
            self.round(())
        self.round(())

    def restart(self) -> None:
        self.sessions = Sessions(self._late)
        self.sessions.restore(sorted(self.kept.items(), reverse=True), self._kept_watermark)
        self.watermark = self._kept_watermark
        self._changes = {}

    def pass_time(self, seconds: float) -> None:
        """Nothing comes of these chargers for so long."""
        self.watermark += int(seconds * S)
        self.round(())
        self.finish()

    def _advance(self, *, is_stored: bool) -> SessionTouched:
        found = self.sessions.advance(self.watermark)
        self.late += found.late
        self.is_whole = found.is_whole
        if is_stored:
            for row in found.rows:
                self.store[row.charger, row.time] = fields_of(row)
        return found.touched

    def _keep(self) -> None:
        self._changes.update(self.sessions.changes())
        for key, content in self._changes.items():
            if content is None:
                self.kept.pop(key, None)
            else:
                self.kept[key] = content
        self._changes = {}
        self._kept_watermark = self.watermark
        self.sessions.kept()
