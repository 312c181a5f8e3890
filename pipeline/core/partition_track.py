"""The track of one partition: what follows from the records of `chargeline.track` there, and what is kept of it.

Owns what is fed to the derivation of the partition's devices, to that of the fleet, and to the bridges' watermark; and
the entries in which all three are kept. Pure: time is what the ticks say. Must not know Kafka, or how entries are kept.

The fleet is judged in one partition, `FLEET_PARTITION`: bridges tell it when every device was heard, for many silences
at once are one outage, wherever their devices are.

One round is: `take` records; `advance`, for the rows; keep what is `intended`, where there is anything; make the rows
durable; keep `changes`, all of them or none; then say `kept`, for the alerts to tell of. Where a round fails, the next
one gives its rows again. What was taken and can never be kept is forgotten by beginning anew, with `restore`.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

import orjson

from pipeline.core.bridges import Bridges
from pipeline.core.derivation import Derivation, Derived, Spans
from pipeline.core.derivation_scope import DEVICES, FLEET
from pipeline.core.kept_facts import KeptKey
from pipeline.core.partition import FLEET_PARTITION
from pipeline.core.progress import Progress
from schemas.alert import Alert
from schemas.catalogue import Catalogue
from schemas.command import CommandResponse, CommandSent
from schemas.observation import Observation
from schemas.stream import Freshness, Tick

TrackRecord = Observation | CommandResponse | CommandSent | Freshness | Tick
"""What `track` holds."""

_FACT, _HEARD, _FLEET_HEARD, _PROGRESS = "fact", "heard", "fleet", "progress"
_PROGRESS_KEY = f"{_PROGRESS} -"
_MOST_HEARD = 5_000
"""Devices in one entry, so that it is far below what a message may be."""


class PartitionTrack:
    """See above. For one thread at a time."""

    def __init__(self, catalogue: Catalogue, spans: Spans, partition: int) -> None:
        """Knows nothing yet."""
        self._devices = Derivation(catalogue, spans, DEVICES)
        self._fleet = Derivation(catalogue, spans, FLEET) if partition == FLEET_PARTITION else None
        self._bridges = Bridges()
        self._heard = _HeardLog(_HEARD)
        self._fleet_heard = _HeardLog(_FLEET_HEARD)
        self._marks: dict[str, int | None] = {}

    @property
    def watermark(self) -> int:
        """Up to when everything is known; the epoch, as long as nothing is."""
        return self._devices.watermark

    @property
    def ticks(self) -> Sequence[Tick]:
        """See Bridges."""
        return self._bridges.ticks

    def take(self, records: Iterable[TrackRecord]) -> None:
        """Records of this partition, in order. What is taken again changes nothing; its rows are given again."""
        followed: list[Observation | CommandResponse | CommandSent] = []
        for record in records:
            if isinstance(record, Tick):
                watermark = self._bridges.take(record)
                if watermark is not None:
                    self._follow(followed)
                    self._pass_to(watermark)
            elif isinstance(record, Freshness):
                self._follow(followed)
                of = self._fleet if record.is_fleet else self._devices
                if of is not None:
                    of.hear(record.heard)
            else:
                followed.append(record)
        self._follow(followed)

    def advance(self, most_due: int | None = None) -> Derived:
        """The rows of this round, and again those of a round that was not kept; `most_due` as for the tracker."""
        derived = self._devices.advance(most_due)
        if self._fleet is None:
            return derived
        return derived._replace(rows=(*derived.rows, *self._fleet.advance().rows))

    def intended(self) -> Mapping[str, bytes | None]:
        """What must be kept before the rows of this round are, by key; `changes` drops it."""
        return {_key_of(key): content for key, content in self._devices.intended().items()}

    def changes(self) -> Mapping[str, bytes | None]:
        """What must be kept of this round and of those before that were not, by key; None for what is to be dropped."""
        devices = self._devices.progress()
        fleet = None if self._fleet is None else self._fleet.progress()
        changes = {} if devices is None else {_key_of(fact): content for fact, content in devices.facts.items()}
        for name, progress, log in ((_HEARD, devices, self._heard), (_FLEET_HEARD, fleet, self._fleet_heard)):
            if progress is not None:
                self._marks[name] = progress.watermark
                changes.update(log.add(progress))
        changes[_PROGRESS_KEY] = _progress_to_bytes(self._marks, self._bridges)
        return changes

    def kept(self) -> Sequence[Alert]:
        """All of it is durable: the edges of alerts that somebody may be told of now, in order."""
        edges = self._devices.kept()
        return edges if self._fleet is None else [*edges, *self._fleet.kept()]

    def active(self) -> Sequence[Alert]:
        """Alerts that are raised now."""
        edges = self._devices.active()
        return edges if self._fleet is None else [*edges, *self._fleet.active()]

    def restore(self, entries: Iterable[tuple[str, bytes]]) -> None:
        """Know what was kept, in any order, and nothing else. Raises ValueError for what this program does not know."""
        facts: list[tuple[KeptKey, bytes]] = []
        logs: dict[str, dict[int, bytes]] = {_HEARD: {}, _FLEET_HEARD: {}}
        progress: bytes | None = None
        for key, content in entries:
            kind, _, rest = key.partition(" ")
            if kind == _FACT:
                serial, _, name = rest.partition(" ")
                facts.append((KeptKey(serial, name), content))
            elif kind in logs:
                logs[kind][int(rest)] = content
            elif kind == _PROGRESS:
                progress = content
            else:
                raise ValueError(f"an entry of an unknown kind is kept: {kind}")
        known = {"at": {}, "bridges": None} if progress is None else orjson.loads(progress)
        self._marks = {str(name): at for name, at in known["at"].items()}
        self._bridges = Bridges() if known["bridges"] is None else Bridges.from_bytes(known["bridges"].encode())
        heard = self._heard.restore(logs[_HEARD])
        self._devices.restore(facts, heard, self._marks.get(_HEARD))
        heard = self._fleet_heard.restore(logs[_FLEET_HEARD])
        if self._fleet is not None:
            self._fleet.restore((), heard, self._marks.get(_FLEET_HEARD))

    def _follow(self, records: list[Observation | CommandResponse | CommandSent]) -> None:
        if records:
            self._devices.follow(records)
            records.clear()

    def _pass_to(self, watermark: int) -> None:
        self._devices.pass_to(watermark)
        if self._fleet is not None:
            self._fleet.pass_to(watermark)


class _HeardLog:
    """When devices were heard, as entries that are numbered: later ones replace what earlier ones say of a device."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._first = self._next = 0

    def add(self, progress: Progress) -> Mapping[str, bytes | None]:
        """Entries for what is new, or for all there is in place of those before."""
        changes: dict[str, bytes | None] = {}
        if progress.is_all:
            changes.update((f"{self._name} {number}", None) for number in range(self._first, self._next))
            self._first = self._next
        left = iter(progress.heard.items())
        while part := dict(islice(left, _MOST_HEARD)):
            changes[f"{self._name} {self._next}"] = orjson.dumps(part)
            self._next += 1
        return changes

    def restore(self, kept: Mapping[int, bytes]) -> dict[str, int]:
        """Go on from these entries; what they say together."""
        heard: dict[str, int] = {}
        for number in sorted(kept):
            heard.update(orjson.loads(kept[number]))
        self._first = min(kept, default=0)
        self._next = max(kept, default=-1) + 1
        return heard


def first_entries(
    facts: Mapping[KeptKey, bytes], heard: Mapping[str, int], fleet_heard: Mapping[str, int] | None, watermark: int
) -> dict[str, bytes]:
    """What the track of a partition would have kept that had followed its devices up to this watermark.

    `fleet_heard` is what of all devices is kept where the fleet is judged; None for another partition.
    """
    changes: dict[str, bytes | None] = {_key_of(key): content for key, content in facts.items()}
    marks = {}
    for name, told in ((_HEARD, heard), (_FLEET_HEARD, fleet_heard)):
        if told is not None:
            marks[name] = watermark
            changes.update(_HeardLog(name).add(Progress({}, told, is_all=True, watermark=watermark)))
    changes[_PROGRESS_KEY] = _progress_to_bytes(marks, Bridges())
    return {key: content for key, content in changes.items() if content is not None}


def _progress_to_bytes(marks: Mapping[str, int | None], bridges: Bridges) -> bytes:
    return orjson.dumps({"at": marks, "bridges": bridges.to_bytes().decode()})


def _key_of(key: KeptKey) -> str:
    return f"{_FACT} {key.serial} {key.name}"
