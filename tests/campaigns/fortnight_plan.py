"""A simulated fortnight: its fleet, its stream as a file, and what was heard on the way.

Owns what is simulated, and from when to when it is judged. Reads the stream by itself where the simulator cannot tell:
when each device was heard, and which firmware it told of. Must not know what the program makes of the stream.
"""

import re
import zlib
from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import orjson

from pipeline.replay_lines import to_line
from pipeline.simulator.command_copy import copy_of
from pipeline.simulator.fleet import Fleet, FleetPlan
from pipeline.simulator.quirks import Quirks
from pipeline.simulator.truth import Truth
from schemas.command import CommandSent
from schemas.delivery import Delivery
from tests.oracle.times import nanoseconds, of_header

S = 10**9
HOUR_NS = 3_600 * S
DAY_NS = 24 * HOUR_NS
STEP_NS = HOUR_NS // 4
_BEFORE_WINTER_NS = 1_761_300_000 * S  # 2025-10-24T10:00:00Z; at Oslo, the 26th has 25 hours
_AFTERMATH_NS = 5 * HOUR_NS
_RELEASE, _MODE, _METER = "80", "109", "124"
_A_NUMBER = re.compile(r"-?[0-9]+(\.0+)?")
_A_DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_HEARD = ("O", "CR")


class Fortnight(NamedTuple):
    """How much is simulated: as `chargeline demo --days` does it. `start` nanoseconds since the epoch, UTC."""

    chargers: int
    days: int
    seed: int = 1
    start: int = _BEFORE_WINTER_NS

    @property
    def first(self) -> int:
        """From when on it is judged: an hour after the start every meter has spoken."""
        return self.start + HOUR_NS

    @property
    def until(self) -> int:
        """Until when it is judged. What is said afterwards, by who was offline, counts for the time before."""
        return self.start + self.days * DAY_NS

    def fleet(self) -> Fleet:
        """The fleet, at the start."""
        plan = FleetPlan(seed=self.seed, chargers=self.chargers, chargers_a_site=50, start=self.start, reports=0.1)
        return Fleet(plan, Quirks.everyday())


class Release(NamedTuple):
    """What a charger said of its firmware: when that arrived, when it was so by its own clock, and the tag."""

    arrived_at: int
    observed_at: int
    firmware: str


class Told(NamedTuple):
    """A stream in a file, what truly happened, and what can be read in the stream by who knows nothing else.

    `heard`             when each device was heard, by serial: ArrivalTimes of messages that can be read, nanoseconds.
    `releases`          likewise, in the order of arrival.
    `unreadable_modes`  of which charger, and stamped when (seconds), a mode cannot be read; where its stamp cannot, the
                        three seconds before it arrived.
    `unreadable_meters` of which charger, and at which hour (seconds), the meter cannot be read.
    """

    plan: Fortnight
    lines: Path
    messages: int
    truth: Truth
    chargers: Sequence[str]
    heard: Mapping[str, Sequence[int]]
    releases: Mapping[str, Sequence[Release]]
    unreadable_modes: Collection[tuple[str, int]]
    unreadable_meters: Collection[tuple[str, int]]

    def firmware(self, serial: str, at: int) -> str:
        """What was known of a charger's firmware at a moment."""
        known = [release for release in self.releases.get(serial, ()) if release.arrived_at <= at]
        return max(known, key=lambda each: each.observed_at).firmware if known else "-"


def tell(plan: Fortnight, lines: Path) -> Told:
    """Let a fortnight pass, and write what reached the queue meanwhile into a file, a line each."""
    fleet, ears, messages, now = plan.fleet(), _Ears(), 0, plan.start
    with lines.open("wb") as file:
        while now < plan.until + _AFTERMATH_NS:
            now += STEP_NS
            for delivery in _deliveries(fleet, now):
                ears.hear(delivery)
                file.write(to_line(delivery) + b"\n")
                messages += 1
    chargers = [serial for serial in fleet.serials if serial.startswith("EH")]
    return Told(
        plan,
        lines,
        messages,
        fleet.truth,
        chargers,
        ears.heard,
        ears.releases,
        ears.unreadable_modes,
        ears.unreadable_meters,
    )


def shuffle(told: Told, lines: Path, most_ns: int) -> Told:
    """The same stream, each message held up for a while of its own, at most so long: what it says stays as it is."""
    with told.lines.open("rb") as file:
        places = [(_received(line) + zlib.crc32(line) * most_ns // 2**32, number) for number, line in enumerate(file)]
    offsets = _offsets(told.lines)
    with told.lines.open("rb") as file, lines.open("wb") as shuffled:
        for _, number in sorted(places):
            file.seek(offsets[number])
            shuffled.write(file.readline())
    return told._replace(lines=lines)


class _Ears:
    """Hears when who says anything, and of what firmware."""

    def __init__(self) -> None:
        self.heard: dict[str, array[int]] = {}
        self.releases: dict[str, list[Release]] = {}
        self.unreadable_modes: set[tuple[str, int]] = set()
        self.unreadable_meters: set[tuple[str, int]] = set()

    def hear(self, delivery: Delivery) -> None:
        """What cannot be read is not heard; commands are nobody's word."""
        serial, _, rest = delivery.routing_key.partition(".")
        kind, _, number = rest.partition(".")
        arrived_at = of_header(delivery.headers.get("ArrivalTime"))
        if kind not in _HEARD or arrived_at is None:
            return
        try:
            body = orjson.loads(delivery.body)
        except orjson.JSONDecodeError:
            if kind == "O":
                self._cannot_read(serial, number, range(arrived_at // S - 2, arrived_at // S + 1))
            return
        self.heard.setdefault(serial, array("q")).append(arrived_at)
        if kind != "O" or number not in (_RELEASE, _MODE, _METER):
            return
        observed_at, value = nanoseconds(str(body["Timestamp"])), str(body["Value"])
        assert observed_at is not None
        is_readable = _A_NUMBER.fullmatch(value) is not None
        if number == _RELEASE and is_readable:
            self.releases.setdefault(serial, []).append(Release(arrived_at, observed_at, value))
        elif not (is_readable or (number == _METER and _A_DECIMAL.fullmatch(value))):
            self._cannot_read(serial, number, [observed_at // S])

    def _cannot_read(self, serial: str, number: str, seconds: Iterable[int]) -> None:
        for second in seconds:
            if number == _MODE:
                self.unreadable_modes.add((serial, second))
            elif number == _METER:
                self.unreadable_meters.add((serial, round(second / 3_600) * 3_600))


def _deliveries(fleet: Fleet, until: int) -> Iterator[Delivery]:
    for item in fleet.advance_with_commands(until):
        yield copy_of(item) if isinstance(item, CommandSent) else item


def _received(line: bytes) -> int:
    received_at = nanoseconds(str(orjson.loads(line)["received_at"]))
    assert received_at is not None
    return received_at


def _offsets(lines: Path) -> Sequence[int]:
    offsets, place = array("q"), 0
    with lines.open("rb") as file:
        for line in file:
            offsets.append(place)
            place += len(line)
    return offsets
