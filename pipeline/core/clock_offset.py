"""The clock of a charger: how far it is from the cloud's, by the responses of an hour.

Owns the estimate and the row of `charger_clock`. Pure, and a function of the set of responses. Must not know which of
them are remembered, or when a row is written.

A response says when the charger took its command by its own clock (DeliveredAt), and when the command came to be by the
cloud's (created). The difference is the offset and the way there, which is short against an offset that matters; the
median leaves out what waited. Negative: the charger's clock is behind.
"""

from collections.abc import Iterable

from pipeline.core.timestamps import NS_PER_MS
from schemas.command import CommandResponse
from schemas.measurement import CHARGER_CLOCK
from schemas.row import Row

HOUR_NS = 3_600 * 10**9


def hour_of(moment: int) -> int:
    """The start of the UTC hour that a moment is in, nanoseconds."""
    return moment - moment % HOUR_NS


def clock_row(serial: str, hour: int, responses: Iterable[CommandResponse]) -> Row | None:
    """The offset of a charger's clock in one hour, by all its responses created in it; None where none says.

    `offset_ms` is the median of DeliveredAt - created, `samples` how many there are.
    """
    offsets = sorted(each.delivered_at - each.created_at for each in responses if each.delivered_at is not None)
    if not offsets:
        return None
    half = len(offsets) // 2
    # Of an even number, the mean of the middle two: they are one and the same of an odd one.
    median = (offsets[half] + offsets[-half - 1]) / 2
    fields = (("offset_ms", median / NS_PER_MS), ("samples", float(len(offsets))))
    return Row(CHARGER_CLOCK, serial, "", (), hour, fields)
