"""What is kept of session energies: one small entry for each batch, and now and then one for each charger.

Owns the form of these entries, and when each is dropped. Pure. Must not know what a value counts, or what else is kept
of sessions.

A good part of a fleet says its energy in every batch, and an entry for each value would cost more than all else that is
kept. So the values of a batch are one entry, 20 bytes a value. What a charger said is kept as a whole once its oldest
logged value is CYCLE_NS old, by the watermark; entries of batches that nobody needs any more are dropped. All that is
in an entry may be taken in again, in any order.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from struct import Struct, pack, unpack_from

from pipeline.core.kept_facts import KeptKey
from pipeline.core.session_energies import Energy
from pipeline.core.timestamps import NS_PER_S

CYCLE_NS = 1_200 * NS_PER_S
LOG, CHARGER = "session log", "session energies"
_MOST_AT_ONCE = 1_000
_MOST_TOGETHER = 5_000
"""Values in an entry of `share_out`, so that it is far below what a message may be, also twice."""
_VERSION = 1
_HEAD = Struct("<BqII")


class SessionLog:
    """See above. For one thread at a time."""

    def __init__(self) -> None:
        """Nothing is kept."""
        self._clear()

    def _clear(self) -> None:
        self._noted: list[tuple[str, int, float]] = []
        self._logs: deque[int] = deque()
        self._next = 0
        # By charger, the first entry of a batch that holds anything of it that its own has not, and its watermark: in
        # the order of the batches.
        self._unkept: dict[str, tuple[int, int]] = {}
        self._thinned: list[str] = []

    def note(self, serial: str, at: int, kwh: float) -> None:
        """A value to be kept."""
        self._noted.append((serial, at, kwh))

    def thinned(self, serial: str) -> None:
        """Of this charger something was forgotten: its own entry is to be written anew, one day."""
        self._thinned.append(serial)

    def changes(self, watermark: int, energies_of: Callable[[str], Iterable[Energy]]) -> Mapping[KeptKey, bytes | None]:
        """What is to be kept since the last call, by key; None for what is to be dropped."""
        changes: dict[KeptKey, bytes | None] = {}
        begun = (self._next, watermark)
        for serial in self._thinned:
            self._unkept.setdefault(serial, begun)
        self._thinned.clear()
        if self._noted:
            changes[_log_key(self._next)] = _to_bytes(watermark, self._noted)
            self._logs.append(self._next)
            self._next += 1
            for serial, _, _ in self._noted:
                if serial not in self._unkept:
                    self._unkept[serial] = begun
            self._noted.clear()
        for serial, (_, since) in list(islice(self._unkept.items(), _MOST_AT_ONCE)):
            if since > watermark - CYCLE_NS:
                break
            del self._unkept[serial]
            energies = [("", at, kwh) for at, kwh in energies_of(serial)]
            changes[KeptKey(serial, CHARGER)] = _to_bytes(watermark, energies) if energies else None
        first_needed, _ = next(iter(self._unkept.values()), begun)
        for _ in range(_MOST_AT_ONCE):
            if not self._logs or self._logs[0] >= first_needed:
                break
            changes[_log_key(self._logs.popleft())] = None
        return changes

    def restore(self, kept: Iterable[tuple[KeptKey, bytes]]) -> list[tuple[str, Energy]]:
        """Know that this is kept, and nothing else; the values of it, and whose they are.

        Raises ValueError for an entry of another version.
        """
        self._clear()
        found: list[tuple[str, Energy]] = []
        logs: dict[int, bytes] = {}
        for (serial, name), content in kept:
            if name == CHARGER:
                _, values = _from_bytes(content)
                found += [(serial, energy) for _, energy in values]
            else:
                logs[int(name.removeprefix(LOG))] = content
        for number in sorted(logs):
            watermark, values = _from_bytes(logs[number])
            found += values
            for serial, _ in values:
                self._unkept.setdefault(serial, (number, watermark))
        self._logs.extend(sorted(logs))
        self._next = max(logs, default=-1) + 1
        return found


def share_out(
    logs: Mapping[int, bytes], place_of: Callable[[str], int], count: int
) -> Iterator[tuple[int, KeptKey, bytes]]:
    """Entries of batches by number, shared out over `count` places by the charger: place, key and content of new ones.

    There are fewer of them, each with what several batches had, as old as the oldest. Raises ValueError as `restore`.
    """
    waiting: list[list[tuple[str, int, float]]] = [[] for _ in range(count)]
    since = [0] * count
    written = 0
    for number in sorted(logs):
        watermark, values = _from_bytes(logs[number])
        for serial, (at, kwh) in values:
            place = place_of(serial)
            if not waiting[place]:
                since[place] = watermark
            waiting[place].append((serial, at, kwh))
            if len(waiting[place]) == _MOST_TOGETHER:
                yield place, _log_key(written), _to_bytes(since[place], waiting[place])
                waiting[place] = []
                written += 1
    for place, left in enumerate(waiting):
        if left:
            yield place, _log_key(written), _to_bytes(since[place], left)
            written += 1


def _log_key(number: int) -> KeptKey:
    return KeptKey("", f"{LOG} {number:012d}")


def _to_bytes(watermark: int, values: Iterable[tuple[str, int, float]]) -> bytes:
    """Columns beside each other, the serials once."""
    serials, moments, energies = zip(*values, strict=True)
    numbers: dict[str, int] = {}
    places = [numbers.setdefault(serial, len(numbers)) for serial in serials]
    count = len(places)
    names = "\n".join(numbers).encode()
    head = _HEAD.pack(_VERSION, watermark, len(names), count)
    return head + names + pack(f"<{count}I{count}q{count}d", *places, *moments, *energies)


def _from_bytes(content: bytes) -> tuple[int, list[tuple[str, Energy]]]:
    version, watermark, length, count = _HEAD.unpack_from(content)
    if version != _VERSION:
        raise ValueError(f"session energies of version {version} are kept, and this program knows version {_VERSION}")
    begin = _HEAD.size + length
    serials = content[_HEAD.size : begin].decode().split("\n")
    places = unpack_from(f"<{count}I", content, begin)
    moments = unpack_from(f"<{count}q", content, begin + 4 * count)
    energies = unpack_from(f"<{count}d", content, begin + 12 * count)
    values = zip(places, moments, energies, strict=True)
    return watermark, [(serials[place], Energy(at, kwh)) for place, at, kwh in values]
