"""Facts about one charger, and a store of what the tracker says of them."""

from collections.abc import Iterable, Sequence

from pipeline.core.kept_facts import KeptKey
from pipeline.core.tracker import Tracker
from schemas.catalogue import shipped_catalogue
from schemas.command import Argument, CommandResponse, CommandSent
from schemas.measurement import COMMAND
from schemas.observation import Observation, Product
from schemas.row import Row

CATALOGUE = shipped_catalogue()
S = 10**9
START = 1_700_000_000 * S
TIMEOUT = 60 * S
KEPT = 6 * 3_600 * S
END = START + 600 * S

Fact = CommandSent | CommandResponse | Observation
Rows = dict[tuple[str, str, tuple[tuple[str, str], ...], int], dict[str, float | str]]


def sent(seconds: float, ref: str = "a", command_id: int = 48, expires_in: float | None = None) -> CommandSent:
    at = START + int(seconds * S)
    expires_at = None if expires_in is None else at + int(expires_in * S)
    return CommandSent("EH1", command_id, (Argument(1, "13"),), expires_at, at, ref, at)


def answered(seconds: float, after: float = 1, command_id: int = 48, accepted: bool = True) -> CommandResponse:
    at = START + int(seconds * S)
    return CommandResponse("EH1", command_id, accepted, None, at, at, at + int(after * S), None, None, None)


def shown(seconds: float, value: float, observation_id: int = 48) -> Observation:
    at = START + int(seconds * S)
    return Observation("EH1", Product.CHARGER, observation_id, None, value, 0, at, at + S, None)


def applied(rows: Rows, written: Iterable[Row]) -> Rows:
    for row in written:
        rows.setdefault((row.measurement, row.charger, row.tags, row.time), {}).update(row.fields)
    return rows


COUNTS_WHERE = {
    "accepted": "answered",
    "delivery_ms": "answered",
    "response_ms": "answered",
    "round_trip_ms": "answered",
    "lateness_ms": "late",
    "effect_ms": "confirmed",
}


def final(rows: Rows) -> Rows:
    """What counts: see pipeline.core.command_life."""
    return {
        key: {
            name: value
            for name, value in fields.items()
            if key[0] != COMMAND or fields.get(COUNTS_WHERE.get(name, "")) != 0.0
        }
        for key, fields in rows.items()
        if fields.get("refuted") != 1.0
    }


def feed(tracker: Tracker, fact: Fact) -> None:
    match fact:
        case CommandSent():
            tracker.add_command(fact)
        case CommandResponse():
            tracker.add_response(fact)
        case Observation():
            tracker.add_observation(fact)


def at_once(facts: Sequence[Fact], watermark: int = END) -> Rows:
    tracker = Tracker(CATALOGUE, TIMEOUT, KEPT)
    for fact in facts:
        feed(tracker, fact)
    return final(applied({}, tracker.advance(watermark).rows))


def only(rows: Rows, measurement: str) -> dict[str, float | str]:
    (found,) = [fields for key, fields in rows.items() if key[0] == measurement]
    return found


def keep(kept: dict[KeptKey, bytes], tracker: Tracker) -> None:
    """What a state file does with changes."""
    for key, content in tracker.changes().items():
        if content is None:
            kept.pop(key, None)
        else:
            kept[key] = content
    tracker.kept()
