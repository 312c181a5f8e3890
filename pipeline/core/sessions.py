"""Sessions: the rows of a fleet's charging sessions, from what its chargers say.

Owns which observations count, what is too late, and when a row is written. Pure: time is the watermark, an argument.
Must not know sources, stores, or how its memory is kept. What a session is, `pipeline.core.session_reading` says.

A row is written once the watermark is WAIT_NS past its time, so that what overtook each other on the way is in order,
and a document finds its car; after that, whenever its content is another. What is said of energy counts from the end of
its slot on (`session_energies`), and a while later, which is each charger's own: a session that goes on is told anew
once in ten minutes, and not with every value; and not the whole fleet at once.

The rows are a function of the set of messages, however they are ordered, repeated, cut into rounds, and wherever this
is interrupted. What is passed over, and counted, is:
- what is stamped more than LATE_DATA before it reached the cloud;
- a document that tells of a session long after it ended (`session_json.is_told_in_time`);
- what is delivered to us more than CLOSED_NS later than LATE_DATA allows, by its stamp. That alone depends on when it
  came: redeliveries come sooner.
One thing is not a function of the set, since a row cannot be deleted: where the start of a session turns out to be
another only after its row was written, the source of that row becomes `none` (`session_rows`), and in another order it
may never have been written. To know of it after a crash, too, a row is written only once its place is kept.

One round is: `add` for its messages; `advance`, for the rows; write them; keep `changes`; then say `kept`. Where a
round fails, `touch` gives its rows again with the next one. What was taken and cannot be kept is forgotten with
`restore`.
"""

from collections.abc import Iterable, Mapping
from heapq import heappop, heappush
from typing import NamedTuple
from zlib import crc32

from pipeline.core.forgetting import CLOSED_NS
from pipeline.core.kept_facts import KeptKey
from pipeline.core.session_energies import SLOT_NS, Energy
from pipeline.core.session_facts import ENERGY_ID, WANTED, Place, SessionFact, fact_of, from_bytes, name_of, to_bytes
from pipeline.core.session_json import Document, is_told_in_time
from pipeline.core.session_log import CHARGER, LOG, SessionLog
from pipeline.core.session_memory import NOT_GIVEN, OVER_NS, SessionMemory, is_over
from pipeline.core.session_reading import Session
from pipeline.core.session_rows import digest_of, no_session_row, session_row
from pipeline.core.timestamps import NS_PER_S
from pipeline.core.watermark import AHEAD_NS
from schemas.observation import Observation, Product
from schemas.row import Row

WAIT_NS = 60 * NS_PER_S

_LOOK_NS = 7_200 * NS_PER_S
"""How often a charger is looked at for what can be forgotten."""
_MOST_LOOKS = 200
# A name of this module is found faster than a member of an enumeration.
_CHARGER = Product.CHARGER

SessionTouched = frozenset[tuple[str, int]]
"""What rows are about, for `Sessions.touch`; nobody else need look inside."""


class SessionRows(NamedTuple):
    """What is to be written, for the first time or again, and what it is about.

    `late`      observations since the last round that were too late to count.
    `is_whole`  False where more is due: it comes with the next round, once this one is kept.
    """

    rows: tuple[Row, ...]
    touched: SessionTouched
    late: int
    is_whole: bool


class Sessions:
    """See above. For one thread at a time."""

    def __init__(self, late_ns: int) -> None:
        """Knows nothing yet. LATE_DATA, nanoseconds."""
        self._late_ns = late_ns
        self._clear(0)

    def _clear(self, watermark: int) -> None:
        self._watermark = self._kept_at = watermark
        self._horizon = watermark - self._late_ns - CLOSED_NS if watermark else 0
        self._chargers: dict[str, SessionMemory] = {}
        self._noted: list[tuple[str, SessionFact, bool]] = []
        self._log = SessionLog()
        self._touched: set[str] = set()
        self._repeated: set[str] = set()
        self._again: set[tuple[str, int]] = set()
        self._announced: set[tuple[str, int]] = set()
        self._due: list[tuple[int, str]] = []
        self._is_due: set[tuple[int, str]] = set()
        self._looks: list[tuple[int, str]] = []
        self._late = 0

    def __len__(self) -> int:
        """How many chargers are remembered."""
        return len(self._chargers)

    @property
    def wanted(self) -> frozenset[int]:
        """Ids of observations of chargers that matter here."""
        return WANTED

    def add(self, observation: Observation) -> None:
        """An observation; what is not wanted here, and what cannot be read, is passed over."""
        serial, product, number, _, value, _, observed_at, arrived_at, received_at = observation
        if product is not _CHARGER:
            return
        if arrived_at is None:
            arrived_at = observed_at if received_at is None else received_at
        elif received_at is not None and arrived_at > received_at + AHEAD_NS:
            arrived_at = received_at + AHEAD_NS
        is_late = arrived_at - observed_at > self._late_ns or observed_at < self._horizon
        # Nearly all that comes here is energy: no fact is made of it.
        if number == ENERGY_ID:
            if type(value) is float:
                self._late += is_late
                if not is_late:
                    self._add_energy(serial, observed_at, value)
            return
        fact = fact_of(observation)
        if fact is None:
            return
        if is_late or _is_old(fact, observed_at):
            self._late += 1
        elif self._memory_of(serial).add(fact):
            self._noted.append((serial, fact, True))
            self._touched.add(serial)
        else:
            # It may be a redelivery of what was never written, so all of its charger is given again.
            self._repeated.add(serial)

    def advance(self, watermark: int) -> SessionRows:
        """What is to be written when everything before the watermark is known, and what `touch` asked for."""
        self._watermark = max(watermark, self._watermark)
        while self._due and self._due[0][0] <= self._watermark:
            due = heappop(self._due)
            self._is_due.discard(due)
            self._touched.add(due[1])
        rows: list[Row] = []
        announced, self._announced = self._announced, set()
        serials = {*self._touched, *self._repeated, *(serial for serial, _ in (*self._again, *announced))}
        for serial in sorted(serials):
            memory = self._chargers.get(serial)
            if memory is not None:
                rows += self._rows_of(serial, memory)
        self._noted += [(serial, Place(start, 0), False) for serial, start in announced - self._announced]
        self._touched.clear()
        self._repeated.clear()
        self._again.clear()
        self._forget({row.charger: row.time for row in reversed(rows)})
        late, self._late = self._late, 0
        touched = frozenset((row.charger, row.time) for row in rows)
        return SessionRows(tuple(rows), touched, late, not self._announced)

    def touch(self, touched: SessionTouched) -> None:
        """Give rows again at the next `advance`, as they are then."""
        self._again.update(touched)

    def changes(self) -> Mapping[KeptKey, bytes | None]:
        """What is to be kept since the last call, by key; None for what is to be dropped.

        To be kept only once the rows of the round are written.
        """
        taken = dict(self._log.changes(self._watermark, self._energies_of))
        # The last word on a fact counts.
        for serial, fact, is_kept in reversed(self._noted):
            key = KeptKey(serial, name_of(fact))
            if key not in taken:
                taken[key] = to_bytes(fact) if is_kept else None
        self._noted.clear()
        return taken

    def kept(self) -> None:
        """All that `changes` gave is durable: rows whose places are among it can be written."""
        for serial, start in self._announced:
            self._chargers[serial].given[start] = NOT_GIVEN
            self._touched.add(serial)
        self._announced.clear()
        # Not by the watermark of now: what was just said can be said again, and what is announced is not given yet.
        self._horizon = max(self._horizon, self._kept_at - self._late_ns - CLOSED_NS)
        self._kept_at = self._watermark

    def restore(self, kept: Iterable[tuple[KeptKey, bytes]], watermark: int) -> None:
        """Remember what was kept at this watermark, and nothing else. Raises ValueError for an unknown entry."""
        self._clear(watermark)
        energies: list[tuple[KeptKey, bytes]] = []
        for key, content in kept:
            if key.name.startswith((LOG, CHARGER)):
                energies.append((key, content))
                continue
            serial = key.serial
            fact = from_bytes(key.name, content)
            self._memory_of(serial).add(fact)
            if isinstance(fact, Place):
                if fact.since >= watermark:
                    self._touched.add(serial)
            elif fact[0] > watermark - WAIT_NS - NS_PER_S:
                self._await(fact[0] // NS_PER_S * NS_PER_S + WAIT_NS, serial)
        for serial, (at, kwh) in self._log.restore(energies):
            counts_at = self._memory_of(serial).add_energy(at, kwh)
            if counts_at is not None and counts_at > watermark:
                self._await(counts_at, serial)

    def _energies_of(self, serial: str) -> Iterable[Energy]:
        memory = self._chargers.get(serial)
        return () if memory is None else memory.energies

    def _add_energy(self, serial: str, at: int, kwh: float) -> None:
        """What is said of energy makes no difference before it counts."""
        memory = self._chargers.get(serial)
        if memory is None:
            memory = self._memory_of(serial)
        counts_at = memory.add_energy(at, kwh)
        if counts_at is None:
            return
        self._log.note(serial, at, kwh)
        if counts_at > self._watermark:
            self._await(counts_at, serial)
        else:
            self._touched.add(serial)

    def _memory_of(self, serial: str) -> SessionMemory:
        memory = self._chargers.get(serial)
        if memory is not None:
            return memory
        own_moment = crc32(serial.encode()) * NS_PER_S
        memory = self._chargers[serial] = SessionMemory(own_moment % SLOT_NS)
        # A whole fleet is not looked at in one moment.
        heappush(self._looks, (self._watermark + own_moment % _LOOK_NS, serial))
        return memory

    def _await(self, at: int, serial: str) -> None:
        due = (at, serial)
        if due not in self._is_due:
            self._is_due.add(due)
            heappush(self._due, due)

    def _rows_of(self, serial: str, memory: SessionMemory) -> list[Row]:
        """What is to be written of a charger, which is not what was given last, or was asked for."""
        found = {session.start: session for session in memory.sessions(self._watermark)}
        for start, session in found.items():
            if start in memory.given or is_over(session, self._horizon):
                continue
            if start + WAIT_NS > self._watermark:
                self._await(start + WAIT_NS, serial)
            else:
                self._announced.add((serial, start))
                self._noted.append((serial, Place(start, self._watermark), True))
        rows: list[Row] = []
        for start, given in sorted(memory.given.items()):
            session_or_none = found.get(start)
            if session_or_none is None and given == NOT_GIVEN:
                del memory.given[start]
                self._noted.append((serial, Place(start, 0), False))
                continue
            digest = digest_of(session_or_none)
            if digest != given or serial in self._repeated or (serial, start) in self._again:
                rows.append(_row(serial, start, session_or_none))
                memory.given[start] = digest
        return rows

    def _forget(self, given: Mapping[str, int]) -> None:
        """Look at some chargers. One of whose old sessions a row was just given waits: it may be asked for again.

        `given` has the time of the first row of each charger that was given any.
        """
        for _ in range(_MOST_LOOKS):
            if not self._looks or self._looks[0][0] > self._watermark:
                break
            _, serial = heappop(self._looks)
            if given.get(serial, self._horizon) < self._horizon - OVER_NS:
                heappush(self._looks, (self._watermark + WAIT_NS, serial))
                continue
            memory = self._chargers[serial]
            forgotten = memory.forget(self._horizon)
            self._noted += [(serial, fact, False) for fact in forgotten.facts]
            if forgotten.is_thinned:
                self._log.thinned(serial)
            if memory.is_empty:
                del self._chargers[serial]
            else:
                heappush(self._looks, (self._watermark + _LOOK_NS, serial))


def _is_old(fact: SessionFact, observed_at: int) -> bool:
    return type(fact) is Document and not is_told_in_time(fact, observed_at)


def _row(serial: str, start: int, session: Session | None) -> Row:
    return no_session_row(serial, start) if session is None else session_row(serial, session)
