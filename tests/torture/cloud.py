"""The cloud and the chargers behind it, as far as commands go: who answers, how, and when.

Owns the fates of commands. Pure: a fate is drawn from the command's own name. Imports nothing of the program under
test.
"""

from collections.abc import Callable, Mapping
from random import Random
from types import MappingProxyType
from typing import NamedTuple

import orjson

from tests.torture.folder import TIMEOUT_S
from tests.torture.messages import MS, S, Said, stamp

READBACKS: Mapping[int, int] = MappingProxyType({47: 47, 48: 48})
"""Which observation shows the effect of which command, by the documents."""
NAMES: Mapping[int, str] = MappingProxyType({1: "Reboot", 47: "SetMaxChargerCurrent", 48: "SetDynamicChargerCurrent"})
ANSWERED_NS = 366_107_000
DELIVERED_NS = 119_107_000


class Due(NamedTuple):
    """What is said so long after the command came."""

    after_ns: int
    said: Said


class Command(NamedTuple):
    """A command as the cloud took it. `created_at` is the cloud's moment; `amperes` its first argument, if any."""

    serial: str
    command_id: int
    amperes: int | None
    created_at: int


def read_command(routing_key: str, body: bytes, created_at: int) -> Command:
    serial, _, number = routing_key.split(".")
    arguments = orjson.loads(body)["Arguments"]
    return Command(serial, int(number), int(arguments[0]["Value"]) if arguments else None, created_at)


def answer(command: Command, after_ns: int, *, is_accepted: bool = True) -> Due:
    created = command.created_at
    body = {
        "Comment": None if is_accepted else "busy",
        "DeliveredAt": stamp(created + DELIVERED_NS),
        "Id": command.command_id,
        "ResultCode": None if is_accepted else 7,
        "SerialNumber": command.serial,
        "Ticks": 621_355_968_000_000_000 + created // 100,
        "Timestamp": stamp(created),
        "WasAccepted": is_accepted,
    }
    key = f"{command.serial}.CR.{command.command_id}"
    return Due(after_ns, Said(key, stamp(created + after_ns), orjson.dumps(body)))


def readback(command: Command, after_ns: int) -> list[Due]:
    """The observation that shows the new value; none of a command that sets none."""
    number = READBACKS.get(command.command_id)
    if number is None:
        return []
    at = command.created_at + after_ns
    body = {"Id": number, "Name": "", "Timestamp": stamp(at // S * S), "Value": command.amperes}
    return [Due(after_ns, Said(f"{command.serial}.O.{number}", stamp(at), orjson.dumps(body)))]


FATES: Mapping[str, tuple[int, Callable[[Command], list[Due]]]] = MappingProxyType(
    {
        "in effect": (40, lambda it: [answer(it, ANSWERED_NS), *readback(it, 900 * MS)]),
        "shown first": (10, lambda it: [*readback(it, 200 * MS), answer(it, ANSWERED_NS)]),
        "without effect": (10, lambda it: [answer(it, ANSWERED_NS)]),
        "refused": (10, lambda it: [answer(it, ANSWERED_NS, is_accepted=False)]),
        "late": (10, lambda it: [answer(it, (TIMEOUT_S + 3) * S), *readback(it, (TIMEOUT_S + 4) * S)]),
        "refused late": (5, lambda it: [answer(it, (TIMEOUT_S + 3) * S, is_accepted=False)]),
        "never": (15, lambda _: []),
    }
)


def fate_of(name: str) -> str:
    """What becomes of the command of this name, whoever asks and whenever."""
    fates = list(FATES)
    return Random(name).choices(fates, [FATES[fate][0] for fate in fates])[0]
