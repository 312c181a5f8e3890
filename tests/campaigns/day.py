"""A simulated day of commands, decoded and followed as the worker does it, and judged as it goes.

Owns the run: memory is bounded by what happens in `SETTLED_NS`, however long the day is. `Follower` is what is tried:
it takes the stream in batches and gives rows.
"""

import resource
import time
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from pipeline.core.decode import Decoder
from pipeline.core.redaction import Personal, Redaction
from pipeline.core.tracker import Tracker
from pipeline.core.watermark import Watermark
from pipeline.simulator.fleet import Fleet, FleetPlan
from pipeline.simulator.quirks import Quirks
from pipeline.simulator.truth import CommandTruth
from schemas.catalogue import shipped_catalogue
from schemas.command import CommandResponse, CommandSent
from schemas.delivery import Delivery
from schemas.observation import Observation
from schemas.row import Row
from tests.campaigns.command_ends import (
    READBACK_NS,
    TIMEOUT_NS,
    Confusion,
    End,
    S,
    Shown,
    StoredEnd,
    StoredEnds,
    is_answered_in_time,
    true_effect,
    true_end,
    true_outcomes,
)

HOUR_NS = 3_600 * S
SETTLED_NS = HOUR_NS
"""After this nothing more is heard of a command: answers are at most 470 s late, effects shown soon after. Only a
charger that was offline may still tell what it did before."""
KEPT_NS = 6 * HOUR_NS
STEP_NS = S
NEAR_NS = 7 * S
"""Two commands of one id that are nearer than this may be taken for each other."""
ANSWERED_WITHIN_NS = 600 * S
"""After this no command of the simulator is answered any more, or shows anything new."""
FIRST_NS = 60 * S
"""By then every charger has told its settings, which might be taken for what a command did."""
CLOCK_NS = 3 * S
"""How far the stamp of an observation may be off: 2 s by its charger's clock, and whole seconds."""
STAMPS_OFF_NS = 2 * S + CLOCK_NS
"""How far the stamp of what a command shows may be from its creation, back in time: see core.confirmation, plus
CLOCK_NS."""
_SAMPLES = 2
"""How many of each sort of wrong ones are shown in full."""


class Follower:
    """Deliveries of the operator's queue and the operator's own commands, in batches, to rows."""

    def __init__(self) -> None:
        catalogue = shipped_catalogue()
        self._decoder = Decoder(catalogue, Redaction(Personal.DROP))
        self._tracker = Tracker(catalogue, TIMEOUT_NS, KEPT_NS)
        self._watermark = Watermark()

    def follow(self, batch: Sequence[Delivery | CommandSent]) -> Sequence[Row]:
        """One batch; a command in it is known before the deliveries are."""
        tracker = self._tracker
        for item in batch:
            if isinstance(item, CommandSent):
                tracker.add_command(item)
        arrivals = []
        deliveries = [item for item in batch if isinstance(item, Delivery)]
        for outcome in self._decoder.decode(deliveries).outcomes:
            if isinstance(outcome, Observation):
                tracker.add_observation(outcome)
            elif isinstance(outcome, CommandResponse):
                tracker.add_response(outcome)
            else:
                continue
            arrivals.append((outcome.arrived_at, outcome.received_at))
        self._watermark.see(arrivals)
        rows = tracker.advance(self._watermark.at or 0).rows
        tracker.changes()
        return rows


class _Judged(NamedTuple):
    """What the rows of a command said when it was settled; `is_final` unless its charger may still tell of it."""

    ref: str
    published_at: int
    end: End
    is_confirmed: bool
    is_final: bool


class Judge:
    """Holds truth against rows, once a command is settled, and forgets both once the tracker has forgotten it too."""

    def __init__(self, since: int) -> None:
        """Commands sent before `since` are passed over."""
        self._since = since
        self.confusion = Confusion()
        self._pending: deque[CommandTruth] = deque()
        self._judged: deque[_Judged] = deque()
        self._alike: dict[tuple[str, int], deque[CommandTruth]] = {}

    def hear(self, commands: list[CommandTruth]) -> None:
        """Take commands over from the truth, in the order in which they were sent."""
        for command in commands:
            self._pending.append(command)
            self._alike.setdefault((command.serial, command.id), deque()).append(command)
        commands.clear()

    def judge(self, stored: StoredEnds, until: int) -> None:
        """Judge what was sent before `until`."""
        while self._pending and self._pending[0].published_at < until:
            command = self._pending.popleft()
            alike = self._alike[command.serial, command.id]
            while alike[0].created_at < command.created_at - ANSWERED_WITHIN_NS:
                alike.popleft()
            if command.is_ours:
                found = stored.read(command.ref)
                self._judged.append(
                    _Judged(command.ref, command.published_at, found.end(), found.is_confirmed, command.is_legible)
                )
                if command.published_at >= self._since:
                    self._compare(command, found, [each for each in alike if each is not command])

    def forget(self, stored: StoredEnds, until: int) -> None:
        """Look once more at what was sent before `until`, and forget it."""
        while self._judged and self._judged[0].published_at < until:
            judged = self._judged.popleft()
            now = stored.take(judged.ref)
            if judged.is_final and (now.end(), now.is_confirmed) != (judged.end, judged.is_confirmed):
                self.confusion.changed.append(f"{judged} changed to {now}")

    def _compare(self, command: CommandTruth, stored: StoredEnd, alike: Sequence[CommandTruth]) -> None:
        confusion = self.confusion
        until = min(
            (each.published_at for each in alike if each.is_ours and each.published_at > command.published_at),
            default=command.created_at + READBACK_NS,
        )
        true, end = true_end(command), stored.end()
        effect = true_effect(command, until)
        crowd = _crowd(command, alike)
        is_end_right = true is end and stored.standing == true_outcomes(command)
        confusion.ends[true, end] += 1
        confusion.effects[effect, stored.is_confirmed] += 1
        confusion.crowds[crowd, not is_end_right] += 1
        if {"timed_out", "expired"} & set(stored.standing) and is_answered_in_time(command):
            confusion.false_timeouts.append(command)
        if not is_end_right:
            self._note(f"{true} stored as {end}", crowd, command, stored, alike)
        elif (effect is Shown.IN_TIME) is not stored.is_confirmed:
            what = f"{effect}, {'' if stored.is_confirmed else 'not '}confirmed"
            self._note(what, _showing(command, until, alike, crowd), command, stored, alike)

    def _note(
        self, what: str, cause: str, command: CommandTruth, stored: StoredEnd, alike: Sequence[CommandTruth]
    ) -> None:
        self.confusion.causes[what, cause] += 1
        if self.confusion.causes[what, cause] <= _SAMPLES:
            near = [each for each in alike if abs(each.created_at - command.created_at) < 2 * NEAR_NS]
            self.confusion.samples.append(f"{what}; {cause}; {command}; {stored}; near it: {near}")


def _crowd(command: CommandTruth, alike: Sequence[CommandTruth]) -> str:
    """Whose commands of the same id came so near that their answers may be taken for this one's."""
    near = {each.is_ours for each in alike if abs(each.created_at - command.created_at) < NEAR_NS}
    return {(): "nobody", (False,): "others", (True,): "ourselves", (False, True): "both"}[tuple(sorted(near))]


def _showing(command: CommandTruth, until: int, alike: Sequence[CommandTruth], crowd: str) -> str:
    """What may have shown a value in place of this command, or hidden it; `until` the next of its kind of ours."""
    if command.shown_at is not None and not command.is_legible:
        return "what it said could not be read, or was told only when its charger was back"
    if command.shown_at is not None and abs(command.shown_at - until) <= CLOCK_NS:
        return "shown so near the next command that clocks decide on which side of it"
    since = command.created_at - STAMPS_OFF_NS
    for each in alike:
        if each.shown_at is not None and since <= each.shown_at <= until + CLOCK_NS:
            who = "ours" if each.is_ours else "others"
            how = "answered late" if each.shown_at > each.created_at + NEAR_NS else "answered at once"
            return f"the value was shown meanwhile by another command ({who}, {how})"
    return f"id {command.id}, same id near from {crowd}"


class Day(NamedTuple):
    """What came of a day. `hasty`: time-outs that were written before the answer in time was read."""

    confusion: Confusion
    messages: int
    hasty: int
    seconds: float
    peak_mib: float

    def summary(self) -> str:
        """In words and tables."""
        return (
            f"{self.messages} messages in {self.seconds:.0f} s, {self.peak_mib:.0f} MiB at most, "
            f"{self.hasty} time-outs written and taken back\n{self.confusion.tables()}"
        )


def live_through(plan: FleetPlan, quirks: Quirks, hours: int) -> Day:
    """Follow every command that is sent in so many hours, and those after it until each is settled."""
    began = time.monotonic()
    fleet, follower, stored, judge = Fleet(plan, quirks), Follower(), StoredEnds(), Judge(plan.start + FIRST_NS)
    now, end, shown_at = plan.start, plan.start + hours * HOUR_NS, plan.start
    while now < end + SETTLED_NS:
        now += STEP_NS
        stored.write(follower.follow(fleet.advance_with_commands(now)))
        judge.hear(fleet.truth.commands)
        fleet.truth.sessions.clear()
        judge.judge(stored, min(now - SETTLED_NS, end))
        judge.forget(stored, now - KEPT_NS - SETTLED_NS)
        if now - shown_at >= HOUR_NS:
            shown_at = now
            hour, messages, judged = (now - plan.start) // HOUR_NS, fleet.truth.deliveries, judge.confusion.judged
            took = f"{time.monotonic() - began:.0f} s, {_peak_mib():.0f} MiB"
            print(f"{hour} h: {messages} messages, {judged} judged, {len(stored)} remembered, {took}", flush=True)
    judge.forget(stored, end)
    return Day(judge.confusion, fleet.truth.deliveries, stored.hasty, time.monotonic() - began, _peak_mib())


def _peak_mib() -> float:
    """The most memory that this process has had; Linux counts it in KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024
