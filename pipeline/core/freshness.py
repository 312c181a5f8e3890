"""Freshness: when devices were heard, told to others in few words.

Owns which moment of a message counts, and which moments need not be told. Pure. Must not know liveness, hours, or who
is told.

Whoever follows silences wants the moments at which each one begins and ends. Of moments that lie closely together the
first and the last say as much as all of them.
"""

from collections.abc import Iterable, Reversible
from typing import NamedTuple

from pipeline.core.trusted_clock import Arrival
from pipeline.core.watermark import AHEAD_NS
from schemas.command import CommandResponse
from schemas.observation import Observation
from schemas.stream import Heard

CLOSE_NS = 60 * 10**9
"""Moments of one device within this time are told by the first and the last of them."""

MOST_DOUBTFUL = 100
"""So many in a row that are far ahead, and it is our clock that is behind."""


def moment_heard(arrived_at: int | None, received_at: int | None) -> int | None:
    """When the sender of a message was heard: its ArrivalTime, which our receipt bounds and stands in for."""
    if arrived_at is None:
        return received_at
    if received_at is not None and arrived_at > received_at + AHEAD_NS:
        return received_at + AHEAD_NS
    return arrived_at


def newest_arrival(records: Reversible[object]) -> Arrival | None:
    """ArrivalTime and receipt of the last message of a batch that has both and can be believed; None where none has."""
    for record in reversed(records):
        if isinstance(record, Observation | CommandResponse):
            arrived_at, received_at = record.arrived_at, record.received_at
            if arrived_at is not None and received_at is not None:
                arrival = Arrival(arrived_at, received_at)
                if arrival.can_be_believed:
                    return arrival
    return None


class Moments(NamedTuple):
    """Of which device each message is, and when it was heard, in their order.

    `latest`    of the ArrivalTimes; 0 where there is none.
    `doubtful`  those that are further ahead than clocks may be, which are not among these; each bounded by its receipt.
    """

    serials: list[str]
    moments: list[int]
    latest: int
    doubtful: list[int]


def all_moments(records: Iterable[Observation | CommandResponse]) -> Moments:
    """`moment_heard` of many messages, written out; what has no moment is left out."""
    serials: list[str] = []
    moments: list[int] = []
    arrivals = [0]
    doubtful: list[int] = []
    for record in records:
        moment, received_at = record.arrived_at, record.received_at
        if moment is None:
            if received_at is None:
                continue
            moment = received_at
        elif received_at is not None and moment > received_at + AHEAD_NS:
            moment = received_at + AHEAD_NS
            doubtful.append(moment)
        else:
            arrivals.append(moment)
        serials.append(record.serial)
        moments.append(moment)
    return Moments(serials, moments, max(arrivals), doubtful)


class LatestArrival:
    """The latest moment at which a message reached the cloud, batch by batch, as far as ArrivalTimes are believed.

    One that is far ahead of our receipt is of a wrong clock: the cloud's, or ours, and then they all are. So one counts
    only, bounded by its receipt, where nothing else has come for long.
    """

    __slots__ = ("_in_a_row",)

    def __init__(self) -> None:
        """Nothing came."""
        self._in_a_row = 0

    def of(self, moments: Moments) -> int:
        """That of a batch; 0 where it tells none."""
        if moments.latest:
            self._in_a_row = 0
            return moments.latest
        self._in_a_row += len(moments.doubtful)
        return max(moments.doubtful, default=0) if self._in_a_row >= MOST_DOUBTFUL else 0


def hear_all(records: Iterable[Observation | CommandResponse], close_ns: int = CLOSE_NS) -> list[Heard]:
    """When each device was heard by these messages, in the order in which they first speak.

    `close_ns` must not be more than SILENT_AFTER, or silences would be covered up.
    """
    moments: dict[str, list[int]] = {}
    for record in records:
        moment = moment_heard(record.arrived_at, record.received_at)
        if moment is not None:
            known = moments.get(record.serial)
            if known is None:
                moments[record.serial] = [moment]
            else:
                known.append(moment)
    return [Heard(serial, thin_out(sorted(known), close_ns), len(known)) for serial, known in moments.items()]


def thin_out(moments: list[int], close_ns: int) -> tuple[int, ...]:
    """Of ascending moments as few as needed, so that each one left out lies between two within `close_ns`."""
    first, last = moments[0], moments[-1]
    if last - first <= close_ns:
        return (first,) if first == last else (first, last)
    kept = [first]
    before = first
    for moment in moments[1:]:
        if moment - kept[-1] > close_ns:
            if before != kept[-1]:
                kept.append(before)
            if moment - kept[-1] > close_ns:
                kept.append(moment)
        before = moment
    if kept[-1] != last:
        kept.append(last)
    return tuple(kept)
