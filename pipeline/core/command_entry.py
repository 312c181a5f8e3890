"""What somebody is shown of a command: one JSON object, the same over HTTP and from the command line.

Owns its members, named like the fields of the measurement `command` where they mean the same. Must not know who asks,
or how a command came to be known.
"""

from collections.abc import Mapping
from typing import NamedTuple

from pipeline.core.body import Json
from pipeline.core.command_life import CommandState, Life, standing
from pipeline.core.command_rows import command_row
from pipeline.core.timestamps import format_time
from schemas.catalogue import Catalogue

LATENCIES = ("delivery_ms", "response_ms", "round_trip_ms", "lateness_ms", "effect_ms")
FLAGS = ("answered", "ok", "failed", "timed_out", "expired", "late", "superseded", "confirmed")


class SentCommand(NamedTuple):
    """A command of ours, and the moment up to which everything about it is known."""

    life: Life
    watermark: int

    @property
    def state(self) -> CommandState:
        """What is known of it."""
        return standing(self.life, self.watermark).state

    @property
    def is_open(self) -> bool:
        """Whether an answer is still waited for: none came, and its deadline has not passed."""
        return self.state in (CommandState.PUBLISHED, CommandState.UNCONFIRMED)


def sending_entry(sent: SentCommand, catalogue: Catalogue) -> dict[str, Json]:
    """What never changes: which command was sent to whom, and when. Personal arguments as redacted.

    Times are text, UTC, nine digits of a second; `expires_at` is null where there is none.
    """
    command = sent.life.command
    return {
        "ref": command.ref,
        "serial": command.serial,
        "command": catalogue.command_name(command.id),
        "command_id": command.id,
        "arguments": [argument.value for argument in command.arguments],
        "published_at": format_time(command.published_at),
        "expires_at": None if command.expires_at is None else format_time(command.expires_at),
        "deadline": format_time(sent.life.deadline),
        "attempt": sent.life.attempt,
    }


def command_entry(sent: SentCommand, catalogue: Catalogue) -> dict[str, Json]:
    """All that is known today.

    Beside what was sent: `state`, the flags as true and false, each latency in milliseconds or null, `readback` (the
    observation ids that would show the effect), and of the answer `result_code` and `comment`, null while there is
    none.
    """
    life = sent.life
    name = catalogue.command_name(life.command.id)
    fields: Mapping[str, float | str] = dict(command_row(life, standing(life, sent.watermark), name).fields)
    spec = catalogue.commands.get(life.command.id)
    response = life.response
    return {
        **sending_entry(sent, catalogue),
        "state": sent.state.value,
        **{flag: bool(fields[flag]) for flag in FLAGS},
        **{latency: fields.get(latency) for latency in LATENCIES},
        "readback": list(spec.readback) if spec else [],
        "result_code": response.result_code if response else None,
        "comment": response.comment if response else None,
    }
