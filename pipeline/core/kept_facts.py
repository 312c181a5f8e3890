"""Facts as they are kept: what the tracker remembers, one small entry each, so that a batch writes only what is new.

Owns the keys and the form of the entries. Pure. Must not know where they are kept, or what they mean together.
"""

from collections.abc import Mapping
from hashlib import sha256
from typing import NamedTuple

import orjson

from pipeline.core.charger_memory import Firmware
from pipeline.core.command_life import Decided
from pipeline.core.command_thread import Sending, content_of
from pipeline.core.sightings import Sighting
from schemas.command import Argument, CommandResponse, CommandSent, Outcome


class Intended(NamedTuple):
    """A sending with decisions of which rows are about to be written: after a crash nobody knows whether they were."""

    sending: Sending


Fact = Sending | Intended | CommandResponse | Sighting | Firmware


class KeptKey(NamedTuple):
    """What an entry is kept under: its charger, and a text that is unlike that of every other fact of it."""

    serial: str
    name: str


def key_of(serial: str, fact: Fact) -> KeptKey:
    """The key of a fact; of a charger's firmware there is one."""
    match fact:
        case Sending(command):
            name = f"sending {command.id} {command.published_at} {command.ref}"
        case Intended(Sending(command)):
            name = f"intended {command.id} {command.published_at} {command.ref}"
        case CommandResponse():
            name = f"response {fact.id} {fact.created_at} {_digest(content_of(fact))}"
        case Sighting():
            name = f"sighting {fact.observation_id} {fact.observed_at} {_digest((fact.arrived_at, fact.value))}"
        case Firmware():
            name = "firmware"
    return KeptKey(serial, name)


def to_bytes(fact: Fact) -> bytes:
    """A fact as it is kept."""
    if isinstance(fact, Intended):
        return to_bytes(fact.sending)
    if isinstance(fact, Sending):
        command, attempt, is_confirmed, decided, superseded_at = fact
        named = [tuple(argument) for argument in command.arguments]
        written = [tuple(each) for each in decided]
        return orjson.dumps((command[:2], named, command[3:], attempt, is_confirmed, written, superseded_at))
    return orjson.dumps(tuple(fact))


def from_bytes(key: KeptKey, content: bytes) -> Fact:
    """The fact of an entry. Raises ValueError for one of no kind that this program knows."""
    members = orjson.loads(content)
    match key.name.partition(" ")[0]:
        case "sending" | "intended" as kind:
            (serial, number), arguments, rest, attempt, is_confirmed, decided, superseded_at = members
            named = tuple(Argument(*argument) for argument in arguments)
            written = tuple(Decided(Outcome(outcome), at, firmware) for outcome, at, firmware in decided)
            command = CommandSent(serial, number, named, *rest)
            sending = Sending(command, attempt, is_confirmed, written, superseded_at)
            return sending if kind == "sending" else Intended(sending)
        case "response":
            return CommandResponse(*members)
        case "sighting":
            return Sighting(*members)
        case "firmware":
            return Firmware(*members)
        case kind:
            raise ValueError(f"an entry of an unknown kind is kept: {kind}")


class Changes:
    """What is to be kept or dropped since somebody asked last. Nothing is put into bytes before."""

    __slots__ = ("_noted",)

    def __init__(self) -> None:
        """Nothing is to be kept."""
        self._noted: list[tuple[str, Fact, bool]] = []

    def keep(self, serial: str, fact: Fact) -> None:
        """This is how the fact is now."""
        self._noted.append((serial, fact, True))

    def drop(self, serial: str, fact: Fact) -> None:
        """The fact is forgotten."""
        self._noted.append((serial, fact, False))

    def clear(self) -> None:
        """Keep nothing of it."""
        self._noted.clear()

    def take(self) -> Mapping[KeptKey, bytes | None]:
        """What is to be kept, by key, None for what is to be dropped; from here on nothing is."""
        taken: dict[KeptKey, bytes | None] = {}
        # The last word on a fact counts.
        for serial, fact, is_kept in reversed(self._noted):
            key = key_of(serial, fact)
            if key not in taken:
                taken[key] = to_bytes(fact) if is_kept else None
        self._noted.clear()
        return taken


def _digest(content: tuple[float | str | None, ...]) -> str:
    return sha256(orjson.dumps(content)).hexdigest()[:16]
