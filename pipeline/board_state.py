"""What the live board knows: the fleet as the records tell it, and how the stream is doing.

Owns the last known values of each device, the counts, and what of it is shown. Pure: fed with the reports of batches
and two clocks. Must not know how it looks (`pipeline.cli.board_view`) or where messages come from.
Memory is bounded: devices beyond MOST_DEVICES are counted in the totals and otherwise left out.
"""

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import nlargest
from typing import NamedTuple

from pipeline.board_alerts import AlertBoard, Silent
from pipeline.board_commands import CommandSummary, CommandWindow
from pipeline.board_totals import Totals
from pipeline.board_windows import LatencySummary, LatencyWindow, RateWindow
from pipeline.core.alert_rows import alert_row
from pipeline.core.timestamps import NS_PER_MS, NS_PER_S
from pipeline.journey import BatchReport
from schemas.alert import Alert
from schemas.catalogue import Catalogue
from schemas.command import CommandResponse
from schemas.enumerations import OP_MODE
from schemas.observation import Observation, Product

MOST_DEVICES = 50_000
LINES_KEPT = 60
"""The most chargers, sites and answers that a snapshot lists, and the most points of the power's history."""

POWER_STEP_NS = 120 * NS_PER_S
"""The time between two points of the power's history."""

OFFLINE = 0
"""The op mode of a charger that the cloud cannot reach; ConnectedToCloud says so sooner than the charger can."""

_CHARGING = 3
_MODE, _POWER, _SESSION_ENERGY, _CELL_SIGNAL, _WIFI_SIGNAL, _CONNECTED = 109, 120, 121, 130, 132, 250
_IMPORT, _EXPORT = 40, 41
_WATCHED: Mapping[Product, frozenset[int]] = {
    Product.CHARGER: frozenset({_MODE, _POWER, _SESSION_ENERGY, _CELL_SIGNAL, _WIFI_SIGNAL, _CONNECTED}),
    Product.EQUALIZER: frozenset({_IMPORT, _EXPORT}),
}

_ENERGY_PER_HOUR = (Product.CHARGER, 122)
"""Stamped at the start of the hour that it sums up, so its age is no latency."""


class ModeCount(NamedTuple):
    """How many chargers are in a mode; `code` None is not told yet, `name` is the code where it has no name."""

    code: int | None
    name: str
    chargers: int


class ChargerLine(NamedTuple):
    """The last known of one charger, None where not told yet.

    `power_kw`    0 in every mode but charging: where the last power and the 0 behind it come in one second, either may
                  arrive last.
    `signal_dbm`  of the network that the charger is on.
    """

    serial: str
    code: int | None
    mode: str
    power_kw: float | None
    session_kwh: float | None
    signal_dbm: float | None
    is_on_cellular: bool


class SiteLine(NamedTuple):
    """The last known of one Equalizer: what its site takes from the grid and gives back."""

    serial: str
    import_kw: float | None
    export_kw: float | None


class Answer(NamedTuple):
    """One command response. `at` is when the command was created, nanoseconds; latencies as in `command_response`."""

    at: int
    serial: str
    command: str
    accepted: bool
    delivery_ms: float | None
    response_ms: float | None


class Snapshot(NamedTuple):
    """Everything a board shows, at one moment.

    `now`       the present of the data, nanoseconds since the epoch, UTC.
    `modes`     each named mode that was seen so far and what else there is now, by code; not told yet last.
    `power_kw`  of all chargers that the cloud can reach; `power_history` has one point every POWER_STEP_NS.
    `busiest`   chargers by power, the highest first; `sites` by serial; `answers` the latest first.
    `commands`  those of ours, `silent` devices, and `alerts`: edges that people were told of, the latest first.
    """

    now: int
    totals: Totals
    messages_a_second: float
    latency: LatencySummary | None
    chargers: int
    equalizers: int
    modes: Sequence[ModeCount]
    power_kw: float
    import_kw: float
    power_history: Sequence[float]
    busiest: Sequence[ChargerLine]
    sites: Sequence[SiteLine]
    answers: Sequence[Answer]
    commands: CommandSummary
    silent: Silent
    alerts: Sequence[Alert]


class _Reading(NamedTuple):
    """The newest value of one id, as stamped by its device; arrival decides where the stamps are the same."""

    observed_at: int
    value: float


_Device = dict[int, _Reading]


class Board:
    """Takes reports and keeps what a snapshot shows."""

    def __init__(self, catalogue: Catalogue) -> None:
        """Know nothing yet; `catalogue` names commands."""
        self._catalogue = catalogue
        self._devices: dict[Product, dict[str, _Device]] = {product: {} for product in Product}
        self._modes_seen: set[int] = set()
        self._answers: deque[Answer] = deque(maxlen=LINES_KEPT)
        self._power_history: deque[float] = deque(maxlen=LINES_KEPT)
        self._power_step: int | None = None
        self._latencies = LatencyWindow()
        self._rate = RateWindow()
        self._totals = Totals.nothing()
        self._commands = CommandWindow()
        self._alerts = AlertBoard()

    @property
    def totals(self) -> Totals:
        """What became of all deliveries so far."""
        return self._totals

    def take(self, report: BatchReport, now: int, at: int) -> None:
        """Take in what became of a batch.

        `now` is the present of the data (nanoseconds since the epoch): latencies and history are placed by it. `at` is
        our own clock, monotonic nanoseconds: messages a second are counted by it.
        """
        latencies: Counter[int] = Counter()
        for outcome in report.outcomes:
            if isinstance(outcome, Observation):
                self._take_observation(outcome)
                if outcome.arrived_at is not None and (outcome.product, outcome.id) != _ENERGY_PER_HOUR:
                    latencies[outcome.arrived_at - outcome.observed_at] += 1
            elif isinstance(outcome, CommandResponse):
                self._answers.appendleft(self._answer(outcome))
        self._latencies.add(latencies, now)
        self._rate.add(report.delivered, at)
        self._totals = self._totals.with_batch(report)
        self._commands.take(report.derived)
        self._alerts.take_rows(report.derived)
        self._sample_power(now)

    def take_alerts(self, edges: Iterable[Alert]) -> None:
        """Take in edges that people were told of, in order."""
        self._alerts.take_edges(edges)

    def go_on_from(self, active: Sequence[Alert]) -> None:
        """Alerts that were raised before there was a board."""
        self._alerts.take_rows(map(alert_row, active))
        self._alerts.take_edges(sorted(active, key=lambda alert: alert.at))

    def snapshot(self, now: int, at: int) -> Snapshot:
        """What is known at this moment, on the clocks of `take`."""
        lines = [_charger_line(serial, device) for serial, device in self._devices[Product.CHARGER].items()]
        sites = [_site_line(serial, device) for serial, device in self._devices[Product.EQUALIZER].items()]
        return Snapshot(
            now=now,
            totals=self._totals,
            messages_a_second=self._rate.a_second(at),
            latency=self._latencies.summary(now),
            chargers=len(lines),
            equalizers=len(sites),
            modes=self._count_modes(lines),
            power_kw=sum(_powers(lines)),
            import_kw=sum(site.import_kw or 0.0 for site in sites),
            power_history=tuple(self._power_history),
            busiest=nlargest(LINES_KEPT, lines, key=_busyness),
            sites=sorted(sites)[:LINES_KEPT],
            answers=tuple(self._answers),
            commands=self._commands.summary(now),
            silent=self._alerts.silent(),
            alerts=self._alerts.edges(),
        )

    def _take_observation(self, observation: Observation) -> None:
        devices = self._devices[observation.product]
        device = devices.get(observation.serial)
        if device is None:
            if len(devices) >= MOST_DEVICES:
                return
            device = devices[observation.serial] = {}
        value = observation.value
        if observation.id not in _WATCHED[observation.product] or not isinstance(value, float):
            return
        known = device.get(observation.id)
        if known is None or known.observed_at <= observation.observed_at:
            device[observation.id] = _Reading(observation.observed_at, value)
            code = _code(device)
            if code is not None and code in OP_MODE:
                self._modes_seen.add(code)

    def _answer(self, response: CommandResponse) -> Answer:
        return Answer(
            at=response.created_at,
            serial=response.serial,
            command=self._catalogue.command_name(response.id),
            accepted=response.accepted,
            delivery_ms=_milliseconds(response.created_at, response.delivered_at),
            response_ms=_milliseconds(response.created_at, response.arrived_at),
        )

    def _count_modes(self, lines: Sequence[ChargerLine]) -> list[ModeCount]:
        counts = Counter(line.code for line in lines)
        ordered = sorted(self._modes_seen | counts.keys(), key=lambda code: (code is None, code))
        return [ModeCount(code, mode_name(code), counts[code]) for code in ordered]

    def _sample_power(self, now: int) -> None:
        step = now // POWER_STEP_NS
        if self._power_step is None or step > self._power_step:
            self._power_step = step
            chargers = self._devices[Product.CHARGER]
            self._power_history.append(sum(_powers(_charger_line(*charger) for charger in chargers.items())))


def mode_name(code: int | None) -> str:
    """A mode in words; an unknown code stays its number."""
    return "Not told yet" if code is None else OP_MODE.get(code, f"Mode {code}")


def _charger_line(serial: str, device: _Device) -> ChargerLine:
    code = _code(device)
    wifi = _value(device, _WIFI_SIGNAL)
    # A Wi-Fi signal of 0 dBm is Easee's way to say that the charger is on the cellular network.
    is_on_cellular = wifi == 0
    return ChargerLine(
        serial=serial,
        code=code,
        mode=mode_name(code),
        power_kw=_value(device, _POWER) if code in (_CHARGING, None) else 0.0,
        session_kwh=_value(device, _SESSION_ENERGY),
        signal_dbm=_value(device, _CELL_SIGNAL) if is_on_cellular else wifi,
        is_on_cellular=is_on_cellular,
    )


def _site_line(serial: str, device: _Device) -> SiteLine:
    return SiteLine(serial, _value(device, _IMPORT), _value(device, _EXPORT))


def _code(device: _Device) -> int | None:
    if _value(device, _CONNECTED) == 0:
        return OFFLINE
    mode = _value(device, _MODE)
    return None if mode is None else int(mode)


def _value(device: _Device, number: int) -> float | None:
    reading = device.get(number)
    return None if reading is None else reading.value


def _powers(lines: Sequence[ChargerLine] | Iterator[ChargerLine]) -> Iterator[float]:
    return (line.power_kw for line in lines if line.power_kw is not None)


def _busyness(line: ChargerLine) -> tuple[bool, float, float, str]:
    return line.code != OFFLINE, line.power_kw or 0.0, line.session_kwh or 0.0, line.serial


def _milliseconds(since: int, until: int | None) -> float | None:
    return None if until is None else (until - since) / NS_PER_MS
