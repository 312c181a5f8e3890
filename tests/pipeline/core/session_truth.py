"""Sessions as the whole set of messages has them, worked out the long way: nothing here is what is tested."""

import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from pipeline.core.same_stamp import spread_stamp
from pipeline.core.timestamps import format_time, parse_time
from schemas.observation import Observation
from tests.pipeline.core.session_samples import AWAY, CHARGING, DAY, ENERGY, LATE, MINUTE, MODE, S, Table, arrival

SLOT = 10 * MINUTE


def at_once(messages: Iterable[Observation], watermark: int, late: int = LATE) -> Table:
    """What the whole set of messages means, worked out the long way."""
    counted = [message for message in messages if arrival(message) - message.observed_at <= late]
    table: Table = {}
    for serial in {message.serial for message in counted}:
        told_after = zlib.crc32(serial.encode()) * S % SLOT
        energies_until = (watermark - told_after) // SLOT * SLOT
        about = [message for message in counted if message.serial == serial]
        for start, fields in _Truth(about, energies_until).rows():
            if start + MINUTE <= watermark:
                table[serial, start] = fields
    return table


class _Doc(NamedTuple):
    start: int
    stop: int | None
    kwh: float | None
    id: str


class _Truth:
    """One charger, second by second where it matters."""

    def __init__(self, messages: Sequence[Observation], energies_until: int) -> None:
        by_second: dict[int, tuple[int, int, float]] = {}
        slots: dict[int, tuple[float, int]] = {}
        self.docs: list[_Doc] = []
        for each in messages:
            second = each.observed_at // S * S
            if each.id == MODE:
                code = float(each.value or 0)
                key = spread_stamp(each.observed_at, each.arrived_at, each.value_crc)
                rank = 3 if code == CHARGING else 1 if code == AWAY else 2 if code in (2, 4, 6, 7, 8) else 0
                by_second[second] = max(by_second.get(second, (0, -1, -1.0)), (key, rank, code))
            elif each.id == ENERGY and each.observed_at >= energies_until:
                continue
            elif each.id == ENERGY:
                slot = each.observed_at // SLOT
                slots[slot] = max(slots.get(slot, (-1.0, 0)), (float(each.value or 0), each.observed_at))
            else:
                self._read(each)
        self.modes = [(second, rank) for second, (_, rank, _) in sorted(by_second.items())]
        self.energies = sorted((at, kwh) for kwh, at in slots.values())
        self.stays = list(self._stays())

    def rows(self) -> Iterator[tuple[int, dict[str, float | str]]]:
        """Every session."""
        owners: dict[int | None, list[_Doc]] = {}
        for doc in self.docs:
            owners.setdefault(self._owner(doc), []).append(doc)
        rows: dict[int, dict[str, float | str]] = {}
        for group in self._groups(owners.pop(None, [])):
            rows[group[0].start] = self._alone(group)
        for number, (start, left) in enumerate(self.stays):
            groups = self._groups(owners.get(number, []))
            groups.sort(key=lambda group: (abs(group[0].start - start), group[0].start))
            for group in groups[1:]:
                rows[group[0].start] = self._alone(group)
            if start in rows and not groups:
                continue
            ends = left if left is not None and left <= start + 30 * DAY else None
            rows[start] = self._row(start, ends, ends or start + 30 * DAY, groups[0] if groups else [])
        yield from rows.items()

    def _read(self, each: Observation) -> None:
        members = json.loads(str(each.value))
        start = parse_time(members["Start"]) or 0
        stop = None if members["Stop"] is None else parse_time(members["Stop"])
        if each.observed_at <= (stop or start) + 40 * MINUTE:
            identity = "" if members["Id"] is None else str(members["Id"])
            self.docs.append(_Doc(start, stop, members["Energy"], identity))

    def _changes(self) -> list[tuple[int, int]]:
        """Seconds at which the mode became another one."""
        before = [0, *(rank for _, rank in self.modes)]
        return [(second, rank) for (second, rank), last in zip(self.modes, before, strict=False) if rank != last]

    def _stays(self) -> Iterator[tuple[int, int | None]]:
        said = [(second, rank) for second, rank in self.modes if rank]
        for place in range(1, len(said)):
            if said[place - 1][1] == 1 and said[place][1] > 1:
                leaves = [second for second, rank in said[place:] if rank == 1]
                yield said[place][0], leaves[0] if leaves else None

    def _leaves(self) -> list[int]:
        said = [(second, rank) for second, rank in self.modes if rank]
        return [
            second for place, (second, rank) in enumerate(said) if rank == 1 and (not place or said[place - 1][1] > 1)
        ]

    def _owner(self, doc: _Doc) -> int | None:
        near: list[tuple[int, int]] = []
        within: list[int] = []
        for number, (start, left) in enumerate(self.stays):
            end = min(start + 30 * DAY, left or start + 30 * DAY)
            if doc.stop is not None and not start <= doc.stop <= end + 40 * MINUTE:
                continue
            if abs(doc.start - start) <= 2 * MINUTE:
                near.append((abs(doc.start - start), number))
            if start <= doc.start < end:
                within.append(number)
        return min(near)[1] if near else within[0] if within else None

    def _groups(self, docs: Iterable[_Doc]) -> list[list[_Doc]]:
        groups: list[list[_Doc]] = []
        for doc in sorted(docs, key=lambda each: each.start):
            if not groups or doc.start > max(each.start for each in groups[-1]) + 2 * MINUTE:
                groups.append([])
            groups[-1].append(doc)
        return groups

    def _alone(self, group: list[_Doc]) -> dict[str, float | str]:
        start = group[0].start
        left = next((second for second in self._leaves() if start < second <= start + 30 * DAY), None)
        return self._row(start, left, left or start + 30 * DAY, group)

    def _row(self, start: int, left: int | None, until: int, group: list[_Doc]) -> dict[str, float | str]:
        # The closed ones count most, then the greatest energy, the latest stop, the greatest id.
        group = sorted(group, key=lambda doc: (doc.stop is not None, -1 if doc.kwh is None else doc.kwh))
        best = max(
            group,
            key=lambda doc: (doc.stop is not None, -1 if doc.kwh is None else doc.kwh, doc.stop or 0, doc.id),
            default=None,
        )
        stop = left if best is None or best.stop is None else max(best.stop, start)
        said = max([doc.kwh or 0.0 for doc in group], default=0.0)
        if best is None or best.stop is None or not said:
            heard = until
            if stop is not None:
                coming = [begun for begun, _ in self.stays if begun >= stop and begun > start]
                heard = min([stop + 40 * MINUTE, *coming])
            said = max([said, *(kwh for at, kwh in self.energies if start < at <= heard)])
        last = stop
        if last is None:
            spoken = [at for at, _ in (*self.energies, *self._changes()) if at <= until]
            last = max([start, *spoken])
        begun = start
        if stop is not None:
            begun = max([start, *(second for second in self._leaves() if second < stop - 40 * MINUTE)])
        return {
            "energy_kwh": said,
            "duration_s": (last - start) / S,
            "charging_s": self._charged(begun, last) / S,
            "stopped_at": "" if stop is None else format_time(stop),
            "session_id": "" if best is None else best.id,
            "source": "json" if group else "op_mode",
        }

    def _charged(self, first: int, end: int) -> int:
        ends = [*(second for second, _ in self.modes[1:]), max(end, first)]
        pieces = [(begun, ended) for (begun, rank), ended in zip(self.modes, ends, strict=False) if rank == 3]
        return sum(max(0, min(ended, end) - max(begun, first)) for begun, ended in pieces)
