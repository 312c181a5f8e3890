"""A course: what one value of a charger was over time, as far back as it can still matter.

Owns the order of values, and which of them need not be remembered. Pure, and a function of the set of values, however
they are ordered or repeated. Must not know what a value means, or when it comes too late.

A value stands under its key, nanoseconds: the time of its row (`pipeline.core.same_stamp`), so that of two values of
one second the one counts that a store shows last. Its moment is the whole second of it, which is all a device tells.
Where only certain moments are asked for, multiples of `step`, of the values between two of them the last is enough.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterator

from pipeline.core.timestamps import NS_PER_S


class Course:
    """See above. Two numbers a value, 16 bytes: a fleet has a great many of them."""

    __slots__ = ("_keys", "_step", "_values")

    def __init__(self, step: int = 1) -> None:
        """No value is known. `step`, nanoseconds, whole seconds; 1 keeps every value."""
        self._step = step
        self._keys = array("q")
        self._values = array("d")

    def __len__(self) -> int:
        """How many values are remembered."""
        return len(self._keys)

    def add(self, key: int, value: float) -> bool:
        """A value; whether anything that may be asked for is another now. Of two of one key the greater counts."""
        keys, step = self._keys, self._step
        if not keys:
            keys.append(key)
            self._values.append(value)
            return True
        last = keys[-1]
        if key <= last:
            return self._insert(key, value)
        if step > 1 and (last - NS_PER_S) // step == (key - NS_PER_S) // step:
            keys[-1] = key
            self._values[-1] = value
        else:
            keys.append(key)
            self._values.append(value)
        return True

    def at(self, moment: int) -> float | None:
        """The value at a whole second, what was said in that second included; None where none was known."""
        keys = self._keys
        if not keys:
            return None
        end = moment + NS_PER_S
        if keys[-1] < end:
            return self._values[-1]
        place = bisect_left(keys, end)
        return self._values[place - 1] if place else None

    def between(self, first: int, end: int) -> Iterator[tuple[int, float]]:
        """Moments within [first, end), and the values from there on; several of one second are all given, in order."""
        keys, values = self._keys, self._values
        for place in range(bisect_left(keys, first), bisect_left(keys, end)):
            yield keys[place] // NS_PER_S * NS_PER_S, values[place]

    def last(self) -> tuple[int, float] | None:
        """The last value and its key; None where there is none."""
        return (self._keys[-1], self._values[-1]) if self._keys else None

    def next_after(self, key: int) -> int | None:
        """The key of the next value, which ends what the one of this key says; None where it is the last."""
        place = bisect_left(self._keys, key + 1)
        return self._keys[place] if place < len(self._keys) else None

    def forget(self, before: int) -> None:
        """Forget what was said before a moment, but for the last of it."""
        keys = self._keys
        if len(keys) > 1 and keys[1] < before:
            gone = bisect_left(keys, before) - 1
            del keys[:gone]
            del self._values[:gone]

    def entries(self) -> list[tuple[int, float]]:
        """Every value with its key, for `add`."""
        return list(zip(self._keys, self._values, strict=True))

    def _insert(self, key: int, value: float) -> bool:
        """A value that is not the last one."""
        keys, values = self._keys, self._values
        place = bisect_left(keys, key)
        if keys[place] == key:
            if value <= values[place]:
                return False
            values[place] = value
            return True
        if self._is_one_step(key, keys[place]):
            return False
        if place and self._is_one_step(keys[place - 1], key):
            keys[place - 1] = key
            values[place - 1] = value
        else:
            keys.insert(place, key)
            values.insert(place, value)
        return True

    def _is_one_step(self, earlier: int, later: int) -> bool:
        """Whether nobody asks for a moment at which the earlier value counts and the later one does not."""
        step = self._step
        return step > 1 and (earlier - NS_PER_S) // step == (later - NS_PER_S) // step
