"""Recomputation: hours, snapshots and sessions of the past, anew from the facts that a store keeps.

Owns what of the past is computed from what, and which of it may be written over what is there. Pure. Must not know
stores, or how facts are read from them.

Facts come in the order of their stamps, a slice of time after the other, so nothing is late here: what reached the
cloud too late for the rows that were written live is honoured now, and energy is spread evenly where a meter was read
late. What a store does not keep cannot be had again:
- `messages` and `device_to_cloud_ms_max` of an hour are left as they were written;
- when a charger was heard is told by the alerts of its silences (`pipeline.core.known_silences`). Where nobody wrote
  these, at the end of a store, before a charger's first message, or with AMQP_SHARE, it is worked out from facts
  (`pipeline.core.arrivals`), and may be a second or so from what was true.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from pipeline.core.arrivals import PROMPT_NS, Arrivals, Said
from pipeline.core.chronicle import Chronicle
from pipeline.core.clock_offset import HOUR_NS
from pipeline.core.known_silences import KnownSilences, SilenceEdge
from pipeline.core.stored_facts import StoredFacts
from pipeline.core.timestamps import NS_PER_MS, NS_PER_S
from schemas.catalogue import Catalogue
from schemas.measurement import CHARGER_HOUR, COMMAND_RESPONSE
from schemas.observation import Observation, Product
from schemas.row import Field, Row

SETTLED_NS = 2 * HOUR_NS
"""How much longer than late data facts are read behind the last row: meters speak hourly."""

_MOST_ROWS = 5_000
_RESPONSE = "response_ms"
_KEPT: Mapping[str, frozenset[str]] = MappingProxyType(
    {CHARGER_HOUR: frozenset({"messages", "device_to_cloud_ms_max"})}
)


class StoredRow(NamedTuple):
    """A row as it is read from a store: without tags, for facts have none that matter here."""

    measurement: str
    charger: str
    time: int
    fields: tuple[Field, ...]


class Recomputation:
    """The rows of [first, until), nanoseconds, whole hours. For one thread at a time."""

    def __init__(self, catalogue: Catalogue, silent_after: int, late_ns: int, first: int, until: int) -> None:
        """Nothing was read yet. SILENT_AFTER and LATE_DATA, nanoseconds."""
        self._facts = StoredFacts(catalogue, Product.CHARGER)
        self._chronicle = Chronicle(silent_after, late_ns)
        self._takers = self._chronicle.takers
        self._arrivals: Arrivals[Observation] = Arrivals()
        self._silences = KnownSilences(silent_after, ())
        self._heard_until: dict[str, int] = {}
        self._latest = 0
        self._silent_after = silent_after
        self._first, self._until, self._late_ns = first, until, late_ns
        self._lead_ns = silent_after + HOUR_NS

    @property
    def lead_from(self) -> int:
        """From when on facts are to be read, nanoseconds: who is online at first was heard before."""
        return self._first - self._lead_ns

    @property
    def facts_until(self) -> int:
        """Until when facts are to be read, nanoseconds, if there are any so late: what was said afterwards counts."""
        return self._until + self._late_ns + SETTLED_NS

    def fields(self) -> Mapping[str, Sequence[str]]:
        """The fields that are read, by measurement: every message tells that its charger was heard."""
        return {name: tuple(fields) for name, fields in self._facts.fields.items()} | {COMMAND_RESPONSE: (_RESPONSE,)}

    def last_fields(self) -> Mapping[str, Sequence[str]]:
        """Of these, what each charger said last before `lead_from` is to be read."""
        return self._facts.fields_of(self._takers)

    def begin(
        self, before: Iterable[StoredRow], lead: Iterable[StoredRow], silences: Iterable[SilenceEdge] = ()
    ) -> None:
        """What each charger said last before `lead_from`, of `last_fields`; and all facts from then to `first`.

        `silences` are the edges of alerts that stand from `lead_from` to `facts_until`, and the last ones before.
        """
        self._silences = KnownSilences(self._silent_after, silences)
        for row in before:
            self._heard_until[row.charger] = self.lead_from
            for observation in self._facts.observations(*row):
                self._add(observation)
        self._say(lead)
        self._chronicle.begin(self._first - 1)

    def take(self, facts: Iterable[StoredRow], end: int) -> Iterator[Sequence[Row]]:
        """The facts of the next slice of time, which ends before `end`; the rows that follow, a portion at a time.

        Rows come again where more becomes known of them. A portion has been written when the next one is asked for.
        """
        self._say(facts)
        # What is decided later would be too late to count.
        self._hear(list(self._arrivals.decide(end - self._late_ns)))
        yield from self._advance(end)

    def finish(self) -> Iterator[Sequence[Row]]:
        """The rows that follow when no facts come any more; likewise."""
        self._hear(list(self._arrivals.finish()))
        yield from self._advance(self.facts_until)

    def _advance(self, end: int) -> Iterator[Sequence[Row]]:
        self._hear_between_silences(min(end, self._latest - self._silent_after))
        is_whole = False
        while not is_whole:
            told = self._chronicle.advance(end, _MOST_ROWS)
            is_whole = told.is_whole
            yield [_without_kept(row) for row in told.rows if self._first <= row.time < self._until]
            self._chronicle.changes()
            self._chronicle.kept()

    def _say(self, rows: Iterable[StoredRow]) -> None:
        decided: list[tuple[Observation, int]] = []
        answers: list[tuple[str, int]] = []
        for row in rows:
            for observation in self._facts.observations(*row):
                said = Said(observation.observed_at, observation.arrived_at, observation)
                decided += self._arrivals.add(row.charger, said)
            if row.measurement == COMMAND_RESPONSE:
                answers += _answered(row)
        self._hear(decided)
        self._hear_at(answers)

    def _add(self, observation: Observation) -> None:
        for take in self._takers.get(observation.id, ()):
            take(observation)

    def _hear(self, decided: Sequence[tuple[Observation, int]]) -> None:
        heard: list[tuple[str, int]] = []
        behind: dict[str, int] = {}
        lags: dict[str, int] = {}
        # Of each charger the last comes first, and those of which nothing is known came as the one behind them.
        for observation, thought in decided:
            serial, stamp, earliest = observation.serial, observation.observed_at, observation.arrived_at
            is_of_cloud = earliest is None and stamp % NS_PER_S
            if is_of_cloud:
                # Devices tell whole seconds. What is finer the cloud has stamped itself.
                arrived_at = self._silences.arrival(serial, stamp, stamp, None)
            else:
                at = thought
                if earliest is None and serial in lags:
                    at = stamp + lags[serial] if abs(lags[serial]) <= PROMPT_NS else behind[serial]
                arrived_at = self._silences.arrival(serial, at, stamp, earliest)
                behind[serial], lags[serial] = arrived_at, arrived_at - stamp
            self._add(observation._replace(arrived_at=arrived_at))
            heard.append((serial, arrived_at))
        self._hear_at(heard)

    def _hear_at(self, heard: Sequence[tuple[str, int]]) -> None:
        for serial, at in heard:
            self._heard_until.setdefault(serial, at)
            self._latest = max(self._latest, at)
        self._chronicle.hear([serial for serial, _ in heard], [at for _, at in heard])

    def _hear_between_silences(self, until: int) -> None:
        """Up to there all silences are known, since a message came SILENT_AFTER later; if any of them are."""
        if not self._silences:
            return
        heard: list[tuple[str, int]] = []
        for serial, at in self._heard_until.items():
            if at < until:
                heard += [(serial, moment) for moment in self._silences.heard(serial, at, until)]
                self._heard_until[serial] = until
        self._chronicle.hear([serial for serial, _ in heard], [at for _, at in heard])


def _answered(row: StoredRow) -> Iterator[tuple[str, int]]:
    """Whose response it is, and when it arrived, if that is known."""
    for name, value in row.fields:
        if name == _RESPONSE and isinstance(value, float):
            yield row.charger, row.time + round(value * NS_PER_MS)


def _without_kept(row: Row) -> Row:
    kept = _KEPT.get(row.measurement)
    return row if kept is None else row._replace(fields=tuple(field for field in row.fields if field[0] not in kept))
