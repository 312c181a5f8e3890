"""Freshness: when devices were heard, told to others in few words.

Owns which moment of a message counts, and which moments need not be told. Pure. Must not know liveness, hours, or who
is told.

Whoever follows silences wants the moments at which each one begins and ends. Of moments that lie closely together the
first and the last say as much as all of them.
"""

from collections.abc import Iterable

from pipeline.core.watermark import AHEAD_NS
from schemas.command import CommandResponse
from schemas.observation import Observation
from schemas.stream import Heard

CLOSE_NS = 60 * 10**9
"""Moments of one device within this time are told by the first and the last of them."""


def moment_heard(arrived_at: int | None, received_at: int | None) -> int | None:
    """When the sender of a message was heard: its ArrivalTime, which our receipt bounds and stands in for."""
    if arrived_at is None:
        return received_at
    if received_at is not None and arrived_at > received_at + AHEAD_NS:
        return received_at + AHEAD_NS
    return arrived_at


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
