"""Messages for histories; a reading of the whole set of them at once; and a worker that fails in every way."""

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from itertools import pairwise
from typing import NamedTuple

from pipeline.core.histories import Histories, HistoryTouched
from pipeline.core.kept_facts import KeptKey
from pipeline.core.same_stamp import spread_stamp
from schemas.observation import Observation, Product
from schemas.row import Row

S = 10**9
MINUTE = 60 * S
HOUR = 3_600 * S
START = 1_750_003_200 * S
"""A full hour."""
AFTER = 20 * MINUTE
LATE = 2 * HOUR
STEP = 300 * S
MODE, POWER, DYNAMIC, MAXIMUM, CONNECTED, ERROR, RELEASE, ENERGY = 109, 120, 48, 47, 250, 119, 80, 124
CHATTER = 42
"""An id that nobody wants: its message is only heard."""

_FIELDS = {
    MODE: "op_mode",
    POWER: "total_power_kw",
    DYNAMIC: "dynamic_charger_current_a",
    MAXIMUM: "max_charger_current_a",
    CONNECTED: "connected_to_cloud",
    ERROR: "error_code",
}
_MODES = (
    "offline_s",
    "disconnected_s",
    "awaiting_start_s",
    "charging_s",
    "completed_s",
    "error_s",
    "ready_to_charge_s",
    "awaiting_authentication_s",
    "de_authenticating_s",
)

Place = tuple[str, str, int]
Table = dict[Place, dict[str, float | str]]


def said(at: float, number: int, value: float, *, lag: float = 1, serial: str = "EH1") -> Observation:
    """Stamped `at` seconds past START, in the cloud `lag` seconds later."""
    observed = START + int(at) * S
    return Observation(serial, Product.CHARGER, number, "x", float(value), 0, observed, observed + int(lag * S), None)


def arrival(message: Observation) -> int:
    return message.observed_at if message.arrived_at is None else message.arrived_at


def into(table: Table, rows: Iterable[Row]) -> None:
    """As a store takes rows, without what is exempt from equality."""
    for row in rows:
        fields = {name: value for name, value in row.fields if name != "messages"}
        table.setdefault((row.measurement, row.charger, row.time), {}).update(fields)


class Fate(Enum):
    """What becomes of a round."""

    KEPT = "kept"
    NOT_STORED = "the store does not answer; the same process tries again"
    DEAD_BEFORE = "the process ends before the store has the rows"
    DEAD_AFTER = "the process ends once the store has the rows, and nothing is kept"


class Batch(NamedTuple):
    """Messages of one round, and what becomes of it; then it is tried again, and kept."""

    messages: Sequence[Observation]
    fate: Fate
    most: int


def work(batches: Iterable[Batch]) -> tuple[Table, int]:
    """All rounds, then as many as it takes until nothing is due; what the store has then, and the watermark."""
    worker = Worker()
    for batch in batches:
        worker.round(batch.messages, batch.fate, batch.most)
    while not worker.round((), Fate.KEPT, 100):
        pass
    return worker.store, worker.watermark


class Worker:
    """Goes on as the real one does: rows are stored, then everything is kept, then the next round."""

    def __init__(self, silent_after: int = AFTER, late: int = LATE) -> None:
        self.histories = Histories(silent_after, late)
        self.store: Table = {}
        self.kept: dict[KeptKey, bytes] = {}
        self.watermark = 0
        self._heard: dict[str, int] = {}
        self._touched = HistoryTouched()
        self._changes: dict[KeptKey, bytes | None] = {}

    def round(self, messages: Sequence[Observation], fate: Fate = Fate.KEPT, most: int = 4_000) -> bool:
        """Whether nothing more is due."""
        self._take(messages)
        watermark = max([self.watermark, *(arrival(each) - 5 * S for each in messages)])
        is_whole = self._advance(watermark, most, is_stored=fate in (Fate.KEPT, Fate.DEAD_AFTER))
        if fate in (Fate.DEAD_BEFORE, Fate.DEAD_AFTER):
            self.restart()
            self._take(messages)
        if fate is not Fate.KEPT:
            is_whole = self._advance(watermark, most, is_stored=True)
        self._changes.update(self.histories.changes())
        for key, content in self._changes.items():
            if content is None:
                self.kept.pop(key, None)
            else:
                self.kept[key] = content
        for message in messages:
            self._heard[message.serial] = max(self._heard.get(message.serial, 0), arrival(message))
        self.watermark = watermark
        self._touched, self._changes = HistoryTouched(), {}
        return is_whole

    def restart(self) -> None:
        self.histories = Histories(AFTER, LATE)
        self.histories.restore(sorted(self.kept.items(), reverse=True), self._heard)
        self._touched, self._changes = HistoryTouched(), {}

    def _take(self, messages: Sequence[Observation]) -> None:
        for message in messages:
            self.histories.add(message)
        self.histories.hear([message.serial for message in messages], [arrival(message) for message in messages])

    def _advance(self, watermark: int, most: int, *, is_stored: bool) -> bool:
        self.histories.touch(self._touched)
        told = self.histories.advance(watermark, most)
        self._touched = told.touched
        if is_stored:
            into(self.store, told.rows)
        else:
            self._changes.update(self.histories.changes())
        return told.is_whole


def at_once(messages: Iterable[Observation], watermark: int) -> Table:
    """What the whole set of messages means, worked out the long way."""
    table: Table = {}
    for serial in {message.serial for message in messages}:
        own = [message for message in messages if message.serial == serial]
        wanted = [message for message in own if message.id != CHATTER and not _says_nothing(message)]
        if not wanted:
            continue
        arrivals = sorted({arrival(message) for message in own})
        since = min(_key(message) for message in wanted) // S * S
        for at in range(-(-since // STEP) * STEP, watermark, STEP):
            fields = _snapshot(wanted, arrivals, at)
            if fields:
                table["charger_snapshot", serial, at] = fields
        for hour in range(since - since % HOUR, watermark - HOUR - 120 * S, HOUR):
            table["charger_hour", serial, hour] = _hour(wanted, arrivals, hour)
    return table


def _says_nothing(message: Observation) -> bool:
    return message.id == ENERGY and arrival(message) - message.observed_at > LATE


def _key(message: Observation) -> int:
    key = spread_stamp(message.observed_at, message.arrived_at, message.value_crc)
    is_late = arrival(message) - message.observed_at > LATE
    return max(key, arrival(message) - LATE) if is_late else key


def _online(arrivals: Sequence[int], at: int) -> bool:
    return any(each <= at <= each + AFTER for each in arrivals)


def _last(wanted: Sequence[Observation], number: int, end: int) -> float | None:
    """The last value of an id before `end`."""
    found = [(_key(each), float(each.value or 0)) for each in wanted if each.id == number and _key(each) < end]
    return max(found)[1] if found else None


def _snapshot(wanted: Sequence[Observation], arrivals: Sequence[int], at: int) -> dict[str, float | str]:
    values = {field: _last(wanted, number, at + S) for number, field in _FIELDS.items()}
    if not _online(arrivals, at):
        return {"op_mode": 0.0} if _online(arrivals, at - STEP) and values["op_mode"] is not None else {}
    return {field: value for field, value in values.items() if value is not None}


def _hour(wanted: Sequence[Observation], arrivals: Sequence[int], hour: int) -> dict[str, float | str]:
    end = hour + HOUR
    moments = [_key(each) // S * S for each in wanted if each.id == MODE]
    prompt = [each for each in wanted if arrival(each) - each.observed_at <= LATE]
    stamped = [each for each in prompt if hour <= each.observed_at < end and each.id != RELEASE]
    is_told = any(arrival(each) - each.observed_at > AFTER for each in stamped)
    edges = sorted(
        {hour, end}
        | {each for each in moments if hour < each < end}
        | {edge for each in arrivals for edge in (each, each + AFTER) if hour < edge < end}
    )
    pieces = list(pairwise(edges))
    online = [_online(arrivals, begun) and _online(arrivals, ended - 1) for begun, ended in pieces]
    spent: dict[str, int] = dict.fromkeys((*_MODES, "unknown_mode_s"), 0)
    for (begun, ended), is_on in zip(pieces, online, strict=True):
        mode = _last(wanted, MODE, begun + S) if is_on or is_told else 0.0
        spent[_MODES[int(mode)] if mode is not None and mode <= 8 else "unknown_mode_s"] += ended - begun
    fields: dict[str, float | str] = {name: value / S for name, value in spent.items()}
    fields["online_s"] = sum(ended - begun for (begun, ended), is_on in zip(pieces, online, strict=True) if is_on) / S
    powers = [float(each.value or 0) for each in stamped if each.id == POWER]
    if powers:
        fields["max_power_kw"] = max(powers)
    if stamped:
        fields["device_to_cloud_ms_max"] = max((arrival(each) - each.observed_at) / 10**6 for each in stamped)
    readings = sorted(
        (each.observed_at, arrival(each), float(each.value or 0)) for each in prompt if each.id == ENERGY and each.value
    )
    energy = _energy(readings, hour)
    return fields if energy is None else {**fields, "energy_kwh": energy}


def _energy(readings: Sequence[tuple[int, int, float]], hour: int) -> float | None:
    if not readings or readings[0][0] > hour + HOUR:
        return None
    totals = [
        _counter(_known(readings, edge), edge)
        for edge in range(-(-readings[0][0] // HOUR) * HOUR, hour + 2 * HOUR, HOUR)
    ]
    first = _known(readings, hour + HOUR)[0][2]
    return max(totals) - max(totals[:-1], default=first)


def _known(readings: Sequence[tuple[int, int, float]], edge: int) -> list[tuple[int, int, float]]:
    """The readings that came in time for an edge; of those of one moment the greatest, with its first arrival."""
    known = [each for each in readings if each[1] <= edge + LATE]
    greatest = {at: max((kwh, -came) for moment, came, kwh in known if moment == at) for at, _, _ in known}
    return [(at, -minus, kwh) for at, (kwh, minus) in sorted(greatest.items())]


def _counter(readings: Sequence[tuple[int, int, float]], edge: int) -> float:
    counted: list[tuple[int, int, float]] = []
    last = offset = 0.0
    for place, (at, arrived, kwh) in enumerate(readings):
        if kwh < last:
            after = readings[place + 1][2] if place + 1 < len(readings) else -1
            if after < kwh or after >= last:
                continue
            offset += last - kwh
        last = kwh
        counted.append((at, arrived, offset + kwh))
    before = [each for each in counted if each[0] <= edge][-1]
    later = [each for each in counted if each[0] > edge]
    if not later:
        return before[2]
    since = max(before[0], later[0][1] - LATE)
    share = max(edge - since, 0) / (later[0][0] - since)
    return before[2] + (later[0][2] - before[2]) * share


def differences(one: Table, other: Table) -> Mapping[Place, object]:
    """Where two tables differ; numbers that differ by rounding alone do not."""
    return {
        place: (one.get(place), other.get(place))
        for place in {*one, *other}
        if not _is_same(one.get(place, {}), other.get(place, {}))
    }


def _is_same(one: Mapping[str, float | str], other: Mapping[str, float | str]) -> bool:
    return one.keys() == other.keys() and all(_is_near(value, other[name]) for name, value in one.items())


def _is_near(one: float | str, other: float | str) -> bool:
    if isinstance(one, str) or isinstance(other, str):
        return one == other
    return abs(one - other) < 1e-6
