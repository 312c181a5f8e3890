"""Long entries: contents of any length, in entries that are no longer than a message may be.

Owns how a content is cut, and the keys of its parts. Pure. Must not know rounds, what an entry says, or where it is
kept.

The first part stands under the content's own key, the others under this key and their number, and under number 0 stands
how many there are: a content of which a part is missing is none. Most contents are short, and stand as they are.
"""

from collections.abc import Mapping

_NUMBER = " +"
_COUNT = 0


class LongEntries:
    """For one store of entries. The caller's keys do not end with a blank, a plus and a number."""

    __slots__ = ("_broken", "_counts", "_most")

    def __init__(self, most_bytes: int) -> None:
        """No entry is to be longer than this."""
        self._most = most_bytes
        self._counts: dict[str, int] = {}
        self._broken: dict[str, None] = {}

    def join(self, entries: Mapping[str, bytes]) -> dict[str, bytes]:
        """The contents, of all entries that there are; from now on `cut` goes by these."""
        found: dict[str, bytes] = {}
        parts: dict[str, dict[int, bytes]] = {}
        for key, content in entries.items():
            name, sign, number = key.rpartition(_NUMBER)
            if sign and number.isdecimal():
                parts.setdefault(name, {})[int(number)] = content
            else:
                found[key] = content
        self._counts, self._broken = {}, {}
        for key, others in parts.items():
            first, count = found.pop(key, None), int(others.get(_COUNT, b"0"))
            self._counts[key] = max(*others, count)
            if first is not None and count and all(number in others for number in range(1, count + 1)):
                found[key] = b"".join([first, *(others[number] for number in range(1, count + 1))])
            else:
                self._broken[key] = None
        return found

    def cut(self, changes: Mapping[str, bytes | None]) -> Mapping[str, bytes | None]:
        """What is to be kept so that these are; None for what is to be dropped, as are parts of what is no content."""
        if self._broken:
            changes = {**self._broken, **changes}
            self._broken = {}
        if not self._counts and not any(self._is_long(content) for content in changes.values()):
            return changes
        return {name: part for key, content in changes.items() for name, part in self._parts(key, content).items()}

    def _is_long(self, content: bytes | None) -> bool:
        return content is not None and len(content) > self._most

    def _parts(self, key: str, content: bytes | None) -> Mapping[str, bytes | None]:
        had = self._counts.pop(key, None)
        others: dict[str, bytes | None] = {} if had is None else {_name(key, number): None for number in range(had + 1)}
        if content is None or not self._is_long(content):
            return {key: content, **others}
        begins = range(self._most, len(content), self._most)
        self._counts[key] = len(begins)
        others[_name(key, _COUNT)] = str(len(begins)).encode()
        for number, begin in enumerate(begins, 1):
            others[_name(key, number)] = content[begin : begin + self._most]
        return {key: content[: self._most], **others}


def _name(key: str, number: int) -> str:
    return f"{key}{_NUMBER}{number}"
