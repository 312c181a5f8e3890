"""Derivation: what follows from many records, as rows: the life of commands, silence, alerts, the fleet's chronicle.

Owns what is fed to the tracker, to liveness, to the chronicle and to the watermark, and what of it is not durable yet.
Pure: time is the watermark, which the records themselves move. Must not know sources, stores, or how progress is kept.

One round is: `take` records; `advance`, for the rows; keep what is `intended`; write the rows; keep `progress`; then
say `kept`, for the alerts to tell of. Where a round fails, the next one gives all of it again. A record that is taken
again changes nothing, but its rows are given again. What was taken and can never be kept must be forgotten, with
`restore`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from pipeline.core.alert_rows import alert_row, time_out_rows
from pipeline.core.chronicle import KINDS, NOTHING_TOUCHED, Chronicle, ChronicleTouched, Taker, kind_of
from pipeline.core.command_life import Life
from pipeline.core.decode import Outcome
from pipeline.core.derivation_scope import WHOLE, Scope
from pipeline.core.fleet_silence import NO_EDGES
from pipeline.core.freshness import LatestArrival, all_moments, moment_heard
from pipeline.core.kept_facts import KeptKey
from pipeline.core.liveness import Liveness
from pipeline.core.progress import Progress
from pipeline.core.raised_time_outs import RaisedTimeOuts
from pipeline.core.tracked import TimeOut, Touched
from pipeline.core.tracker import Tracker
from pipeline.core.watermark import Watermark
from schemas.alert import Alert
from schemas.catalogue import Catalogue
from schemas.command import CommandResponse, CommandSent
from schemas.observation import Observation
from schemas.row import Row
from schemas.stream import Heard

_ALL_AGAIN_AFTER = 200
"""Rounds after which all that was heard is kept anew, so that the log of it stays short."""
_STILL_KEPT_NS = 60 * 10**9
"""How far the kept watermark may be behind where nothing else is to be kept: after a restart it is only later."""
_MOST_CHRONICLE = 2_000
_ALL_OF_IT = 10**9


class Spans(NamedTuple):
    """Settings that the rows depend on, nanoseconds: COMMAND_TIMEOUT, SILENT_AFTER, LATE_DATA."""

    timeout: int
    silent_after: int
    late_data: int


class Derived(NamedTuple):
    """What a round made: rows to write, and what they are about, for `Derivation.say_again`.

    `touched`    by the tracker's rows; `chronicle` by those of the chronicle.
    `too_late`   commands, responses and observations of the round that were too old to be followed.
    `is_whole`   False where more is due: it comes with the next rounds, once this one is kept.
    """

    rows: tuple[Row, ...]
    touched: Touched
    chronicle: ChronicleTouched = NOTHING_TOUCHED
    too_late: int = 0
    is_whole: bool = True


NOTHING_DERIVED = Derived((), frozenset())


class _Round(NamedTuple):
    """What is not durable yet: what tracker and chronicle said, rows and edges of silence, time-outs to look at."""

    touched: Touched
    chronicle: ChronicleTouched
    rows: tuple[Row, ...]
    edges: tuple[Alert, ...]
    time_outs: tuple[TimeOut, ...]


_NOTHING = _Round(frozenset(), NOTHING_TOUCHED, (), (), ())


class Derivation:
    """See above. For one thread at a time."""

    def __init__(self, catalogue: Catalogue, spans: Spans, scope: Scope = WHOLE) -> None:
        """Knows nothing yet.

        What is remembered is bounded also where the watermark stands still: facts are forgotten by the latest
        ArrivalTime seen, less the time for which an answer may come late. So a command whose answer went to somebody
        else stays `published` in the store, and is forgotten here; an answer that comes later than that is stored, and
        not followed.
        """
        self._tracker = Tracker(catalogue, spans.timeout, spans.late_data)
        self._liveness = Liveness(spans.silent_after)
        self._chronicle = Chronicle(spans.silent_after, spans.late_data)
        self._takers: dict[int, tuple[Taker, ...]] = dict(self._chronicle.takers) if scope.has_chronicle else {}
        for number in self._tracker.wanted:
            self._takers[number] = (self._tracker.add_observation, *self._takers.get(number, ()))
        self._watermark = Watermark()
        self._scope = scope
        self._late_ns = spans.timeout + spans.late_data
        self._latest = 0
        self._latest_arrival = LatestArrival()
        self._timed_out = RaisedTimeOuts()
        self._round = _NOTHING
        self._facts: dict[KeptKey, bytes | None] = {}
        self._heard: dict[str, int] = {}
        self._is_asked = False
        self._rounds = 0
        self._advanced_to: int | None = None
        self._kept_at: int | None = None

    @property
    def watermark(self) -> int:
        """Up to when everything is known; the epoch, as long as nothing is."""
        return self._watermark.at or 0

    @property
    def latest(self) -> int:
        """When the latest message reached the cloud; 0 before the first."""
        return self._latest

    def take(self, outcomes: Iterable[Outcome]) -> None:
        """Records of the operator's queue, in order; rejects say nothing. Moves the watermark."""
        self._hear(self._follow(outcomes))

    def follow(self, records: Iterable[Outcome]) -> None:
        """The same, of which it is told apart when devices were heard (`hear`), and how far we are (`pass_to`)."""
        for each in self._follow(records):
            if each.arrived_at is not None:
                self._latest = max(self._latest, moment_heard(each.arrived_at, each.received_at) or 0)

    def hear(self, heard: Iterable[Heard]) -> None:
        """When devices were heard, of which no message of the operator's queue needs to be seen here."""
        serials: list[str] = []
        moments: list[int] = []
        for serial, known, messages in heard:
            serials += [serial] * max(messages, len(known))
            moments += [*known, *known[-1:] * (messages - len(known))]
        self._hear_in_order(serials, moments)

    def pass_to(self, watermark: int) -> None:
        """Up to here everything is known. It never goes back."""
        if self._scope.passes_time and watermark > self.watermark:
            self._watermark = Watermark(watermark)

    def _follow(self, outcomes: Iterable[Outcome]) -> list[Observation | CommandResponse]:
        """Take records in; those by which a device was heard."""
        tracker, takers_of = self._tracker, self._takers.get
        heard: list[Observation | CommandResponse] = []
        for outcome in outcomes:
            if isinstance(outcome, Observation):
                takers = takers_of(outcome.id)
                if takers:
                    for take in takers:
                        take(outcome)
            elif isinstance(outcome, CommandResponse):
                tracker.add_response(outcome)
            elif isinstance(outcome, CommandSent):
                tracker.add_command(outcome)
                continue
            else:
                continue
            heard.append(outcome)
        return heard

    def take_copies(self, outcomes: Iterable[Outcome]) -> None:
        """Copies of commands from another queue, which says nothing about how far the operator's is read."""
        for outcome in outcomes:
            if isinstance(outcome, CommandSent):
                self._tracker.add_command(outcome)

    def add_command(self, command: CommandSent, attempt: int, *, is_confirmed: bool) -> None:
        """A command of ours, once its publish ended."""
        self._tracker.add_command(command, attempt, is_confirmed=is_confirmed)

    def drop_command(self, command: CommandSent) -> None:
        """A command of ours was not published after all."""
        self._tracker.drop_command(command)

    def queue_was_empty(self, at: int) -> None:
        """See Watermark.queue_was_empty."""
        if self._scope.passes_time:
            self._watermark.queue_was_empty(at)

    def find(self, serial: str, command_id: int, ref: str) -> Life | None:
        """What is known of a command now; None where that is nothing."""
        return self._tracker.find(serial, command_id, ref)

    def say_again(self, derived: Derived) -> None:
        """Give rows again in the next round, as they are then: what was written may have been overtaken."""
        self._tracker.touch(derived.touched)
        self._chronicle.touch(derived.chronicle)

    def advance(self, most_due: int | None = None) -> Derived:
        """The rows of this round, and again those of a round that was not kept.

        `most_due` as for the tracker; what is said again counts, so that a round does not grow with each try.
        """
        watermark = self.watermark
        again = self._round
        self._tracker.touch(again.touched)
        left = None if most_due is None else max(most_due - len(again.touched), 0)
        tracked = self._tracker.advance(watermark, max(watermark, self._latest - self._late_ns), left)
        # What is due and has to wait is found again after a restart by a watermark that is not past it.
        self._advanced_to = self._watermark.at if tracked.waits_from is None else tracked.waits_from
        silence = self._liveness.advance(watermark)
        silence = silence if self._scope.tells_silence else NO_EDGES
        self._chronicle.touch(again.chronicle)
        most = _ALL_OF_IT if most_due is None else max(_MOST_CHRONICLE - again.chronicle.size, 0)
        chronicle = self._chronicle.advance(watermark, most)
        self._round = _Round(
            touched=tracked.touched,
            chronicle=chronicle.touched,
            rows=(*again.rows, *map(alert_row, silence.to_write)),
            edges=(*again.edges, *silence.to_notify),
            time_outs=tracked.time_outs,
        )
        return Derived(
            rows=(*tracked.rows, *time_out_rows(tracked.time_outs), *self._round.rows, *chronicle.rows),
            touched=tracked.touched,
            chronicle=chronicle.touched,
            too_late=self._tracker.take_too_late() + chronicle.late,
            is_whole=chronicle.is_whole,
        )

    def intended(self) -> Mapping[KeptKey, bytes]:
        """What must be kept before the rows of this round are written; it is dropped with `progress`."""
        return self._tracker.intended()

    def progress(self) -> Progress | None:
        """What must be kept of this round, and of those before that were not; None where that is nothing."""
        self._is_asked = True
        self._facts.update(self._tracker.changes())
        self._facts.update(self._chronicle.changes())
        self._heard.update(self._liveness.changes())
        # Not the watermark of now: what it has passed since then is not said yet.
        at = self._advanced_to
        is_still = at is None or (self._kept_at is not None and at - self._kept_at < _STILL_KEPT_NS)
        # Where something was said, a crash must not make anybody say it again who was told of it.
        said = self._round
        has_said = bool(said.touched or said.chronicle.size or said.rows or said.edges)
        if not self._facts and not self._heard and is_still and not has_said:
            return None
        is_all = self._rounds % _ALL_AGAIN_AFTER == 0
        return Progress(self._facts, self._liveness.last_seen() if is_all else self._heard, is_all, at)

    def kept(self) -> Sequence[Alert]:
        """Everything up to here is durable: the edges of alerts that somebody may be told of now, in order."""
        edges = [*self._round.edges, *self._timed_out.take(self._round.time_outs)]
        self._round = _NOTHING
        if not self._is_asked:
            # Who keeps nothing does not ask; and what was not asked for would become more and more.
            self.progress()
        self._is_asked = False
        self._chronicle.kept()
        self._tracker.kept()
        self._facts, self._heard = {}, {}
        self._rounds += 1
        self._kept_at = self._advanced_to
        return edges

    def active(self) -> Sequence[Alert]:
        """Alerts that are raised now."""
        return [*self._timed_out.active(), *(self._liveness.active() if self._scope.tells_silence else ())]

    def restore(self, facts: Iterable[tuple[KeptKey, bytes]], heard: Mapping[str, int], watermark: int | None) -> None:
        """Know what was kept, and nothing else. Raises ValueError for a fact that this program does not know."""
        of_tracker, of_chronicle = list[tuple[KeptKey, bytes]](), list[tuple[KeptKey, bytes]]()
        for key, content in facts:
            (of_chronicle if kind_of(key) in KINDS else of_tracker).append((key, content))
        self._tracker.restore(of_tracker, watermark or 0)
        self._chronicle.restore(of_chronicle if self._scope.has_chronicle else (), heard, watermark)
        self._liveness.restore(heard if self._scope.passes_time else {}, watermark)
        self._watermark = Watermark(watermark)
        self._round = _NOTHING
        self._facts, self._heard = {}, {}
        self._rounds = 0
        self._advanced_to = self._kept_at = watermark
        self._timed_out.restore(self._tracker.time_outs() if self._scope.passes_time else ())

    def _hear(self, records: Iterable[Observation | CommandResponse]) -> None:
        heard = all_moments(records)
        self._hear_in_order(heard.serials, heard.moments)
        latest = self._latest_arrival.of(heard)
        self._latest = max(self._latest, latest)
        if latest and self._scope.passes_time:
            self._watermark.see([(latest, None)])

    def _hear_in_order(self, serials: list[str], moments: list[int]) -> None:
        if not self._scope.passes_time:
            return
        in_order = sorted(moments)
        if in_order != moments:
            order = sorted(range(len(moments)), key=moments.__getitem__)
            serials, moments = [serials[place] for place in order], in_order
        self._liveness.see_all(serials, moments)
        if self._scope.has_chronicle:
            self._chronicle.hear(serials, moments)
