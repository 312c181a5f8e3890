"""Arrivals: when messages reached the cloud, of which only the remainder by 1,000 s is known.

Owns the choice. Pure. Must not know stores, or what arrivals are for.

Of a stored value its stamp is known, and when it arrived, save for multiples of 1,000 s (`pipeline.core.same_stamp`).
A device that is online is heard at once. One that was cut off says afterwards, all at once, what it has stamped
meanwhile: what has the arrival of its neighbour came with it, however long after its stamp. So a device's messages are
taken in the order of their stamps, and held until one is surely prompt: when it and its neighbours on either side,
APART_NS to WHOLE_NS away and with nothing else between them, all look so, with at most PROMPT_NS between stamp and
arrival. Of one burst no two can, so far apart. Then those before are decided, the last first. What was held for HELD_NS
is decided without that, and so is what somebody cannot wait for.
"""

from collections.abc import Iterator, Sequence
from typing import Generic, NamedTuple, TypeVar

from pipeline.core.same_stamp import ARRIVALS
from pipeline.core.timestamps import NS_PER_MS, NS_PER_S

Item = TypeVar("Item")

PERIOD_NS = ARRIVALS * NS_PER_MS
PROMPT_NS = 15 * NS_PER_S
APART_NS = 40 * NS_PER_S
HELD_NS = 86_400 * NS_PER_S

_BURST_NS = 10 * NS_PER_S
"""How long a device may take from one message to the next of what it has stamped while it was cut off."""

WHOLE_NS = 900 * NS_PER_S


class Said(NamedTuple, Generic[Item]):
    """A message: its stamp, and the earliest moment at which it can have arrived, nanoseconds; the rest as it came.

    `earliest` is None where nothing is known of its arrival: then it came as its neighbour did.
    """

    stamp: int
    earliest: int | None
    item: Item

    @property
    def is_prompt(self) -> bool:
        """Whether it may have been heard at once."""
        return self.earliest is not None and abs(self.earliest - self.stamp) <= PROMPT_NS


class Arrivals(Generic[Item]):
    """See above. For one thread at a time."""

    def __init__(self) -> None:
        """Nothing is held."""
        self._held: dict[str, list[Said[Item]]] = {}
        self._sure: dict[str, Said[Item]] = {}

    def add(self, serial: str, said: Said[Item]) -> Iterator[tuple[Item, int]]:
        """The next message of a device, by stamp; what is decided now, each with the moment of its arrival."""
        held = self._held.setdefault(serial, [])
        held.append(said)
        sure = _surely_prompt(self._sure.get(serial), held)
        if sure is not None:
            place = next(place for place, each in enumerate(held) if each is sure) + 1
            self._sure[serial], self._held[serial] = sure, held[place:]
            yield from _decided(held[:place])
        elif said.stamp - held[0].stamp > HELD_NS:
            del self._held[serial]
            self._sure.pop(serial, None)
            yield from _decided(held)

    def decide(self, before: int) -> Iterator[tuple[Item, int]]:
        """What is held of devices of which something from before a moment is held, decided with what is known."""
        for serial in [serial for serial, held in self._held.items() if held and held[0].stamp < before]:
            self._sure.pop(serial, None)
            yield from _decided(self._held.pop(serial))

    def finish(self) -> Iterator[tuple[Item, int]]:
        """What is held, decided with what is known."""
        for held in self._held.values():
            yield from _decided(held)
        self._held.clear()
        self._sure.clear()


def _surely_prompt(before: Said[Item] | None, held: Sequence[Said[Item]]) -> Said[Item] | None:
    """The last message that is surely prompt, because of the very last one, and of one `before`; None for none."""
    last, middle = held[-1], None
    for said in (*reversed(held), *(() if before is None else (before,))):
        if said.earliest is None:
            continue
        if not said.is_prompt:
            return None
        if middle is None:
            if last.stamp - said.stamp >= APART_NS:
                middle = said
                if last.stamp - said.stamp > WHOLE_NS:
                    return None
        elif middle.stamp - said.stamp >= APART_NS:
            return middle if middle.stamp - said.stamp <= WHOLE_NS else None
    return None


def _decided(held: Sequence[Said[Item]]) -> Iterator[tuple[Item, int]]:
    """Messages in the order of their stamps, the last first; that one is prompt."""
    behind, lag_ns = None, 0
    for said in reversed(held):
        arrived_at = said.earliest
        is_late = abs(lag_ns) > PROMPT_NS
        if arrived_at is None:
            yield said.item, behind if is_late and behind is not None else said.stamp + lag_ns
            continue
        if behind is not None and behind > arrived_at:
            near = arrived_at + (behind + _BURST_NS - arrived_at) // PERIOD_NS * PERIOD_NS
            if not said.is_prompt or (is_late and near >= behind - _BURST_NS):
                arrived_at = near
        behind, lag_ns = arrived_at, arrived_at - said.stamp
        yield said.item, arrived_at
