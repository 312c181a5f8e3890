"""A command's life: what is known of it at one moment.

Owns the table of states and flags. Pure: the moment is the watermark. Must not know how a response was found to be a
command's (`core.pairing`), how its effect was seen (`core.confirmation`), how all this stands in the store
(`core.command_rows`), or what was written before (the tracker).
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from schemas.command import CommandResponse, CommandSent, Outcome

SILENCE = (Outcome.TIMED_OUT, Outcome.EXPIRED)
"""The decisions that a command was not answered at its deadline."""


class Answer(StrEnum):
    """What came back."""

    NONE = "none"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    LATE_ACCEPTED = "late accepted"
    LATE_REJECTED = "late rejected"


class Due(StrEnum):
    """Whether the deadline has passed, and which one it was."""

    OPEN = "open"
    TIMED_OUT = "timed out"
    EXPIRED = "expired"


class CommandState(StrEnum):
    """What is known of a command today (field `state`)."""

    UNCONFIRMED = "unconfirmed"
    PUBLISHED = "published"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    TIMED_OUT = "timed_out"
    EXPIRED = "expired"


class Standing(NamedTuple):
    """State, flags and decisions. Flags are always written, each 0 or 1."""

    state: CommandState
    decided: tuple[Outcome, ...] = ()
    answered: bool = False
    ok: bool = False
    failed: bool = False
    timed_out: bool = False
    expired: bool = False
    late: bool = False


_OK = Standing(CommandState.ACCEPTED, (Outcome.ACCEPTED,), answered=True, ok=True)
_REFUSED = Standing(CommandState.REJECTED, (Outcome.REJECTED,), answered=True, failed=True)
_TIMED_OUT = Standing(CommandState.TIMED_OUT, (Outcome.TIMED_OUT,), failed=True, timed_out=True)
_EXPIRED = Standing(CommandState.EXPIRED, (Outcome.EXPIRED,), failed=True, expired=True)
_PUBLISHED = Standing(CommandState.PUBLISHED)
_UNCONFIRMED = Standing(CommandState.UNCONFIRMED)

STANDINGS: Mapping[tuple[Answer, Due], Standing] = MappingProxyType(
    {
        (Answer.NONE, Due.OPEN): _PUBLISHED,
        (Answer.NONE, Due.TIMED_OUT): _TIMED_OUT,
        (Answer.NONE, Due.EXPIRED): _EXPIRED,
        **{(Answer.ACCEPTED, due): _OK for due in Due},
        **{(Answer.REJECTED, due): _REFUSED for due in Due},
        (Answer.LATE_ACCEPTED, Due.TIMED_OUT): Standing(
            CommandState.ACCEPTED,
            (Outcome.TIMED_OUT, Outcome.ACCEPTED),
            answered=True,
            ok=True,
            timed_out=True,
            late=True,
        ),
        (Answer.LATE_ACCEPTED, Due.EXPIRED): Standing(
            CommandState.ACCEPTED,
            (Outcome.EXPIRED, Outcome.ACCEPTED),
            answered=True,
            ok=True,
            expired=True,
            late=True,
        ),
        (Answer.LATE_REJECTED, Due.TIMED_OUT): Standing(
            CommandState.REJECTED,
            (Outcome.TIMED_OUT, Outcome.REJECTED),
            answered=True,
            failed=True,
            timed_out=True,
            late=True,
        ),
        (Answer.LATE_REJECTED, Due.EXPIRED): Standing(
            CommandState.REJECTED,
            (Outcome.EXPIRED, Outcome.REJECTED),
            answered=True,
            failed=True,
            expired=True,
            late=True,
        ),
    }
)
"""Every combination there is: a late answer means that the deadline has passed, so it is never (late, open)."""

_LATE = (Answer.LATE_ACCEPTED, Answer.LATE_REJECTED)


class Life(NamedTuple):
    """All that is known of one command.

    `attempt`        0 for the first sending, 1 for its first retry.
    `is_confirmed`   the broker confirmed the publish, or somebody else sent it; else the publish was only meant.
    `timeout_ns`     COMMAND_TIMEOUT.
    `response`       the one paired with it, None so far.
    `is_superseded`  a newer command of the same readback family came within LATE_DATA.
    `is_effective`   its readbacks show what it asked for; `effect_ns` since its creation, None where unknown.
    """

    command: CommandSent
    timeout_ns: int
    attempt: int = 0
    is_confirmed: bool = True
    response: CommandResponse | None = None
    is_superseded: bool = False
    is_effective: bool = False
    effect_ns: int | None = None

    @property
    def deadline(self) -> int:
        """When an answer would be late: after COMMAND_TIMEOUT, or at ExpiresAt where that is earlier."""
        timed_out = self.command.published_at + self.timeout_ns
        return timed_out if self.command.expires_at is None else min(timed_out, self.command.expires_at)

    @property
    def deadline_is_expiry(self) -> bool:
        """Whether ExpiresAt is the earlier of the two."""
        return self.command.expires_at == self.deadline != self.command.published_at + self.timeout_ns


def arrival_of(response: CommandResponse) -> int | None:
    """When an answer came: ArrivalTime, or where there is none our receipt."""
    return response.received_at if response.arrived_at is None else response.arrived_at


def answer_of(life: Life) -> Answer:
    """What came back, and whether in time."""
    response = life.response
    if response is None:
        return Answer.NONE
    arrived_at = arrival_of(response)
    if arrived_at is not None and arrived_at > life.deadline:
        return Answer.LATE_ACCEPTED if response.accepted else Answer.LATE_REJECTED
    return Answer.ACCEPTED if response.accepted else Answer.REJECTED


def standing(life: Life, watermark: int) -> Standing:
    """How a command stands when everything up to `watermark` is known."""
    answer = answer_of(life)
    if watermark <= life.deadline and answer not in _LATE:
        found = STANDINGS[answer, Due.OPEN]
        return _UNCONFIRMED if found is _PUBLISHED and not life.is_confirmed else found
    return STANDINGS[answer, Due.EXPIRED if life.deadline_is_expiry else Due.TIMED_OUT]


class Decision(NamedTuple):
    """One decision about a command, as `command_outcome` keeps it: at the deadline, or when the answer came."""

    outcome: Outcome
    at: int


class Decided(NamedTuple):
    """A decision that was written, and the firmware it was written under."""

    outcome: Outcome
    at: int
    firmware: str

    @property
    def decision(self) -> Decision:
        """What was decided."""
        return Decision(self.outcome, self.at)


def decisions(life: Life, found: Standing) -> tuple[Decision, ...]:
    """What was decided by now, in order. A late answer is a decision of its own, beside the time-out."""
    if not found.decided:
        return ()
    answered_at = arrival_of(life.response) if life.response else None
    moments = [(outcome, life.deadline if outcome in SILENCE else answered_at) for outcome in found.decided]
    return tuple(Decision(outcome, at) for outcome, at in moments if at is not None)
