"""Commands: sent, answered, and what became of them.

Owns the three records of a command's life. Must not know how commands are paired with responses
(that is the tracker's) or how they are published.
"""

from enum import StrEnum
from typing import NamedTuple


class Argument(NamedTuple):
    """One argument of a command: ids count from 1 in the order of Easee's table; values are text on the wire."""

    id: int
    value: str


class CommandSent(NamedTuple):
    """A command on its way to a charger (Easee: routing key `<Serial>.C.<CommandId>`).

    `arguments`     in the order of the body; personal ones are already redacted.
    `expires_at`    body `ExpiresAt`; None where absent or unreadable.
    `published_at`  when the publisher sent it: header `PublishedAt`, else header `ArrivalTime`.
    `ref`           names this one sending of the command: 32 hexadecimal digits, the same for every
                    copy and redelivery of it.
    `attempt`       0 but for a retry, `is_confirmed` False where the broker's word was missing: of a command of
                    ours in a recording, which alone says so.
    Times are nanoseconds since the epoch, UTC.
    """

    serial: str
    id: int
    arguments: tuple[Argument, ...]
    expires_at: int | None
    published_at: int
    ref: str
    received_at: int | None
    attempt: int = 0
    is_confirmed: bool = True


class CommandResponse(NamedTuple):
    """A charger's answer to a command of anybody (Easee: routing key `<Serial>.CR.<CommandId>`).

    `accepted`      body `WasAccepted`.
    `ticks`         body `Ticks`, the digits as sent (a JSON number above 2**53 may have lost its last ones);
                    None where absent.
    `created_at`    body `Timestamp`: the command's creation in the cloud, the cloud's clock.
    `delivered_at`  body `DeliveredAt`: the device's clock, so it may lie before `created_at`. None where
                    absent, unreadable or before 2015.
    `arrived_at`    header `ArrivalTime`, the cloud's clock; None where missing or unreadable.
    `result_code`   body `ResultCode`: a number, text where it was none, None where null.
    `comment`       body `Comment`, None where null.
    `received_at`   our clock; None where unknown. Never part of a fact.
    Times are nanoseconds since the epoch, UTC.
    """

    serial: str
    id: int
    accepted: bool
    ticks: str | None
    created_at: int
    delivered_at: int | None
    arrived_at: int | None
    result_code: float | str | None
    comment: str | None
    received_at: int | None


class Outcome(StrEnum):
    """How a command ended, as decided at one moment (tag `outcome`)."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    TIMED_OUT = "timed_out"
    EXPIRED = "expired"


class CommandOutcome(NamedTuple):
    """One decision about one command: an answer, or the lack of one at its deadline.

    `decided_at`  the deadline, or the ArrivalTime of the answer, that decided.
    `late`        the answer came after the deadline, in addition to an earlier time-out.
    `refuted`     a time-out that a response, read later, proved wrong; queries skip it.
    `*_ms`        latencies in milliseconds, None where their clocks gave none: delivery (DeliveredAt - created:
                  device against cloud, signed), response (ArrivalTime - created: cloud), round trip
                  (received_at - published_at: ours).
    """

    serial: str
    id: int
    ref: str
    outcome: Outcome
    decided_at: int
    late: bool
    refuted: bool
    delivery_ms: float | None
    response_ms: float | None
    round_trip_ms: float | None
