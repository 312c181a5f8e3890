"""A command's life: what is known of it at one moment, and how that stands in the store.

Owns the table of states and flags, the latencies with their clocks, and the rows of `command` and `command_outcome`.
Pure: the moment is the watermark. Must not know how a response was found to be a command's (`core.pairing`), how its
effect was seen (`core.confirmation`), or what was written before (the tracker).

Latencies, each with its clocks; created = the response's Timestamp:
    delivery_ms    DeliveredAt - created: the device's clock against the cloud's, signed
    response_ms    ArrivalTime - created: the cloud's clock alone
    round_trip_ms  received_at - published_at: our clock alone
    lateness_ms    ArrivalTime - deadline: the cloud's clock against ours, only of late answers
    effect_ms      ArrivalTime of the completing readback - created: the cloud's clock alone

A store cannot take a field back. So what a fact that came later took away may still stand there, and the flags, which
are always written, say what counts: `accepted` and the latencies only where `answered` is 1, `lateness_ms` only where
`late` is, `effect_ms` only where `confirmed` is. In `command_outcome` nothing counts where `refuted` is 1.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

import orjson

from pipeline.core.apart import apart
from pipeline.core.timestamps import NS_PER_MS, format_time
from schemas.command import CommandResponse, CommandSent, Outcome
from schemas.measurement import COMMAND, COMMAND_OUTCOME, COMMAND_RESPONSE
from schemas.row import Field, Row


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


class Life(NamedTuple):
    """All that is known of one command.

    `attempt`        0 for the first sending, 1 for its first retry.
    `is_confirmed`   the broker confirmed the publish, or somebody else sent it; else the publish was only meant.
    `timeout_ns`     COMMAND_TIMEOUT.
    `response`       the one paired with it, None so far.
    `is_superseded`  a newer command of the same readback family exists.
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


def standing(life: Life, watermark: int) -> Standing:
    """How a command stands when everything up to `watermark` is known."""
    answer = _answer(life)
    is_past = watermark > life.deadline or answer in (Answer.LATE_ACCEPTED, Answer.LATE_REJECTED)
    due = Due.OPEN if not is_past else Due.EXPIRED if life.deadline_is_expiry else Due.TIMED_OUT
    found = STANDINGS[answer, due]
    if found.state is CommandState.PUBLISHED and not life.is_confirmed:
        return found._replace(state=CommandState.UNCONFIRMED)
    return found


def command_row(life: Life, watermark: int, command_name: str) -> Row:
    """Today's knowledge of a command, at its own place: published_at + crc32(ref) mod 100 ns."""
    command, found = life.command, standing(life, watermark)
    arguments = [{"Id": argument.id, "Value": argument.value} for argument in command.arguments]
    fields: list[Field] = [
        ("state", found.state.value),
        ("command_id", float(command.id)),
        ("ref", command.ref),
        ("arguments", orjson.dumps(arguments).decode()),
        ("expires_at", "" if command.expires_at is None else format_time(command.expires_at)),
        ("attempt", float(life.attempt)),
        *_latencies(life, found),
    ]
    if life.response is not None:
        fields.append(("accepted", float(life.response.accepted)))
    if life.effect_ns is not None:
        fields.append(("effect_ms", life.effect_ns / NS_PER_MS))
    fields += [
        ("answered", float(found.answered)),
        ("ok", float(found.ok)),
        ("failed", float(found.failed)),
        ("timed_out", float(found.timed_out)),
        ("expired", float(found.expired)),
        ("late", float(found.late)),
        ("superseded", float(life.is_superseded)),
        ("confirmed", float(life.is_effective)),
    ]
    return Row(COMMAND, command.serial, "", (("command", command_name),), row_time(command), tuple(fields))


def row_time(command: CommandSent) -> int:
    """The place of a command's row: two commands of one moment differ in their refs."""
    return apart(command.published_at, command.ref)


class Decision(NamedTuple):
    """One decision about a command, as `command_outcome` keeps it: at the deadline, or when the answer came."""

    outcome: Outcome
    at: int


def decisions(life: Life, watermark: int) -> tuple[Decision, ...]:
    """What was decided by now, in order. A late answer is a decision of its own, beside the time-out."""
    arrived_at = arrival_of(life.response) if life.response else None
    found = []
    for outcome in standing(life, watermark).decided:
        at = life.deadline if outcome in (Outcome.TIMED_OUT, Outcome.EXPIRED) else arrived_at
        if at is not None:
            found.append(Decision(outcome, at))
    return tuple(found)


def outcome_row(life: Life, decision: Decision, command_name: str, firmware: str, *, is_refuted: bool = False) -> Row:
    """The row of one decision, at its moment, like `command_row` apart from those of other commands.

    A refuted one has all flags 0, and no latencies.
    """
    is_answer = decision.outcome in (Outcome.ACCEPTED, Outcome.REJECTED)
    flags = {
        "ok": decision.outcome is Outcome.ACCEPTED,
        "failed": decision.outcome is not Outcome.ACCEPTED,
        "timed_out": decision.outcome is Outcome.TIMED_OUT,
        "expired": decision.outcome is Outcome.EXPIRED,
        "late": is_answer and decision.at > life.deadline,
    }
    fields: list[Field] = [("ref", life.command.ref)]
    fields += [(name, float(value and not is_refuted)) for name, value in flags.items()]
    fields.append(("refuted", float(is_refuted)))
    if is_answer and not is_refuted:
        fields += _latencies(life, STANDINGS[_answer(life), Due.TIMED_OUT])
    tags = (("command", command_name), ("firmware", firmware), ("outcome", decision.outcome.value))
    return Row(COMMAND_OUTCOME, life.command.serial, "", tags, apart(decision.at, life.command.ref), tuple(fields))


def paired_row(response: CommandResponse, ref: str | None, command_name: str) -> Row:
    """What is decided about a response: 1 where it answers one of ours, 0 where it is somebody else's."""
    fields = (("paired", float(ref is not None)), ("ref", ref or ""))
    tags = (("command", command_name),)
    return Row(COMMAND_RESPONSE, response.serial, "", tags, response.created_at, fields)


def _answer(life: Life) -> Answer:
    response = life.response
    if response is None:
        return Answer.NONE
    arrived_at = arrival_of(response)
    if arrived_at is not None and arrived_at > life.deadline:
        return Answer.LATE_ACCEPTED if response.accepted else Answer.LATE_REJECTED
    return Answer.ACCEPTED if response.accepted else Answer.REJECTED


def _latencies(life: Life, found: Standing) -> list[Field]:
    response = life.response
    if response is None:
        return []
    created, arrived_at = response.created_at, response.arrived_at
    spans = {
        "delivery_ms": None if response.delivered_at is None else response.delivered_at - created,
        "response_ms": None if arrived_at is None else arrived_at - created,
        "round_trip_ms": None if response.received_at is None else response.received_at - life.command.published_at,
        "lateness_ms": arrived_at - life.deadline if found.late and arrived_at is not None else None,
    }
    return [(name, span / NS_PER_MS) for name, span in spans.items() if span is not None]
