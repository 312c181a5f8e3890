"""What is remembered of one charger for its sessions: what it said, and which rows were written.

Owns the facts of one charger, and when each is forgotten. Pure. Must not know rows, the watermark, other chargers, or
how anything is kept (`pipeline.core.session_facts`).

A place is the start of a session whose row is, or may be, written. It is kept before the row is: so whoever comes after
a crash knows of every row that may stand.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pipeline.core.session_energies import SLOT_NS, Energy, SessionEnergies
from pipeline.core.session_facts import Place, SessionFact
from pipeline.core.session_json import LATE_ENERGY_NS, LONGEST_NS, Document
from pipeline.core.session_modes import Mode, SessionModes
from pipeline.core.session_reading import NEAR_NS, Session, read_sessions

UNKNOWN = 0
NOT_GIVEN = -1

OVER_NS = 2 * LATE_ENERGY_NS + NEAR_NS
"""A session is over for good when nothing is taken in any more that is stamped within this after it."""


def is_over(session: Session, horizon: int) -> bool:
    """Whether a session is over for good, where nothing stamped before the horizon is taken in."""
    return session.over_at < horizon - OVER_NS


class Forgotten(NamedTuple):
    """What a charger forgot. `is_thinned` says whether there were energies."""

    facts: Sequence[SessionFact]
    is_thinned: bool


class SessionMemory:
    """See above. `given` is a digest of the row that was given last, by its place, UNKNOWN, or NOT_GIVEN."""

    __slots__ = ("_documents", "_energies", "_modes", "_wait_ns", "given")

    def __init__(self, wait_ns: int) -> None:
        """Nothing is known. What is said of energy counts this long after the end of its slot."""
        self._wait_ns = wait_ns
        self._modes = SessionModes()
        self._energies: SessionEnergies | None = None
        self._documents: set[Document] = set()
        self.given: dict[int, int] = {}

    def add(self, fact: SessionFact) -> bool:
        """A fact; whether it is new, and counts."""
        match fact:
            case Mode():
                return self._modes.add(fact)
            case Document():
                if fact in self._documents:
                    return False
                self._documents.add(fact)
                return True
            case Place():
                self.given.setdefault(fact.start, UNKNOWN)
                return True

    def add_energy(self, at: int, kwh: float) -> int | None:
        """An Energy; from which watermark on it counts, None for never."""
        if self._energies is None:
            self._energies = SessionEnergies()
        return at - at % SLOT_NS + SLOT_NS + self._wait_ns if self._energies.add(at, kwh) else None

    @property
    def energies(self) -> Iterable[Energy]:
        """What is remembered of energy, in order."""
        return self._energies or _NO_ENERGIES

    def sessions(self, watermark: int) -> list[Session]:
        """The sessions that are remembered, by their starts, as they are at a watermark."""
        reached = watermark - self._wait_ns
        until = reached - reached % SLOT_NS
        return read_sessions(self._modes.read(), self._energies or _NO_ENERGIES, self._documents, until)

    def forget(self, horizon: int) -> Forgotten:
        """Forget what makes no difference any more, where nothing before the horizon is taken in."""
        settled = horizon - OVER_NS
        lasting = [session for session in self.sessions(horizon) if not is_over(session, horizon)]
        wanted = min((session.start for session in lasting), default=settled)
        about = {document for session in lasting for document in session.documents}
        gone: list[SessionFact] = [document for document in self._documents if document not in about]
        if gone:
            self._documents &= about
        gone += self._modes.thin(settled, wanted, settled - LONGEST_NS)
        is_thinned = False
        if self._energies is not None:
            is_thinned = self._energies.thin(settled, settled - LONGEST_NS)
            if not len(self._energies):
                self._energies = None
        starts = {session.start for session in lasting}
        for start in [start for start in self.given if start < settled and start not in starts]:
            del self.given[start]
            gone.append(Place(start, 0))
        return Forgotten(gone, is_thinned)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is remembered."""
        return not (len(self._modes) or self._energies or self._documents or self.given)


_NO_ENERGIES = SessionEnergies()
