"""Atomic entries: the changes of a round in a store of entries that keeps one after the other, all of them or none.

Owns the form of an entry, and the order in which a round's are given. Pure. Must not know what an entry says, or where
it is kept. What is too long for one entry is in several (`pipeline.core.long_entries`).

Where entries are kept they keep their order, but a crash may keep only the first of a round. So each bears the number
of its round, and what stood there before; then comes the mark, one entry that says which round is whole. What a round
drops is named before the mark, and dropped after it. Whoever begins anew takes what stood before in place of what a
round without its mark had begun, and puts that back with the first round of its own.

The mark also says how many entries there are once its round is whole, and a sum over them: where what is given does
not match, something is missing, or is not what was kept last (`damage`).
"""

from collections.abc import Iterator, Mapping
from itertools import islice
from struct import Struct
from typing import NamedTuple
from zlib import crc32

import orjson

from pipeline.core.long_entries import LongEntries

RawEntry = tuple[str, bytes | None]
"""A key, and what is kept under it from now on; None for nothing."""

MARK = "mark"
"""The key of the mark."""
_DROPPED = "dropped"
_HEAD = Struct("<Qii")
"""The round, then the lengths of both contents; `_NOTHING` where there is none."""
_NOTHING = -1
_EXTENT = Struct("<QQ")
"""Of all entries: how many there are, and the sum of their checksums. A mark of an older version does not say it."""
_ALL = (1 << 64) - 1
_MOST_BYTES = 1_000_000
"""Of a content in one entry, which may hold what stood there before, too: no message is nearly as long as it may be."""
_UNKNOWN = "an entry is kept that is none of this program's"
_MOST_DROPPED = 3_000
"""Keys that are named in one entry, so that it is far below what a message may be."""


class _Entry(NamedTuple):
    """What stands under a key since a round, and what stood there before; None for nothing."""

    round: int
    now: bytes | None
    before: bytes | None


class AtomicEntries:
    """For one store of entries. The caller's keys have a blank in them: those without are of this module.

    `damage`  what shows that not all was given that was kept, in words; empty where nothing does.
    """

    __slots__ = ("_begun", "_count", "_long", "_sum", "_whole", "damage")

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        """Nothing is kept. A content that is longer is kept in several entries."""
        self._long = LongEntries(most_bytes)
        self._whole = self._count = self._sum = 0
        self._begun: dict[str, bytes | None] = {}
        self.damage = ""

    def restore(self, raw: Mapping[str, bytes]) -> dict[str, bytes]:
        """What the rounds that are whole have kept, of all that is there. Raises ValueError for what is no entry."""
        entries = {key: _read(content) for key, content in raw.items()}
        # Also of what a round names that it drops: the next one must not have its number.
        self._whole = max((entry.round for entry in entries.values()), default=0)
        mark = entries.pop(MARK, None)
        whole = 0 if mark is None else mark.round
        dropped: set[str] = set()
        for key in [key for key in entries if " " not in key]:
            named = entries.pop(key)
            if named.round == whole:
                dropped.update(orjson.loads(named.now or b"[]"))
        self._begun = {key: entry.before for key, entry in entries.items() if entry.round > whole}
        self._begun.update((key, None) for key in entries if key in dropped and key not in self._begun)
        held = {key: self._begun.get(key, entry.now) for key, entry in entries.items()}
        found = {key: content for key, content in held.items() if content is not None}
        self._count, self._sum = len(found), sum(map(_checksum, found, found.values())) & _ALL
        if mark is not None:
            self.damage = self._damage(mark)
        elif any(entry.before is not None for entry in entries.values()):
            # Only before the first round nothing stood there, and only its mark may be missing.
            self.damage = f"{len(found)} entries were read, and no mark"
        return self._long.join(found)

    def round(self, changes: Mapping[str, bytes | None], raw: Mapping[str, bytes]) -> Iterator[RawEntry]:
        """What is to be kept, in this order, so that all of `changes` is kept, or nothing.

        `changes` are contents by key, None for what is to be dropped; `raw` is what is there, before and
        while this goes on. A round that was not given whole to the store is followed by `restore` alone.
        """
        self._whole = number = self._whole + 1
        changes = self._long.cut(changes)
        for key, before in self._begun.items():
            if before is None and changes.get(key) is None:
                # At once: the names of what was dropped before are about to be overwritten.
                yield key, None
            elif key not in changes:
                yield key, _write(number, before, before)
        for key, content in changes.items():
            before = self._before(key, raw)
            if before is not None:
                self._count -= 1
                self._sum -= _checksum(key, before)
            if content is not None:
                self._count += 1
                self._sum += _checksum(key, content)
                yield key, _write(number, content, before)
        dropped = [key for key, content in changes.items() if content is None]
        for place, first in enumerate(range(0, len(dropped), _MOST_DROPPED)):
            named = list(islice(dropped, first, first + _MOST_DROPPED))
            yield f"{_DROPPED}{place}", _write(number, orjson.dumps(named), None)
        yield MARK, _write(number, _EXTENT.pack(self._count, self._sum & _ALL), None)
        self._begun = {}
        yield from ((key, None) for key in dropped)

    def _damage(self, mark: _Entry) -> str:
        if mark.now is None:
            return ""
        if len(mark.now) != _EXTENT.size:
            raise ValueError(_UNKNOWN)
        count, total = _EXTENT.unpack(mark.now)
        if count != self._count:
            return f"{self._count} of {count} entries were read"
        return "" if total == self._sum else f"{count} entries were read, not as they were kept last"

    def _before(self, key: str, raw: Mapping[str, bytes]) -> bytes | None:
        """What the last whole round has kept under this key."""
        if key in self._begun:
            return self._begun[key]
        stands = raw.get(key)
        return None if stands is None else _read(stands).now


def _checksum(key: str, content: bytes) -> int:
    return crc32(content, crc32(key.encode()))


def _write(number: int, now: bytes | None, before: bytes | None) -> bytes:
    parts = (b"" if part is None else part for part in (now, before))
    return _HEAD.pack(number, _length(now), _length(before)) + b"".join(parts)


def _length(part: bytes | None) -> int:
    return _NOTHING if part is None else len(part)


def _read(content: bytes) -> _Entry:
    if len(content) >= _HEAD.size:
        number, now, before = _HEAD.unpack_from(content)
        middle = _HEAD.size + max(now, 0)
        if len(content) == middle + max(before, 0):
            return _Entry(
                number,
                None if now == _NOTHING else content[_HEAD.size : middle],
                None if before == _NOTHING else content[middle:],
            )
    raise ValueError(_UNKNOWN)
