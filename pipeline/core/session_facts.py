"""Facts for sessions: what one message says, and how it is kept.

Owns which observations say something of a session, the keys, and the form of the entries. Pure. Must not know where
they are kept, or what they mean together.
"""

from collections.abc import Callable, Mapping
from hashlib import sha256
from types import MappingProxyType
from typing import NamedTuple

import orjson

from pipeline.core.same_stamp import spread_stamp
from pipeline.core.session_json import SESSION_ID, START_ID, Document, read_document
from pipeline.core.session_modes import Mode, Presence, presence_of
from pipeline.core.timestamps import NS_PER_S
from schemas.observation import Observation

MODE_ID = 109
ENERGY_ID = 121


class Place(NamedTuple):
    """Where a row is, and the watermark at which that was decided."""

    start: int
    since: int


SessionFact = Mode | Document | Place
"""What has an entry of its own; energies are kept together, see `pipeline.core.session_log`."""


def fact_of(observation: Observation) -> SessionFact | None:
    """What an observation of a charger says of sessions; None where that is nothing, or energy."""
    read = _READ.get(observation.id)
    return None if read is None else read(observation)


def name_of(fact: SessionFact) -> str:
    """What a fact of a charger is kept under. What replaces another is kept in its stead."""
    match fact:
        case Mode():
            return f"session mode {fact.key // NS_PER_S}"
        case Document():
            return f"session document {fact.start} {sha256(orjson.dumps(fact[1:])).hexdigest()[:16]}"
        case Place():
            return f"session place {fact.start}"


def to_bytes(fact: SessionFact) -> bytes:
    """A fact as it is kept."""
    return orjson.dumps(tuple(fact))


def from_bytes(name: str, content: bytes) -> SessionFact:
    """The fact of an entry. Raises ValueError for one of no kind that this program knows."""
    members = orjson.loads(content)
    match name.split(" ")[:2]:
        case ["session", "mode"]:
            key, presence = members
            return Mode(key, Presence(presence))
        case ["session", "document"]:
            return Document(*members)
        case ["session", "place"]:
            return Place(*members)
        case _:
            raise ValueError(f"an entry of an unknown kind is kept: {name}")


def _mode(observation: Observation) -> Mode | None:
    _, _, _, _, code, crc, observed_at, arrived_at, _ = observation
    if not isinstance(code, float):
        return None
    return Mode(spread_stamp(observed_at, arrived_at, crc), presence_of(code))


_READ: Mapping[int, Callable[[Observation], SessionFact | None]] = MappingProxyType(
    {MODE_ID: _mode, SESSION_ID: read_document, START_ID: read_document}
)

WANTED = frozenset({*_READ, ENERGY_ID})
"""Ids of observations of chargers that say something of sessions."""
