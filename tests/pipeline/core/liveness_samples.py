"""Messages of a few devices, and what liveness says of them."""

from collections.abc import Iterable
from typing import NamedTuple

from pipeline.core.fleet_silence import FleetRule
from pipeline.core.liveness import Liveness
from schemas.alert import Alert

S = 10**9
START = 1_700_000_000 * S
AFTER = 20 * S
END = START + 2_000 * S
RULE = FleetRule(least=2, share=0.4)

Message = tuple[str, int]
"""A serial and an ArrivalTime."""


class Said(NamedTuple):
    """Everything that was to be written, and to be told."""

    written: list[Alert]
    told: list[Alert]


def at(seconds: float) -> int:
    return START + int(seconds * S)


def advance(liveness: Liveness, watermark: int, said: Said) -> None:
    edges = liveness.advance(watermark)
    said.written.extend(edges.to_write)
    said.told.extend(edges.to_notify)


def at_once(messages: Iterable[Message], watermark: int = END) -> Said:
    liveness, said = Liveness(AFTER, RULE), Said([], [])
    for message in messages:
        liveness.see(*message)
    advance(liveness, watermark, said)
    return said


def short(alerts: Iterable[Alert]) -> list[tuple[str, bool, float]]:
    return [(alert.serial, alert.active, (alert.at - START) / S) for alert in alerts]
