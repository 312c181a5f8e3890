"""The body of a request to send a command: JSON members to a checked command.

Owns the members, and what they may be. Must not know HTTP, or the rules of commands (`core.encode_command`).

    {"serial": "EH123456", "command": "SetDynamicChargerCurrent", "arguments": ["13"], "ttl": 5, "expires_in_s": 60}
"""

from collections.abc import Mapping
from difflib import get_close_matches
from math import isfinite
from typing import NamedTuple

import orjson

from pipeline.core.body import Json
from pipeline.core.coercion import compact_json
from pipeline.core.encode_command import CheckedCommand, CommandError, check_command
from pipeline.core.refusal import RefusedError
from pipeline.core.timestamps import NS_PER_S, has_zone, parse_time
from schemas.catalogue import Catalogue
from schemas.reject import RejectReason

MEMBERS = ("serial", "command", "arguments", "ttl", "expires_in_s", "expires_at")
LONGEST_EXPIRY_S = 366 * 24 * 3_600


class CommandBody(NamedTuple):
    """A request that can be carried out. `identity` is what makes two requests the same."""

    command: CheckedCommand
    identity: tuple[str, ...]


def read_command_body(members: Mapping[str, Json], catalogue: Catalogue, now: int) -> CommandBody:
    """What is asked for. `now` is our clock, from which `expires_in_s` counts.

    Raises RefusedError (`shape`) for members that are missing, unknown or of a wrong type, CommandError for a command
    that cannot be sent.
    """
    _check_names(members)
    arguments = members.get("arguments", [])
    if not isinstance(arguments, list):
        raise _shape("arguments must be a list of texts, numbers, true or false")
    ttl = members.get("ttl")
    command = check_command(
        catalogue,
        _need_text(members, "serial"),
        _text("command", members.get("command")),
        [_text(f"argument {place}", argument) for place, argument in enumerate(arguments, start=1)],
        ttl=None if ttl is None else _text("ttl", ttl),
        expires_at=_expiry(members, now),
        now=now,
    )
    # Not the expiry itself: of a repeated request it would be another moment.
    expiry = orjson.dumps([members.get("expires_in_s"), members.get("expires_at")]).decode()
    values = (argument.value for argument in command.arguments)
    return CommandBody(command, (command.serial, f"{command.spec.id}", expiry, *values))


def _check_names(members: Mapping[str, Json]) -> None:
    for name in members:
        if name not in MEMBERS:
            near = get_close_matches(name, MEMBERS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(MEMBERS)}"
            raise _shape(f"an unknown member; {hint}")


def _need_text(members: Mapping[str, Json], name: str) -> str:
    value = members.get(name)
    if not isinstance(value, str):
        raise _shape(f"{name} must be a text")
    return value


def _text(what: str, value: Json) -> str:
    """Text as it is, and a number, true or false as JSON writes it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return compact_json(value)
    raise _shape(f"{what} must be a text or a number")


def _expiry(members: Mapping[str, Json], now: int) -> int | None:
    seconds, moment = members.get("expires_in_s"), members.get("expires_at")
    if seconds is not None and moment is not None:
        raise CommandError("expires_in_s and expires_at are both given; leave one out")
    if seconds is not None:
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not isfinite(seconds):
            raise _shape("expires_in_s must be a number of seconds")
        if not 0 < seconds <= LONGEST_EXPIRY_S:
            raise CommandError(f"expires_in_s must be above 0 and at most {LONGEST_EXPIRY_S}")
        return now + round(seconds * NS_PER_S)
    if moment is None:
        return None
    time = parse_time(moment) if isinstance(moment, str) and has_zone(moment) else None
    if time is None:
        raise _shape("expires_at must be a time with its zone, like 2026-01-31T12:34:56Z")
    return time


def _shape(detail: str) -> RefusedError:
    return RefusedError(RejectReason.SHAPE, detail)
