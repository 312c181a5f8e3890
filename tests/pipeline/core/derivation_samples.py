"""Records of some chargers, and a disk on which a derivation is kept."""

from collections.abc import Mapping, Sequence

from pipeline.core.decode import Outcome
from pipeline.core.derivation import Derivation, Spans
from pipeline.core.kept_facts import KeptKey
from pipeline.core.progress import Progress
from schemas.catalogue import shipped_catalogue
from schemas.command import Argument, CommandResponse, CommandSent
from schemas.measurement import ALERT, COMMAND_OUTCOME
from schemas.observation import Observation, Product
from schemas.row import Row

S = 10**9
T = 1_750_000_000 * S
SPANS = Spans(timeout=60 * S, silent_after=20 * 60 * S, late_data=6 * 3_600 * S)
CATALOGUE = shipped_catalogue()

Key = tuple[str, str, tuple[tuple[str, str], ...], int]
Kept = dict[Key, dict[str, float | str]]


def sent(ref: str, at: float = 0, serial: str = "EH1", amperes: str = "13") -> CommandSent:
    arguments = (Argument(1, amperes), Argument(2, "5"))
    return CommandSent(serial, 48, arguments, None, T + int(at * S), ref, None)


def answered(at: float, *, serial: str = "EH1", after: float = 0.4, accepted: bool = True) -> CommandResponse:
    created = T + int(at * S)
    arrived = created + int(after * S)
    return CommandResponse(serial, 48, accepted, None, created, created + S // 10, arrived, None, None, arrived)


def seen(at: float, value: float = 13.0, serial: str = "EH1", number: int = 48) -> Observation:
    observed = T + int(at) * S
    arrived = T + int(at * S)
    return Observation(serial, Product.CHARGER, number, "x", value, 0, observed, arrived, arrived)


def told(derivation: Derivation, *outcomes: Outcome) -> tuple[Row, ...]:
    """The rows of one round that is kept."""
    derivation.take(outcomes)
    rows = derivation.advance().rows
    derivation.progress()
    derivation.kept()
    return rows


def fields(rows: Sequence[Row], measurement: str) -> list[dict[str, float | str]]:
    return [dict(row.fields) for row in rows if row.measurement == measurement]


class Disk:
    """What a state file and a store would have."""

    def __init__(self) -> None:
        self.facts: dict[KeptKey, bytes] = {}
        self.heard: dict[str, int] = {}
        self.watermark: int | None = None
        self.rows: Kept = {}

    def write(self, rows: Sequence[Row]) -> None:
        for row in rows:
            key = (row.measurement, row.charger, row.tags, row.time)
            self.rows.setdefault(key, {}).update(row.fields)

    def keep(self, progress: Progress | None) -> None:
        if progress is None:
            return
        for key, content in progress.facts.items():
            if content is None:
                self.facts.pop(key, None)
            else:
                self.facts[key] = content
        self.heard = {**({} if progress.is_all else self.heard), **progress.heard}
        self.watermark = progress.watermark

    def intend(self, intended: Mapping[KeptKey, bytes]) -> None:
        self.facts.update(intended)

    def load(self) -> Derivation:
        derivation = Derivation(CATALOGUE, SPANS)
        derivation.restore(self.facts.items(), self.heard, self.watermark)
        return derivation


def true_rows(rows: Kept) -> Kept:
    """Without what was taken back: whole rows, and the fields that do not count (see command_life and hours)."""
    return {
        key: {
            name: value
            for name, value in values.items()
            if name != "messages" and (name not in ONLY_WHERE or values[ONLY_WHERE[name]])
        }
        for key, values in rows.items()
        if not (key[0] == COMMAND_OUTCOME and values["refuted"])
        and not (key[0] == ALERT and not values["active"] and not values["duration_s"])
    }


ONLY_WHERE = {"effect_ms": "confirmed", "lateness_ms": "late"}
