"""Rows about commands: how what is known of them stands in the store.

Owns the fields of `command` and `command_outcome`, those of `command_response` that are decided later, and the
latencies with their clocks. Pure. Must not know when a row is written, or what was written before (the tracker).

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

from functools import lru_cache

import orjson

from pipeline.core.apart import apart
from pipeline.core.command_life import Decided, Life, Standing
from pipeline.core.timestamps import NS_PER_MS, format_time
from schemas.command import Argument, CommandResponse, CommandSent, Outcome
from schemas.measurement import COMMAND, COMMAND_OUTCOME, COMMAND_RESPONSE
from schemas.row import Field, Row

_MOST_ARGUMENTS = 4_096


def command_row(life: Life, found: Standing, command_name: str) -> Row:
    """Today's knowledge of a command, at its own place: published_at + crc32(ref) mod 100 ns."""
    command = life.command
    fields: list[Field] = [
        ("state", found.state.value),
        ("command_id", float(command.id)),
        ("ref", command.ref),
        ("arguments", _in_json(command.arguments)),
        ("expires_at", "" if command.expires_at is None else format_time(command.expires_at)),
        ("attempt", float(life.attempt)),
        *_latencies(life, is_late=found.late),
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


def outcome_row(life: Life, decided: Decided, command_name: str, *, is_refuted: bool = False) -> Row:
    """The row of one decision, at its moment, like `command_row` apart from those of other commands.

    A refuted one has all flags 0, and no latencies.
    """
    is_answer = decided.outcome in (Outcome.ACCEPTED, Outcome.REJECTED)
    is_late = is_answer and decided.at > life.deadline
    flags = {
        "ok": decided.outcome is Outcome.ACCEPTED,
        "failed": decided.outcome is not Outcome.ACCEPTED,
        "timed_out": decided.outcome is Outcome.TIMED_OUT,
        "expired": decided.outcome is Outcome.EXPIRED,
        "late": is_late,
    }
    fields: list[Field] = [("ref", life.command.ref)]
    fields += [(name, float(value and not is_refuted)) for name, value in flags.items()]
    fields.append(("refuted", float(is_refuted)))
    if is_answer and not is_refuted:
        fields += _latencies(life, is_late=is_late)
    tags = (("command", command_name), ("firmware", decided.firmware), ("outcome", decided.outcome.value))
    return Row(COMMAND_OUTCOME, life.command.serial, "", tags, apart(decided.at, life.command.ref), tuple(fields))


def paired_row(response: CommandResponse, ref: str | None, command_name: str) -> Row:
    """What is decided about a response: 1 where it answers one of ours, 0 where it is somebody else's."""
    fields = (("paired", float(ref is not None)), ("ref", ref or ""))
    tags = (("command", command_name),)
    return Row(COMMAND_RESPONSE, response.serial, "", tags, response.created_at, fields)


def _latencies(life: Life, *, is_late: bool) -> list[Field]:
    response = life.response
    if response is None:
        return []
    created, arrived_at = response.created_at, response.arrived_at
    found: list[Field] = []
    if response.delivered_at is not None:
        found.append(("delivery_ms", (response.delivered_at - created) / NS_PER_MS))
    if arrived_at is not None:
        found.append(("response_ms", (arrived_at - created) / NS_PER_MS))
    if response.received_at is not None:
        found.append(("round_trip_ms", (response.received_at - life.command.published_at) / NS_PER_MS))
    if arrived_at is not None and is_late:
        found.append(("lateness_ms", (arrived_at - life.deadline) / NS_PER_MS))
    return found


@lru_cache(_MOST_ARGUMENTS)
def _in_json(arguments: tuple[Argument, ...]) -> str:
    """Arguments as in the body of a command. They are the same few over and over again."""
    return orjson.dumps([{"Id": argument.id, "Value": argument.value} for argument in arguments]).decode()
