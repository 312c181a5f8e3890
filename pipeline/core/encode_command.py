"""Commands on their way out: what somebody asks for, checked against the catalogue, to the message that Easee expects.

Owns the check (which command, how many arguments, their types, units and ranges), the form on the wire, and the refs
of our own commands. Must not know who asks, whether the message arrives, or what becomes of it.
Source: Easee, "Commands": routing key `<Serial>.C.<Id>`, header `OriginApplication`, content type `text/plain`, body
`{"Id": 48, "ExpiresAt": "…", "Arguments": [{"Id": 1, "Value": "13"}, …]}` with values as text.

How values are shortened, so that one meaning has one text: booleans are `true` and `false`; an integer has no
leading zero, no `+` and no fraction (`13.0` is `13`); a double has a decimal point only where it has a fraction, no
zeros at its end and never an exponent (`16.50` is `16.5`, `1e1` is `10`); text stays as it is. ExpiresAt has seven
digits of a second, as documented; what is finer is cut off.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from difflib import get_close_matches
from hashlib import sha256
from types import MappingProxyType
from typing import NamedTuple

from pipeline.core.coercion import number_of_text, to_boolean
from pipeline.core.redaction import Redaction
from pipeline.core.refusal import RefusedError
from pipeline.core.routing_key import Kind, RoutingKeyReader, parse_id
from pipeline.core.timestamps import format_time, is_plausible
from schemas.catalogue import ArgumentSpec, Catalogue, CommandSpec, ValueType
from schemas.command import Argument, CommandSent

CONTENT_TYPE = "text/plain"
ORIGIN = "OriginApplication"
TTL = "TTL"
"""The argument that `ttl` stands for: after so many minutes a limit falls back by itself."""

TICK_NS = 100
"""The cloud's finest time: what is sent and what is remembered of it are the same."""

_MESSAGE_ID_LENGTH = 32
_LONGEST_SHOWN = 40
_INT32 = 2**31
_NEAR_NAMES = 3


class CommandError(ValueError):
    """This command cannot be sent. Says which part is wrong, and what would be right; no personal value."""


class _Range(NamedTuple):
    """What a number may be. `words` follow the type: "a whole number …"."""

    lowest: int
    highest: int
    words: str


_RANGES: Mapping[str, _Range] = MappingProxyType(
    {
        # 0 pauses. A charger gives 32 A a phase and a circuit feeds several: beyond 80 is a slip of the finger.
        "A": _Range(0, 80, "of ampere from 0 to 80"),
        # No time is shorter than none, and Easee names no longest.
        "min": _Range(0, _INT32 - 1, "of minutes, 0 or more"),
        # What percent means.
        "percent": _Range(0, 100, "of percent from 0 to 100"),
        # Easee names no values; its Integer has 32 bits.
        "": _Range(-_INT32, _INT32 - 1, "of at most 32 bits"),
    },
)
"""By the catalogue's unit."""

_KINDS: Mapping[ValueType, str] = MappingProxyType(
    {
        ValueType.BOOLEAN: "true or false",
        ValueType.DOUBLE: "a number",
        ValueType.INTEGER: "a whole number",
        ValueType.POSITION: "text",
        ValueType.STRING: "text",
    }
)
_WITHOUT_RANGE = (ValueType.BOOLEAN, ValueType.POSITION, ValueType.STRING)


class CheckedCommand(NamedTuple):
    """A command that can be sent.

    `arguments`   as they stand on the wire, personal ones included.
    `expires_at`  nanoseconds since the epoch, UTC, exact to 100 ns; None for no ExpiresAt.
    """

    serial: str
    spec: CommandSpec
    arguments: tuple[Argument, ...]
    expires_at: int | None


class CommandMessage(NamedTuple):
    """What is published: all that the broker is told. The bytes are the same for the same command."""

    routing_key: str
    headers: Mapping[str, str]
    content_type: str
    body: bytes


def find_command(catalogue: Catalogue, text: str) -> CommandSpec:
    """The command of this id, or of this name in any letter case. Raises CommandError, with the nearest names.

    Ids that the catalogue does not have are refused: nobody could say what their arguments would do.
    """
    number = parse_id(text)
    if number is not None and number in catalogue.commands:
        return catalogue.commands[number]
    names = {spec.name.casefold(): spec for spec in catalogue.commands.values()}
    if text.casefold() in names:
        return names[text.casefold()]
    near = [names[name].name for name in get_close_matches(text.casefold(), names, n=_NEAR_NAMES)]
    hint = f"did you mean {' or '.join(near)}?" if near else "`chargeline catalogue --commands` lists them all"
    raise CommandError(f"{_shown(text)} is no command; {hint}")


def check_command(
    catalogue: Catalogue,
    serial: str,
    command: str,
    arguments: Sequence[str],
    *,
    ttl: str | None = None,
    expires_at: int | None = None,
    now: int,
) -> CheckedCommand:
    """What was asked for, if it can be sent.

    `command`     id, or name in any letter case.
    `arguments`   in the order of Easee's table.
    `ttl`         minutes: the argument TTL, which is the last where a command has one; it may as well stand in
                  `arguments`.
    `expires_at`  nanoseconds since the epoch, after `now`.
    Raises CommandError with words for whoever asked.
    """
    spec = find_command(catalogue, command)
    _check_serial(serial, spec)
    texts = _with_ttl(spec, arguments, ttl)
    return CheckedCommand(
        serial=serial,
        spec=spec,
        arguments=tuple(
            Argument(place, _wire_text(argument, text, is_personal=argument.name in spec.personal_arguments))
            for place, (argument, text) in enumerate(zip(spec.arguments, texts, strict=True), start=1)
        ),
        expires_at=None if expires_at is None else _check_expiry(expires_at, now),
    )


def encode_command(command: CheckedCommand, operator: str) -> CommandMessage:
    """The message; `operator` is the name that Easee knows the operator by."""
    members: dict[str, object] = {"Id": command.spec.id}
    if command.expires_at is not None:
        members["ExpiresAt"] = _wire_time(command.expires_at)
    members["Arguments"] = [{"Id": argument.id, "Value": argument.value} for argument in command.arguments]
    return CommandMessage(
        routing_key=_routing_key(command.serial, command.spec),
        headers=MappingProxyType({ORIGIN: f"{operator}.Easee"}),
        content_type=CONTENT_TYPE,
        # The spaces between members are the documentation's, so that bodies can be compared byte by byte.
        body=json.dumps(members, ensure_ascii=False).encode(),
    )


def sent_command(command: CheckedCommand, published_at: int, ref: str, redaction: Redaction) -> CommandSent:
    """The record of sending it: `published_at` by our clock, cut to 100 ns; personal arguments redacted."""
    personal = {
        place
        for place, argument in enumerate(command.spec.arguments, start=1)
        if argument.name in command.spec.personal_arguments
    }
    return CommandSent(
        serial=command.serial,
        id=command.spec.id,
        arguments=tuple(
            argument._replace(value=redaction.redact_text(argument.value)) if argument.id in personal else argument
            for argument in command.arguments
        ),
        expires_at=command.expires_at,
        published_at=published_at - published_at % TICK_NS,
        ref=ref,
        received_at=None,
    )


def retry_message_id(first_ref: str, attempt: int) -> str:
    """The `message_id` of a retry, from which its ref follows: 32 hexadecimal digits, the same for the same parts.

    `attempt` is 1 for the first retry.
    """
    return sha256(f"{first_ref} {attempt}".encode()).hexdigest()[:_MESSAGE_ID_LENGTH]


def describe_arguments(spec: CommandSpec) -> str:
    """The arguments of a command in words: `Current_Amp (a whole number of ampere from 0 to 80), TTL (…)`."""
    return ", ".join(f"{argument.name} ({_expected(argument)})" for argument in spec.arguments) or "no arguments"


def _routing_key(serial: str, spec: CommandSpec) -> str:
    return f"{serial}.{Kind.COMMAND}.{spec.id}"


def _check_serial(serial: str, spec: CommandSpec) -> None:
    """A serial with a dot would make another key of it."""
    try:
        RoutingKeyReader().read(_routing_key(serial, spec))
    except RefusedError:
        words = f"the serial {_shown(serial)} must be 1 to 64 letters, digits, - or _, such as EH123456"
        raise CommandError(words) from None


def _with_ttl(spec: CommandSpec, arguments: Sequence[str], ttl: str | None) -> tuple[str, ...]:
    """The text of every argument. Raises CommandError where their number is not the command's."""
    has_ttl = bool(spec.arguments) and spec.arguments[-1].name == TTL
    if ttl is not None and not has_ttl:
        raise CommandError(f"{spec.name} has no {TTL}: it stays in force; leave the TTL out")
    texts = tuple(arguments) if ttl is None else (*arguments, ttl)
    expected = len(spec.arguments)
    if has_ttl and ttl is not None and len(arguments) == expected:
        raise CommandError(f"{spec.name}: {TTL} is given twice, as the last argument and as the TTL; leave one out")
    if len(texts) == expected:
        return texts
    words = f"{spec.name} takes {expected or 'no'} argument{'' if expected == 1 else 's'}, {len(texts)} given"
    if expected == 0:
        raise CommandError(f"{words}; leave them out")
    missing = f"{TTL} is missing: " if has_ttl and ttl is None and len(texts) == expected - 1 else ""
    raise CommandError(f"{words}; {missing}it takes {describe_arguments(spec)}")


def _wire_text(argument: ArgumentSpec, text: str, *, is_personal: bool) -> str:
    """The argument as it stands on the wire. Raises CommandError."""
    value = _WIRE_TEXTS[argument.type](text, _RANGES[argument.unit])
    if value is None:
        given = "" if is_personal else f", not {_shown(text)}"
        raise CommandError(f"{argument.name} must be {_expected(argument)}{given}")
    return value


def _wire_boolean(text: str, _: _Range) -> str | None:
    value = to_boolean(text)
    return None if not isinstance(value, float) else "true" if value else "false"


def _wire_integer(text: str, allowed: _Range) -> str | None:
    number = number_of_text(text)
    # Beyond the range a float may have lost digits; within it, it has all of them.
    if number is None or not allowed.lowest <= number <= allowed.highest or not number.is_integer():
        return None
    return str(int(number))


def _wire_double(text: str, allowed: _Range) -> str | None:
    number = number_of_text(text)
    if number is None or not allowed.lowest <= number <= allowed.highest:
        return None
    return str(int(number)) if number.is_integer() else f"{Decimal(repr(number)):f}"


def _wire_string(text: str, _: _Range) -> str | None:
    try:
        return text if text.encode() else None
    except UnicodeEncodeError:
        return None


_WIRE_TEXTS: Mapping[ValueType, Callable[[str, _Range], str | None]] = MappingProxyType(
    {
        ValueType.BOOLEAN: _wire_boolean,
        ValueType.DOUBLE: _wire_double,
        ValueType.INTEGER: _wire_integer,
        ValueType.POSITION: _wire_string,
        ValueType.STRING: _wire_string,
    }
)


def _expected(argument: ArgumentSpec) -> str:
    kind = _KINDS[argument.type]
    return kind if argument.type in _WITHOUT_RANGE else f"{kind} {_RANGES[argument.unit].words}"


def _check_expiry(expires_at: int, now: int) -> int:
    if expires_at <= now:
        raise CommandError("ExpiresAt lies in the past; name a time to come, or leave it out")
    if not is_plausible(expires_at):
        raise CommandError("ExpiresAt must be a time before 2262")
    return expires_at - expires_at % TICK_NS


def _wire_time(time: int) -> str:
    """`2023-05-04T17:00:23.6305199Z`: seven digits, as documented."""
    return f"{format_time(time)[:-3]}Z"


def _shown(text: str) -> str:
    shown = text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
    return repr(shown)
