"""Sessions of one charger: what its modes, its session energies and its session documents say together.

Owns how the three meet. Pure, and a function of the set of what was said. Must not know rows, or when one is written.

- Every car that was seen to come is a session, at that moment. Documents that start within NEAR_NS of it, or while the
  car is there, are about it; the nearest one fills it.
- Every other document is a session of its own, at its start: a car can be charged by two users, one after the other,
  and Easee counts two. Documents that start within NEAR_NS of each other tell of one session.
- A session ends where its document says so, or else when the car leaves.
- Its energy is that of the document once it has ended, if that is above zero; otherwise the greatest SessionEnergy
  stamped within it or up to LATE_ENERGY_NS after its end, before the next car comes. At the very moment at which one
  comes, energy is of the one before.
- One that has not ended reaches up to the last thing said of it, and is followed for LONGEST_NS.
- Energies count up to a moment that the caller names: the end of a slot of theirs (`session_energies`).

A document that ends before the car came, or more than LATE_ENERGY_NS after it left, is not about that car.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pipeline.core.session_energies import SessionEnergies
from pipeline.core.session_json import LATE_ENERGY_NS, LONGEST_NS, Document
from pipeline.core.session_modes import Presences, Stay, start_of
from pipeline.core.timestamps import NS_PER_S

NEAR_NS = 120 * NS_PER_S
"""Who authenticates takes a minute from plug to charge, and the mode that shows a car's coming may not be readable."""


class Session(NamedTuple):
    """One session. Moments in nanoseconds since the epoch, by the charger's clock.

    `stop`          None while it goes on.
    `last`          `stop`, or up to when anything was said of it.
    `charging_ns`   of the time up to `last`.
    `id`            empty where no document names one.
    `is_told`       by a document; otherwise by modes alone.
    `documents`     that are about it.
    `over_at`       what is said of a later time does not change it.
    """

    start: int
    stop: int | None
    last: int
    kwh: float
    charging_ns: int
    id: str
    is_told: bool
    documents: tuple[Document, ...]
    over_at: int


class _Span(NamedTuple):
    """Where a session stands by modes: its start, when the car left, how long it is followed, and lasts at least."""

    start: int
    left: int | None
    until: int
    lasts_until: int


def read_sessions(
    presences: Presences, energies: SessionEnergies, documents: Iterable[Document], energies_until: int
) -> list[Session]:
    """Every session, by its start; no two start together. Energies stamped before `energies_until` count."""
    by_stay: dict[Stay | None, list[Document]] = {}
    for document in documents:
        by_stay.setdefault(_stay_of(document, presences.stays), []).append(document)
    reading = _Reading(presences, energies, energies_until - 1)
    sessions = [reading.told(cluster) for cluster in _clusters(by_stay.get(None, ()))]
    for stay in presences.stays:
        sessions += _of_stay(reading, stay, by_stay.get(stay, ()))
    found: dict[int, Session] = {}
    for session in sessions:
        other = found.get(session.start)
        found[session.start] = session if other is None else _both(session, other)
    return [found[start] for start in sorted(found)]


def _both(session: Session, other: Session) -> Session:
    """A row has one session: that of a car, unless only the other is told of. Both are remembered as long."""
    documents = session.documents + other.documents
    chosen = session if session.is_told else other
    return chosen._replace(documents=documents, over_at=max(session.over_at, other.over_at))


def _of_stay(reading: "_Reading", stay: Stay, about: Sequence[Document]) -> Sequence[Session]:
    """That of a car last, and what else is told of its time. Nothing is over before all of it is."""
    clusters = _clusters(about)
    if not clusters[1:]:
        return [reading.seen(stay, clusters[0] if clusters else ())]
    nearest = min(clusters, key=lambda cluster: abs(cluster[0].start - stay.start))
    sessions = [reading.told(cluster) for cluster in clusters if cluster is not nearest]
    sessions.append(reading.seen(stay, nearest))
    over_at = max(session.over_at for session in sessions)
    return [session._replace(over_at=over_at) for session in sessions]


def _followed_until(stay: Stay) -> int:
    longest = stay.start + LONGEST_NS
    return longest if stay.stop is None else min(stay.stop, longest)


def _stay_of(document: Document, stays: Sequence[Stay]) -> Stay | None:
    """The car that a document is about."""
    start = document.start
    near: tuple[int, Stay | None] = (NEAR_NS + 1, None)
    within: Stay | None = None
    # No car comes before the one before it left: of those that came long before, the last one can be there still.
    first = max(bisect_left(stays, start - NEAR_NS, key=start_of) - 1, 0)
    for stay in stays[first : bisect_right(stays, start + NEAR_NS, key=start_of)]:
        distance = abs(start - stay.start)
        is_near = distance < near[0]
        if (is_near or stay.start <= start < _followed_until(stay)) and _agrees(document, stay):
            if is_near:
                near = (distance, stay)
            within = stay
    return near[1] or within


def _agrees(document: Document, stay: Stay) -> bool:
    return document.stop is None or stay.start <= document.stop <= _followed_until(stay) + LATE_ENERGY_NS


def _clusters(documents: Iterable[Document]) -> list[tuple[Document, ...]]:
    """Documents that tell of one session together, each group by their starts."""
    clusters: list[list[Document]] = []
    for document in sorted(documents, key=_in_order):
        if clusters and document.start - clusters[-1][-1].start <= NEAR_NS:
            clusters[-1].append(document)
        else:
            clusters.append([document])
    return [tuple(cluster) for cluster in clusters]


def _in_order(document: Document) -> tuple[int, bool, int, float, str]:
    start, stop, kwh, identity = document
    return start, stop is not None, stop or 0, -1.0 if kwh is None else kwh, identity


def _weight(document: Document) -> tuple[bool, float, int, str]:
    """Of documents about one session the heaviest counts."""
    _, stop, kwh, identity = document
    return stop is not None, -1.0 if kwh is None else kwh, stop or 0, identity


class _Reading:
    """What is known of a charger, for one session after the other."""

    def __init__(self, presences: Presences, energies: SessionEnergies, last_energy: int) -> None:
        self._presences = presences
        self._energies = energies
        self._last_energy = last_energy

    def told(self, cluster: tuple[Document, ...]) -> Session:
        """A session that documents alone tell of."""
        start = cluster[0].start
        left = self._presences.leaving_after(start)
        if left is not None and left > start + LONGEST_NS:
            left = None
        return self._session(_Span(start, left, start + LONGEST_NS if left is None else left, start), cluster)

    def seen(self, stay: Stay, cluster: tuple[Document, ...]) -> Session:
        """The session of a car that was seen to come."""
        until = _followed_until(stay)
        return self._session(_Span(stay.start, stay.stop if stay.stop == until else None, until, until), cluster)

    def _session(self, span: _Span, cluster: tuple[Document, ...]) -> Session:
        start, left, until, lasts_until = span
        document = max(cluster, key=_weight, default=None)
        stop, is_ended = left, False
        if document is not None and document.stop is not None:
            stop, is_ended = document.stop, True
        last = self._last_said(start, until) if stop is None else stop
        kwh = max((each.kwh or 0.0 for each in cluster), default=0.0)
        if not is_ended or not kwh:
            heard_until = min(self._heard_until(start, stop, until), self._last_energy)
            kwh = max(kwh, self._energies.greatest(start, heard_until))
        return Session(
            start,
            stop,
            last,
            kwh,
            self._presences.charging_ns(self._arrival(start, stop), last),
            "" if document is None else document.id,
            bool(cluster),
            cluster,
            until if stop is None else max(stop, lasts_until),
        )

    def _last_said(self, start: int, until: int) -> int:
        energy = self._energies.last_until(min(until, self._last_energy))
        return max(start, energy or 0, self._presences.last_change_until(until) or 0)

    def _heard_until(self, start: int, stop: int | None, until: int) -> int:
        """Until when what is said of energy is about this session."""
        if stop is None:
            return until
        latest, coming = stop + LATE_ENERGY_NS, self._presences.next_coming(max(stop, start + 1))
        return latest if coming is None else min(latest, coming)

    def _arrival(self, start: int, stop: int | None) -> int:
        """From when on the car of a session is there: of one that ends long after a car left, it is another car's."""
        if stop is None:
            return start
        return max(start, self._presences.last_leaving_before(stop - LATE_ENERGY_NS) or 0)
