"""Tracking: the derivation of one worker, what of it is on the disk, and who may touch it when.

Owns the lock: a batch is committed in one thread, and commands are sent and asked about in another. Nobody waits here
for a store, so a command can be sent while a store does not answer. Must not know stores, brokers, or how a batch is
written.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from threading import Lock

from pipeline.core.command_entry import SentCommand
from pipeline.core.command_life import Life
from pipeline.core.command_thread import Sending
from pipeline.core.decode import Outcome
from pipeline.core.derivation import NOTHING_DERIVED, Derivation, Derived
from pipeline.core.kept_facts import key_of, to_bytes
from pipeline.core.timestamps import NS_PER_S
from pipeline.log import place_of_fault
from pipeline.wires.progress_tables import Request
from pipeline.wires.state import RejectsReport, StateFile
from pipeline.wires.store import StoreUnavailableError
from schemas.alert import Alert
from schemas.command import CommandSent
from schemas.reject import Reject

_LOG = logging.getLogger(__name__)

TWIN_NS = 120 * NS_PER_S
"""How long after an unanswered write the server may still carry it out: its rows are said again then."""

_MOST_TWINS = 100
_MOST_DUE = 4_000
_MOST_FAILED = 64
"""Records of a batch that are left out: what was kept is read again after each. More are no matter of records."""

_Take = Callable[[Iterable[Outcome]], None]


class Tracking:
    """See above. Every method takes the lock, and raises StoreUnavailableError where the state file cannot be used.

    `failed`  records of the batch that was begun last, by their places in it, that make the program fail, and where.
              Nothing follows from them, and the batch is as if they were not in it.
    """

    def __init__(self, derivation: Derivation, state: StateFile, *, is_kept: bool = True) -> None:
        """Knows what `derivation` knows. `is_kept` False is for one that ends with the program: a replay, a demo."""
        self._derivation = derivation
        self._state = state
        self._is_kept = is_kept
        self._lock = Lock()
        self._is_stale = False
        self._has_failed = False
        self.failed: Mapping[int, str] = {}
        self._active: tuple[Alert, ...] = ()
        self._twins: list[tuple[int, Derived]] = []
        self._on_their_way: dict[str, CommandSent] = {}

    def restore(self) -> None:
        """Go on from what the state file has. Raises ValueError for what this program does not know."""
        with self._lock:
            self._restore()

    def forget_uncommitted(self) -> None:
        """A batch that was begun will not be kept: its deliveries come again, perhaps to somebody else."""
        with self._lock:
            self._is_stale = self._is_kept

    def has_news(self, now: int) -> bool:
        """Whether there is something to write or to keep without a new delivery; `now` is our clock."""
        with self._lock:
            derived = self._follow(self._derivation.take_copies, (), now)
            has_more = bool(derived.rows) or not derived.is_whole
            return has_more or (self._is_kept and self._derivation.progress() is not None)

    def begin(self, outcomes: Sequence[Outcome], now: int) -> Derived:
        """Take in what a batch of the operator's queue became; the rows that follow."""
        with self._lock:
            return self._follow(self._derivation.take, self._as_sent(outcomes), now)

    def begin_copies(self, outcomes: Sequence[Outcome], now: int) -> Derived:
        """The same for a batch of COMMAND_QUEUE."""
        with self._lock:
            return self._follow(self._derivation.take_copies, self._as_sent(outcomes), now)

    def overtaken(self, derived: Derived, now: int) -> None:
        """A write got no answer, and may be carried out after later ones."""
        with self._lock:
            self._twins = [*self._twins[-_MOST_TWINS:], (now + TWIN_NS, derived)]

    def keep(self, rejects: Sequence[Reject], now: int) -> tuple[RejectsReport, Sequence[Alert]]:
        """The rows are durable: keep the batch's rejects and progress in one transaction; what to tell of then.

        Raises RejectsFullError, too.
        """
        with self._lock:
            if self._has_failed:
                return self._state.keep(rejects, now, None), ()
            if self._is_stale:
                # What this batch added is forgotten with it: it is taken again.
                message = "another batch was dropped while this one was written; it is written again"
                raise StoreUnavailableError(message)
            report = self._state.keep(rejects, now, self._derivation.progress() if self._is_kept else None)
            told = self._derivation.kept()
            if told:
                self._active = tuple(self._derivation.active())
            return report, told

    def queue_was_empty(self, at: int) -> None:
        """See Watermark.queue_was_empty."""
        with self._lock:
            self._derivation.queue_was_empty(at)

    def latest(self) -> int:
        """See Derivation.latest."""
        with self._lock:
            return self._derivation.latest

    def active(self) -> Sequence[Alert]:
        """Alerts that are raised now. Waits for nobody."""
        return self._active

    def intend(self, request: Request, command: CommandSent, attempt: int) -> None:
        """Make durable that a command is about to be published; nothing is said of it before that ended."""
        sending = Sending(command, attempt, is_confirmed=False)
        with self._lock:
            self._state.keep_request(request, {key_of(command.serial, sending): to_bytes(sending)})
            self._on_their_way[request.ref] = command

    def sent(self, command: CommandSent, attempt: int, *, is_confirmed: bool) -> None:
        """A publish ended, and the command may have arrived."""
        with self._lock:
            self._on_their_way.pop(command.ref, None)
            self._derivation.add_command(command, attempt, is_confirmed=is_confirmed)
            sending = Sending(command, attempt, is_confirmed)
            self._state.keep_facts({key_of(command.serial, sending): to_bytes(sending)})

    def withdraw(self, request: Request, command: CommandSent) -> None:
        """A publish ended, and the command cannot have arrived: forget it."""
        with self._lock:
            self._on_their_way.pop(command.ref, None)
            self._derivation.drop_command(command)
            key = key_of(command.serial, Sending(command, 0, is_confirmed=False))
            self._state.drop_requests([request.message_id], {key: None})

    def drop_requests(self, message_ids: Sequence[str]) -> None:
        """Forget requests that are long past."""
        with self._lock:
            self._state.drop_requests(message_ids, {})

    def requests(self) -> Sequence[Request]:
        """What we were asked to send, the oldest first."""
        with self._lock:
            return self._state.requests()

    def find(self, request: Request) -> SentCommand | None:
        """What is known of a command that we sent; None where it is forgotten."""
        with self._lock:
            life = self._life(request)
            return None if life is None else SentCommand(life, self._derivation.watermark)

    def keep_raised(self, raised: Mapping[str, int]) -> None:
        """See StateFile.keep_raised."""
        with self._lock:
            self._state.keep_raised(raised)

    def raised(self) -> Mapping[str, int]:
        """See StateFile.raised."""
        with self._lock:
            return self._state.raised()

    def _life(self, request: Request) -> Life | None:
        return self._derivation.find(request.serial, request.command_id, request.ref)

    def _as_sent(self, outcomes: Sequence[Outcome]) -> Sequence[Outcome]:
        """A copy of what is just being published, which may bear a time of its own, is of our moment.

        So there is one fact of a ref: the intent is kept under that moment already.
        """
        if not self._on_their_way:
            return outcomes
        return [self._of_our_moment(each) if isinstance(each, CommandSent) else each for each in outcomes]

    def _of_our_moment(self, copy: CommandSent) -> CommandSent:
        ours = self._on_their_way.get(copy.ref)
        return copy if ours is None else copy._replace(published_at=ours.published_at)

    def _follow(self, take: _Take, outcomes: Sequence[Outcome], now: int) -> Derived:
        """One round. A fault of ours in it costs no fact, and no record but those that bring it about.

        Where it fails without those, too, nothing follows, and what was kept is read again.
        """
        self._begin(now)
        self.failed = {}
        derived = self._round(take, outcomes)
        if derived is None and self._is_kept and outcomes:
            failed = self._find_failing(take, outcomes, now)
            self._begin_anew(now)
            derived = self._round(take, [each for place, each in enumerate(outcomes) if place not in failed])
            self.failed = {} if derived is None else failed
        if derived is None:
            _LOG.error("nothing follows from these messages")
            self._has_failed = self._is_stale = self._is_kept
            return NOTHING_DERIVED
        self._twins = [(at, said) for at, said in self._twins if at > now]
        if self._is_kept and (intended := self._derivation.intended()):
            self._state.keep_facts(intended)
        return derived

    def _round(self, take: _Take, outcomes: Sequence[Outcome]) -> Derived | None:
        """What follows; None where the program fails. Then these records may be taken in half."""
        try:
            take(outcomes)
            return self._derivation.advance(_MOST_DUE if self._is_kept else None)
        except Exception as fault:
            _LOG.error("%s: this program fails at %d messages; please report it", place_of_fault(fault), len(outcomes))
            return None

    def _find_failing(self, take: _Take, outcomes: Sequence[Outcome], now: int) -> Mapping[int, str]:
        """The places of records that make the program fail, and where; none where it is no matter of records.

        They are tried one by one, in memory alone.
        """
        failed: dict[int, str] = {}
        sound: list[Outcome] = []
        self._begin_anew(now)
        for place, outcome in enumerate(outcomes):
            fault = self._try(take, [outcome])
            if fault is None:
                sound.append(outcome)
                continue
            failed[place] = place_of_fault(fault)
            self._begin_anew(now)
            if len(failed) > _MOST_FAILED or self._try(take, sound) is not None:
                return {}
        return failed

    def _try(self, take: _Take, outcomes: Sequence[Outcome]) -> Exception | None:
        """A round as if it were kept, which it must never be; what it raises."""
        try:
            take(outcomes)
            self._derivation.advance(_MOST_DUE)
            self._derivation.kept()
        except Exception as fault:
            return fault
        return None

    def _begin_anew(self, now: int) -> None:
        self._is_stale = True
        self._begin(now)

    def _begin(self, now: int) -> None:
        if self._is_stale:
            self._restore()
        for at, derived in self._twins:
            if at <= now:
                self._derivation.say_again(derived)

    def _restore(self) -> None:
        """Read everything again, but for what is just being published: that is known when its publish ends."""
        under_way = self._on_their_way.values()
        on_their_way = {key_of(command.serial, Sending(command, 0, is_confirmed=False)) for command in under_way}
        facts = [(key, content) for key, content in self._state.facts() if key not in on_their_way]
        self._derivation.restore(facts, self._state.heard(), self._state.watermark())
        self._active = tuple(self._derivation.active())
        self._is_stale = self._has_failed = False
