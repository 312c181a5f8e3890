"""The log of what was said and not kept with its charger yet: one small entry for each batch.

Owns the form of these entries. Pure. Must not know what a value means, or when an entry is dropped.

Nearly every charger says something in every batch. To keep all of each that changed would be a thousand times what is
new; so only that is kept, 40 bytes a value, and each charger as a whole now and then. What is in an entry may be taken
in again, in any order, also by a charger that knows it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from struct import Struct, pack, unpack_from
from typing import NamedTuple

from pipeline.core.kept_facts import KeptKey

LOG = "history log"
_VERSION = 1
_MOST_TOGETHER = 5_000
"""Values in an entry of `share_out`, so that it is far below what a message may be, also twice."""
_HEAD = Struct("<BBqqqII")
_NO_MOMENT = -1

RUN = 255
"""The slot of a run (`pipeline.core.online_runs`): `key` is its first moment, `lag_ns` how long it lasted."""


class Logged(NamedTuple):
    """One value that a charger said, see `ChargerCourse.take`; or a run of a device."""

    serial: str
    slot: int
    key: int
    lag_ns: int
    value: float


class LogHead(NamedTuple):
    """How far rows were written: the last hour's end and grid point that all chargers have; None for nowhere.

    `horizon`     what is from before it is forgotten, nanoseconds.
    `is_settled`  nothing that was logged is still to be written into rows from before.
    """

    hours: int | None
    snapshots: int | None
    horizon: int
    is_settled: bool


def log_to_bytes(head: LogHead, logged: Iterable[tuple[str, int, int, int, float]]) -> bytes:
    """An entry. Columns beside each other, the serials once."""
    numbers: dict[str, int] = {}
    columns = list(zip(*logged, strict=True))
    if columns:
        places = [numbers.setdefault(serial, len(numbers)) for serial in columns[0]]
        count = len(places)
        content = pack(f"<{count}I{count}B", *places, *columns[1])
        content += pack(f"<{count}q{count}q{count}d", *columns[2], *columns[3], *columns[4])
    else:
        count, content = 0, b""
    serials = "\n".join(numbers).encode()
    hours = _NO_MOMENT if head.hours is None else head.hours
    snapshots = _NO_MOMENT if head.snapshots is None else head.snapshots
    first = _HEAD.pack(_VERSION, head.is_settled, hours, snapshots, head.horizon, len(serials), count)
    return first + serials + content


def log_from_bytes(content: bytes) -> tuple[LogHead, list[Logged]]:
    """What an entry holds. Raises ValueError for one of another version."""
    version, is_settled, hours, snapshots, horizon, length, count = _HEAD.unpack_from(content)
    if version != _VERSION:
        raise ValueError(f"a log of version {version} is kept, and this program knows version {_VERSION}")
    begin = _HEAD.size + length
    serials = content[_HEAD.size : begin].decode().split("\n")
    places = unpack_from(f"<{count}I", content, begin)
    slots = unpack_from(f"<{count}B", content, begin + 4 * count)
    keys = unpack_from(f"<{count}q", content, begin + 5 * count)
    lags = unpack_from(f"<{count}q", content, begin + 13 * count)
    values = unpack_from(f"<{count}d", content, begin + 21 * count)
    logged = [Logged(serials[place], *rest) for place, *rest in zip(places, slots, keys, lags, values, strict=True)]
    return LogHead(_moment(hours), _moment(snapshots), horizon, bool(is_settled)), logged


def log_key(number: int) -> KeptKey:
    """What the entry of a batch is kept under: they are numbered."""
    return KeptKey("", f"{LOG} {number:012d}")


def share_out(
    logs: Mapping[int, bytes], place_of: Callable[[str], int], count: int
) -> Iterator[tuple[int, KeptKey, bytes]]:
    """Entries by number, shared out over `count` places by the device: the place, key and content of each new entry.

    There are fewer of them, each with what several said. Every place has the last head. Raises ValueError as
    `log_from_bytes`.
    """
    numbers = sorted(logs)
    settled = next((each for each in reversed(numbers) if log_from_bytes(logs[each])[0].is_settled), -1)
    waiting: list[list[Logged]] = [[] for _ in range(count)]
    written = 0
    for number in numbers:
        head, logged = log_from_bytes(logs[number])
        head = head._replace(is_settled=number <= settled)
        for each in logged:
            waiting[place_of(each.serial)].append(each)
        is_boundary = number in (settled, numbers[-1])
        for place, values in enumerate(waiting):
            # What is settled and what is not are never in one entry.
            while values and (is_boundary or len(values) >= _MOST_TOGETHER):
                yield place, log_key(written), log_to_bytes(head, values[:_MOST_TOGETHER])
                del values[:_MOST_TOGETHER]
                written += 1
            if number == numbers[-1]:
                yield place, log_key(written), log_to_bytes(head, ())
                written += 1


def _moment(number: int) -> int | None:
    return None if number == _NO_MOMENT else number
