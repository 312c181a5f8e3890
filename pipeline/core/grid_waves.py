"""Waves: which rows of a regular grid of moments are due, a few at a time.

Owns what is due and what is due again. Pure: time is the watermark, an argument. Must not know what a row says.

When the watermark has passed a moment of the grid, every device has a row there: that is a wave, and of a great fleet
it is given out in portions. Moments come one after the other. What becomes known of a moment whose wave has begun is
given out for that device alone. So what is given out in the end does not depend on portions.
"""

from collections.abc import Callable, Iterable, Sequence

Due = tuple[str, int]
"""A device and a moment of the grid."""


class GridWaves:
    """See above. Moments are multiples of `step`, nanoseconds."""

    __slots__ = ("_again", "_lowest", "_pending", "_place", "_settle", "_step", "_wave", "given", "told")

    def __init__(self, step: int, settle: int) -> None:
        """Nothing is due before `begin`. A moment is due when the watermark is more than `settle` past it.

        `given`  the last moment of which every device was given out, None for none.
        `told`   the last of which any was: what comes later and is from before is to be touched.
        """
        self._step = step
        self._settle = settle
        self._pending: dict[Due, None] = {}
        self._again: set[Due] = set()
        self._wave: Sequence[str] = ()
        self._place = 0
        self.given: int | None = None
        self.told = 0
        self._lowest = 0

    @property
    def has_begun(self) -> bool:
        """Whether there is a first moment."""
        return self.given is not None

    @property
    def is_settled(self) -> bool:
        """Whether nothing is due again."""
        return not self._pending and not self._again

    @property
    def earliest(self) -> int | None:
        """The first moment that is due again, or would be if the last portion were not written; None before `begin`."""
        moments = [moment for _, moment in self._pending]
        return None if self.given is None else min([self._lowest, self.told, *moments])

    def begin(self, at: int | None) -> None:
        """Forget what is due, and begin with the first moment behind this one; None for none yet."""
        self.given = None if at is None else at - at % self._step
        self.told = self.given or 0
        self._pending.clear()
        self._again.clear()
        self._wave, self._place = (), 0
        self._lowest = self.told

    def touch(self, serial: str, first: int, until: int | None) -> None:
        """What a device has within [first, until] is another now; None for all until now."""
        last = self.told if until is None else min(-(-until // self._step) * self._step, self.told)
        for moment in range(-(-first // self._step) * self._step, last + 1, self._step):
            self._pending[serial, moment] = None

    def touch_again(self, dues: Iterable[Due]) -> None:
        """Give these out again, all of them with the next portion, whatever it may hold."""
        self._again.update(dues)

    def take(self, watermark: int, most: int, wave_of: Callable[[int], Sequence[str]]) -> list[Due]:
        """What is due now: at most so many, and those of `touch_again`. `wave_of` tells which devices a moment has."""
        dues = list(self._again)
        self._again.clear()
        end = len(dues) + most
        while self._pending and len(dues) < end:
            dues.append(self._pending.popitem()[0])
        while len(dues) < end and self._has_wave(watermark, wave_of):
            portion = self._wave[self._place : self._place + end - len(dues)]
            dues += [(serial, self.told) for serial in portion]
            self._place += len(portion)
        self._end_wave()
        self._lowest = min((moment for _, moment in dues), default=self.told)
        return dues

    def _has_wave(self, watermark: int, wave_of: Callable[[int], Sequence[str]]) -> bool:
        """Whether there is something to give out of a wave; the next one is begun where there is not."""
        self._end_wave()
        if self.given is None or self.told > self.given:
            return self.given is not None
        if self.given + self._step + self._settle >= watermark:
            return False
        self.told = self.given + self._step
        self._wave, self._place = wave_of(self.told), 0
        return True

    def _end_wave(self) -> None:
        if self._place >= len(self._wave) and self.given is not None:
            self.given = self.told
            self._wave, self._place = (), 0
