"""Session documents: what a ChargingSession or a ChargingSessionStart says, read from its JSON.

Owns the names of the members and what is too odd to be believed. Pure: a function of one message. Must not know which
row a document belongs to, or what else is known of its session.

Letter case of members does not matter, nor do `_`, `-` and spaces in their names; members without a meaning here are
passed over. What cannot be read is left away, but without a start there is no session, save that the message which
tells of the start is stamped then. Seen: Id, Start, Stop, Energy, MeterValue; the rest of the names is what Easee's
other interfaces call the same.
"""

from collections.abc import Mapping
from math import isfinite
from types import MappingProxyType
from typing import NamedTuple

import orjson

from pipeline.core.body import Json
from pipeline.core.coercion import number_of_text
from pipeline.core.timestamps import NS_PER_S, is_plausible, parse_time
from schemas.observation import Observation

SESSION_ID = 129
START_ID = 223

LATE_ENERGY_NS = 2_400 * NS_PER_S
"""How long after a session something is still said of it."""

LONGEST_NS = 30 * 86_400 * NS_PER_S
"""A session is not followed for longer."""

_AHEAD_NS = 60 * NS_PER_S
"""How far a start may be past the message that tells of it: a charger's clock is set now and then."""


class Document(NamedTuple):
    """What one message says of a session.

    `start`, `stop`  nanoseconds since the epoch, by the charger's clock; `stop` None where it goes on.
    `kwh`            its energy, None where nothing is said of it.
    `id`             Easee's number of it, as text; empty where there is none. Not personal.
    """

    start: int
    stop: int | None
    kwh: float | None
    id: str


def read_document(observation: Observation) -> Document | None:
    """What an observation of one of the two ids says; None where that is nothing."""
    members = _members(observation.value)
    if members is None:
        return None
    start = _time(members.get("start"))
    if start is None and observation.id == START_ID:
        start = observation.observed_at
    if start is None or start > observation.observed_at + _AHEAD_NS:
        return None
    stop = _time(members.get("stop"))
    if stop is not None and stop < start:
        stop = None
    if stop is not None and stop - start > LONGEST_NS:
        return None
    return Document(start, stop, _energy(members.get("energy")), _identity(members.get("id")))


def is_told_in_time(document: Document, observed_at: int) -> bool:
    """Whether it was told while its session went on, or soon after; later, it is an old one that is told again."""
    end = document.start if document.stop is None else document.stop
    return observed_at <= end + LATE_ENERGY_NS


_MEANINGS: Mapping[str, str] = MappingProxyType(
    {
        "id": "id",
        "sessionid": "id",
        "chargingsessionid": "id",
        "start": "start",
        "sessionstart": "start",
        "starttime": "start",
        "stop": "stop",
        "end": "stop",
        "sessionstop": "stop",
        "sessionend": "stop",
        "stoptime": "stop",
        "endtime": "stop",
        "energy": "energy",
        "energykwh": "energy",
        "sessionenergy": "energy",
        "kilowatthours": "energy",
    }
)
"""By the name of a member, without what does not matter in it."""

_MATTERS_NOT = str.maketrans("", "", "_- ")


def _members(value: float | str | None) -> Mapping[str, Json] | None:
    """The members by meaning; of several with one meaning the first that says anything."""
    if not isinstance(value, str):
        return None
    try:
        document: Json = orjson.loads(value)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(document, dict):
        return None
    found: dict[str, Json] = {}
    for name, member in document.items():
        meaning = _MEANINGS.get(name.translate(_MATTERS_NOT).lower())
        if meaning is not None and found.get(meaning) is None:
            found[meaning] = member
    return found


def _time(member: Json) -> int | None:
    time = parse_time(member) if isinstance(member, str) else None
    return time if time is not None and is_plausible(time) else None


def _energy(member: Json) -> float | None:
    """Kilowatt-hours; a number below zero says nothing."""
    number = number_of_text(member) if isinstance(member, str) else member
    if isinstance(number, bool) or not isinstance(number, int | float) or not isfinite(number):
        return None
    return float(number) if number >= 0 else None


def _identity(member: Json) -> str:
    if isinstance(member, bool):
        return ""
    if isinstance(member, float) and member.is_integer():
        return str(int(member))
    return str(member).strip() if isinstance(member, str | int | float) else ""
