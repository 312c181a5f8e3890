"""Facts as they are kept: what the tracker remembers, one small entry each, so that a batch writes only what is new.

Owns the keys and the form of the entries. Pure. Must not know where they are kept, or what they mean together.
"""

from hashlib import sha256
from typing import NamedTuple

import orjson

from pipeline.core.charger_memory import Firmware, Place
from pipeline.core.command_life import Decision
from pipeline.core.command_thread import Sending, content_of
from pipeline.core.confirmation import Sighting
from schemas.command import Argument, CommandResponse, CommandSent, Outcome


class Decided(NamedTuple):
    """A decision that was written of a sending, and the firmware it was written under."""

    place: Place
    decision: Decision
    firmware: str


Fact = Sending | CommandResponse | Decided | Sighting | Firmware


class KeptKey(NamedTuple):
    """What an entry is kept under: its charger, and a text that is unlike that of every other fact of it."""

    serial: str
    name: str


def key_of(serial: str, fact: Fact) -> KeptKey:
    """The key of a fact; of a charger's firmware there is one."""
    match fact:
        case Sending(command):
            name = f"sending {command.id} {command.published_at} {command.ref}"
        case CommandResponse():
            name = f"response {fact.id} {fact.created_at} {_digest(content_of(fact))}"
        case Decided(place, decision):
            name = f"decided {place.command_id} {place.published_at} {place.ref} {decision.outcome} {decision.at}"
        case Sighting():
            name = f"sighting {fact.observation_id} {fact.observed_at} {_digest(repr((fact.arrived_at, fact.value)))}"
        case Firmware():
            name = "firmware"
    return KeptKey(serial, name)


def to_bytes(fact: Fact) -> bytes:
    """A fact as it is kept."""
    return orjson.dumps(fact, default=tuple)


def from_bytes(key: KeptKey, content: bytes) -> Fact:
    """The fact of an entry. Raises ValueError for one of no kind that this program knows."""
    members = orjson.loads(content)
    match key.name.partition(" ")[0]:
        case "sending":
            (serial, number, arguments, *rest), attempt, is_confirmed = members
            named = tuple(Argument(*argument) for argument in arguments)
            return Sending(CommandSent(serial, number, named, *rest), attempt, is_confirmed)
        case "response":
            return CommandResponse(*members)
        case "decided":
            place, (outcome, at), firmware = members
            return Decided(Place(*place), Decision(Outcome(outcome), at), firmware)
        case "sighting":
            return Sighting(*members)
        case "firmware":
            return Firmware(*members)
        case kind:
            raise ValueError(f"an entry of an unknown kind is kept: {kind}")


def _digest(text: str) -> str:
    return sha256(text.encode(errors="surrogatepass")).hexdigest()[:16]
