"""What is remembered of one charger for its hours and snapshots.

Owns which observations count there, and what each of them can change. Pure, and a function of the set of what was
said. Must not know rows, when they are due, or other chargers.
"""

from collections.abc import Iterator, Mapping
from enum import IntEnum
from math import inf
from types import MappingProxyType
from zlib import Z_BEST_SPEED, compress, decompress

import orjson

from pipeline.core.clock_offset import HOUR_NS
from pipeline.core.course import Course
from pipeline.core.energy_meter import EnergyMeter, Reading
from pipeline.core.hour_peaks import HourPeaks
from pipeline.core.timestamps import NS_PER_MS, NS_PER_S

STEP_NS = 300 * NS_PER_S
"""The grid of snapshots."""


class Slot(IntEnum):
    """What is remembered of a charger; also how it is kept, so numbers stay as they are."""

    OP_MODE = 0
    TOTAL_POWER = 1
    DYNAMIC_CURRENT = 2
    MAX_CURRENT = 3
    CONNECTED = 4
    ERROR_CODE = 5
    RELEASE = 6
    LIFETIME_ENERGY = 7


SLOTS: Mapping[int, Slot] = MappingProxyType(
    {
        109: Slot.OP_MODE,
        120: Slot.TOTAL_POWER,
        48: Slot.DYNAMIC_CURRENT,
        47: Slot.MAX_CURRENT,
        250: Slot.CONNECTED,
        119: Slot.ERROR_CODE,
        80: Slot.RELEASE,
        124: Slot.LIFETIME_ENERGY,
    }
)
"""By observation id of a charger."""

SNAPSHOT_SLOTS = tuple(Slot)[: Slot.RELEASE]
"""What a snapshot shows."""

# Names of this module are found faster than members of an enumeration, and every message looks for them.
_POWER, _RELEASE, _ENERGY = Slot.TOTAL_POWER, Slot.RELEASE, Slot.LIFETIME_ENERGY
# Nobody asks for less than a whole second: so whoever says many values in one costs no more.
_STEPS: tuple[int, ...] = (NS_PER_S, STEP_NS, STEP_NS, STEP_NS, STEP_NS, STEP_NS, NS_PER_S)
_LONG_BYTES = 1 << 16
"""What is kept of a charger that says its mode once a second is far beyond this, and most of it alike."""
_COMPRESSED = b"x"
"""What is compressed begins so; what is not, with a bracket."""


class ChargerCourse:
    """See above. `since` is the first moment that the charger said anything of."""

    __slots__ = ("_courses", "_late_ns", "meter", "peaks", "since")

    def __init__(self, late_ns: int, since: int) -> None:
        """Nothing was said. `late_ns` is LATE_DATA, nanoseconds."""
        self._late_ns = late_ns
        self.since = since
        self.peaks = HourPeaks()
        self.meter = EnergyMeter(late_ns)
        self._courses: list[Course | None] = [None] * len(_STEPS)

    def take(self, slot: Slot, key: int, lag_ns: int, value: float) -> int | None:
        """Something was said; from when on anything is another now, None where nothing is.

        `key` is the time of its row, or LATE_DATA before it reached the cloud where that is later; nanoseconds.
        `lag_ns` is how long after its stamp it reached the cloud. What is later than LATE_DATA says nothing of its
        hour; no reading of the meter may be.
        """
        is_new = False
        if lag_ns <= self._late_ns and slot is not _RELEASE:
            power = value if slot is _POWER else -inf
            is_new = self.peaks.raise_to(key - key % HOUR_NS, lag_ns / NS_PER_MS, power)
        if slot is _ENERGY:
            reached = self.meter.add(Reading(key, key + lag_ns, value))
            return key if reached is None and is_new else reached
        course = self._courses[slot]
        if course is None:
            course = self._courses[slot] = Course(_STEPS[slot])
        return key if course.add(key, value) or is_new else None

    def is_newer_release(self, key: int, value: float) -> bool:
        """Whether a release is another than the last one, and was said later."""
        course = self._courses[Slot.RELEASE]
        last = None if course is None else course.last()
        return last is None or (key > last[0] and value != last[1])

    def reach(self, slot: Slot, key: int) -> tuple[int, int | None]:
        """From when until when something that was said can count; None for until now."""
        if slot is _ENERGY:
            return self.meter.reach(key), None
        course = self._courses[slot]
        return key, None if course is None else course.next_after(key)

    def at(self, slot: Slot, moment: int) -> float | None:
        """What was said last at a moment; None where nothing was."""
        course = self._courses[slot]
        return None if course is None else course.at(moment)

    def snapshot(self, moment: int) -> list[float | None]:
        """What was said last at a moment, in the order of SNAPSHOT_SLOTS."""
        return [None if course is None else course.at(moment) for course in self._courses[: len(SNAPSHOT_SLOTS)]]

    def modes(self, first: int, end: int) -> Iterator[tuple[int, float]]:
        """The modes said within [first, end), with their moments, in order."""
        course = self._courses[Slot.OP_MODE]
        return iter(()) if course is None else course.between(first, end)

    def forget(self, before: int) -> None:
        """Forget what does not matter for any hour from this one on."""
        for course in self._courses:
            if course is not None:
                course.forget(before)
        self.peaks.forget(before)
        self.meter.forget(before)

    def to_bytes(self) -> bytes:
        """All of it, as it is kept."""
        courses = [None if course is None else course.entries() for course in self._courses]
        peaks = [tuple(peak) for peak in self.peaks]
        readings = [tuple(reading) for reading in self.meter.readings]
        content = orjson.dumps((self.since, courses, peaks, readings, self.meter.settled, self.meter.offset))
        return content if len(content) < _LONG_BYTES else compress(content, Z_BEST_SPEED)

    def restore(self, content: bytes) -> None:
        """Remember what was kept, and nothing else."""
        plain = decompress(content) if content.startswith(_COMPRESSED) else content
        self.since, courses, peaks, readings, settled, self.meter.offset = orjson.loads(plain)
        for slot, entries in enumerate(courses):
            if entries is not None:
                course = self._courses[slot] = Course(_STEPS[slot])
                for key, value in entries:
                    course.add(key, value)
        for hour, power_kw, latency_ms in peaks:
            self.peaks.raise_to(hour, latency_ms, -inf if power_kw is None else power_kw)
        self.meter.restore([Reading(*reading) for reading in readings], settled and tuple(settled), self.meter.offset)
