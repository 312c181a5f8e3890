"""What is remembered of a fleet for its hours and snapshots: who said what, who was heard when, and what of it is kept.

Owns every charger, the runs of every device, counts of messages, and their durable form. Pure. Must not know rows, or
when they are due.

Durable are small entries, one a batch, of what was said (`pipeline.core.history_log`), and one entry of each device.
Those are written anew in turns, all that changed within CYCLE_NS of the watermark; what was logged before a turn began
is dropped when it has ended. All that is in an entry is taken in again without harm, so nothing need be cut exactly.
"""

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter

import orjson

from pipeline.core.charger_course import ChargerCourse, Slot
from pipeline.core.clock_offset import hour_of
from pipeline.core.history_log import LOG, RUN, Logged, LogHead, log_from_bytes, log_key, log_to_bytes
from pipeline.core.kept_facts import KeptKey
from pipeline.core.online_runs import OnlineRuns, Run
from pipeline.core.silences import FORGOTTEN_AFTER_NS
from pipeline.core.timestamps import NS_PER_S

CYCLE_NS = 1_200 * NS_PER_S
_MOST_TURNS = 1_000
_MOST_DROPS = 200
_DEVICE = "history"


class HistoryMemory:
    """See above."""

    def __init__(self, silent_after: int, late_ns: int) -> None:
        """Nothing is known. SILENT_AFTER and LATE_DATA, nanoseconds."""
        self._silent_after = silent_after
        self._late_ns = late_ns
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self.runs = OnlineRuns(self._silent_after)
        self.chargers: dict[str, ChargerCourse] = {}
        self._messages: dict[int, Counter[str]] = {}
        self._logged: list[tuple[str, int, int, int, float]] = []
        self._head: LogHead | None = None
        self._numbers: deque[int] = deque()
        self._next = 0
        self._settled = -1
        self._dirty: set[str] = set()
        self._due: set[str] = set()
        self._dropped: list[str] = []
        self._cycle: Iterator[str] = iter(())
        self._cycle_size = self._cycle_done = 0
        self._cycle_at = 0
        self._cycle_number = self._cycle_begun = 0

    def say(self, serial: str, slot: Slot, key: int, lag_ns: int, value: float) -> int | None:
        """A charger said something; see `ChargerCourse.take`. The first that it ever said is always something new."""
        charger = self.chargers.get(serial)
        if charger is None:
            charger = self.chargers[serial] = ChargerCourse(self._late_ns, key - key % NS_PER_S)
        reached = charger.take(slot, key, lag_ns, value)
        if key < charger.since:
            charger.since = key - key % NS_PER_S
            reached = key if reached is None else reached
        if reached is not None:
            self._logged.append((serial, slot, key, lag_ns, value))
        return reached

    def hear(self, serials: Sequence[str], arrivals: list[int], said: int) -> list[tuple[str, Run]]:
        """See OnlineRuns.hear; every one of them is a message."""
        if arrivals:
            self._messages.setdefault(hour_of(max(arrivals)), Counter()).update(serials)
        unusual = self.runs.hear(serials, arrivals, said)
        for serial, run in unusual:
            for first, last in self.runs.run_around(serial, run.last):
                self._logged.append((serial, RUN, first, last - first, 0.0))
        return unusual

    def messages(self, serial: str, hour: int) -> int:
        """How many messages came of a device in an hour."""
        counts = self._messages.get(hour)
        return 0 if counts is None else counts[serial]

    def advance(self, watermark: int, horizon: int) -> None:
        """Look after some of the devices: forget what is before the horizon, and note what is to be kept anew."""
        for hour in [hour for hour in self._messages if hour < horizon]:
            del self._messages[hour]
        passed = (watermark - self._cycle_at) / CYCLE_NS
        if self._cycle_done >= self._cycle_size and passed >= 1:
            self._begin_cycle(watermark)
            passed = 0
        turns = min(int(self._cycle_size * min(passed, 1)) - self._cycle_done, _MOST_TURNS)
        for _ in range(turns):
            self._cycle_done += 1
            serial = next(self._cycle, None)
            if serial is not None:
                self._look_at(serial, horizon)

    def changes(self, head: LogHead) -> Mapping[KeptKey, bytes | None]:
        """What is to be kept since the last call, by key; None for what is to be dropped."""
        changes: dict[KeptKey, bytes | None] = {}
        if self._logged or (head != self._head and head.hours is not None):
            changes[log_key(self._next)] = log_to_bytes(head, self._logged)
            self._dirty.update(map(itemgetter(0), self._logged))
            self._logged.clear()
            self._head = head
            self._numbers.append(self._next)
            if head.is_settled:
                self._settled = self._next
            self._next += 1
        for serial in self._due:
            changes[KeptKey(serial, _DEVICE)] = self._device_to_bytes(serial)
        self._due.clear()
        for serial in self._dropped:
            changes[KeptKey(serial, _DEVICE)] = None
        self._dropped.clear()
        for _ in range(_MOST_DROPS):
            if not self._numbers or self._numbers[0] >= min(self._cycle_number, self._settled):
                break
            changes[log_key(self._numbers.popleft())] = None
        return changes

    def restore(
        self, kept: Iterable[tuple[KeptKey, bytes]], heard: Mapping[str, int]
    ) -> tuple[LogHead | None, list[Logged]]:
        """Know what was kept, and nothing else; the last head, and what was logged since all was settled.

        `heard` is when each device was heard last. Raises ValueError for an entry that this program does not know.
        """
        self.clear()
        logs: dict[int, bytes] = {}
        for key, content in kept:
            if key.name == _DEVICE:
                self._restore_device(key.serial, content)
            elif key.name.startswith(LOG):
                logs[int(key.name.removeprefix(LOG))] = content
            else:
                raise ValueError(f"an entry of an unknown kind is kept: {key.name}")
        unsettled: list[Logged] = []
        for number in sorted(logs):
            self._head, logged = log_from_bytes(logs[number])
            self._restore_logged(logged)
            unsettled += logged
            if self._head.is_settled:
                self._settled = number
                unsettled.clear()
        self._numbers.extend(sorted(logs))
        self._next = max(logs, default=-1) + 1
        for serial, last in heard.items():
            self.runs.go_on(serial, last)
        return self._head, unsettled

    def _restore_logged(self, logged: Iterable[Logged]) -> None:
        for serial, slot, key, lag_ns, value in logged:
            if slot == RUN:
                self.runs.join(serial, Run(key, key + lag_ns))
            else:
                self.say(serial, Slot(slot), key, lag_ns, value)
            self._dirty.add(serial)
        self._logged.clear()

    def _restore_device(self, serial: str, content: bytes) -> None:
        runs, messages, course = content.split(b"\n", 2)
        for first, last in orjson.loads(runs):
            self.runs.join(serial, Run(first, last))
        for hour, count in orjson.loads(messages):
            self._messages.setdefault(hour, Counter())[serial] = count
        if course:
            charger = self.chargers[serial] = ChargerCourse(self._late_ns, 0)
            charger.restore(course)

    def _device_to_bytes(self, serial: str) -> bytes:
        charger = self.chargers.get(serial)
        runs = [tuple(run) for run in self.runs.runs(serial)]
        messages = [(hour, counts[serial]) for hour, counts in self._messages.items() if counts[serial]]
        course = b"" if charger is None else charger.to_bytes()
        return b"\n".join((orjson.dumps(runs), orjson.dumps(messages), course))

    def _begin_cycle(self, watermark: int) -> None:
        devices = list(self.runs)
        self._cycle = iter(devices)
        self._cycle_size, self._cycle_done = len(devices), 0
        self._cycle_at = watermark
        # All that was logged by now is of devices that have a turn.
        self._cycle_number, self._cycle_begun = self._cycle_begun, self._next

    def _look_at(self, serial: str, horizon: int) -> None:
        last = self.runs.last(serial)
        if last is None or last + FORGOTTEN_AFTER_NS < horizon:
            self.runs.drop(serial)
            self.chargers.pop(serial, None)
            self._dirty.discard(serial)
            self._dropped.append(serial)
            return
        self.runs.forget(serial, horizon)
        charger = self.chargers.get(serial)
        if charger is not None:
            charger.forget(horizon)
        if serial in self._dirty:
            self._dirty.discard(serial)
            self._due.add(serial)
