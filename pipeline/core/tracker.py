"""The tracker: from commands, responses and observations, in any order, to the life of every command.

Owns what a new fact can touch, and when something is due. Pure: time is the watermark, an argument. Must not know
sources, stores, or how its memory is kept.

The final rows are a function of the set of facts, however they are ordered, repeated or cut into batches: whatever a
fact may touch is worked out anew from the facts themselves. Remembered beside them is only which decisions were
written, and under which firmware, so that one that another fact refutes is taken back where it stands. That it will
be is kept before it is: else who comes next after a crash would not know, and it would stand for ever.

What one fact can touch: the cluster of sendings and responses around its moment; for a sending, the one before it in
its readback family, which is superseded now; for an observation, the commands that it may confirm.

That holds for what comes in time (`core.forgetting`). Exceptions: an unknown command, or a response that could not be
that of a known one, more than PAST_NS behind the watermark, and anything more than `kept_ns` behind it, is passed over;
an hour of `charger_clock` counts the responses that were known CLOSED_NS behind its start; a command is superseded by
one that comes within `kept_ns`; and a ref is known once, at the first moment that was heard of it.
"""

from collections.abc import Iterable, Iterator, Mapping
from heapq import heappop, heappush

from pipeline.core.charger_memory import ChargerMemory, firmware_of
from pipeline.core.clock_offset import HOUR_NS, clock_row, hour_of
from pipeline.core.command_life import SILENCE, Life
from pipeline.core.command_lives import Lives
from pipeline.core.command_thread import Cluster, Sending
from pipeline.core.decision_intents import DecisionIntents
from pipeline.core.fleet_memory import FleetMemory
from pipeline.core.forgetting import CLOSED_NS, given_up_at
from pipeline.core.kept_facts import KeptKey
from pipeline.core.pairing import LATEST_NS
from pipeline.core.sightings import Sighting
from pipeline.core.telling import Teller
from pipeline.core.tracked import TimeOut, Touch, Touched, Tracked
from schemas.catalogue import Catalogue
from schemas.command import CommandResponse, CommandSent
from schemas.observation import Observation, Product
from schemas.row import Row

_SOFTWARE_RELEASE = 80


class Tracker:
    """See above. For one thread at a time."""

    def __init__(self, catalogue: Catalogue, timeout_ns: int, kept_ns: int) -> None:
        """Knows nothing yet. `timeout_ns` is COMMAND_TIMEOUT.

        `kept_ns` is how long the answer to a command may come late, by the watermark: LATE_DATA.
        """
        self._kept_ns = kept_ns
        self._lives = Lives(catalogue, timeout_ns, kept_ns)
        self._wanted = self._lives.readbacks | {_SOFTWARE_RELEASE}
        self._teller = Teller(catalogue, self._lives, kept_ns)
        self._fleet = FleetMemory(self._lives, kept_ns)
        # Where everything is to be said, and where only the state of commands can have changed.
        self._touched: set[Touch] = set()
        self._changed: set[Touch] = set()
        self._dues: list[tuple[int, Touch]] = []
        self._intents = DecisionIntents()
        self._too_late = 0

    def __len__(self) -> int:
        """How many chargers are remembered."""
        return len(self._fleet)

    @property
    def wanted(self) -> frozenset[int]:
        """Ids of observations of chargers that can matter here: readbacks of commands, and the firmware."""
        return self._wanted

    def add_command(self, command: CommandSent, attempt: int = 0, *, is_confirmed: bool = True) -> None:
        """A command of ours or a copy of somebody's; again changes nothing, but that a confirmed one is confirmed.

        A ref is known once: a copy of a command of ours, which was known before, may bear a time of its own. A copy in
        a recording may say itself which attempt it was, and that it was not confirmed.
        """
        attempt, is_confirmed = max(attempt, command.attempt), is_confirmed and command.is_confirmed
        command = command._replace(attempt=0, is_confirmed=True)
        known = self._fleet.add_sending(Sending(command, attempt, is_confirmed))
        if known is not None:
            self._touch_sending(known)
            deadline = self._lives.deadline(known)
            heappush(self._dues, (deadline, (known.serial, known.id, known.published_at)))
        else:
            self._too_late += 1

    def drop_command(self, command: CommandSent) -> None:
        """A command was never sent: its publish is known to have failed. Its entry is dropped; no row is written."""
        self._intents.drop(command)
        sending = self._fleet.drop_sending(command)
        if sending is not None:
            self._touch_sending(sending.command)
            # Responses that it claimed are somebody else's now.
            for response in self._fleet.responses_near(sending.command):
                self._touched.add((response.serial, response.id, response.created_at))

    def add_response(self, response: CommandResponse) -> None:
        """A response, to whomever's command."""
        if self._fleet.add_response(response):
            self._touched.add((response.serial, response.id, response.created_at))
        else:
            self._too_late += 1

    def add_observation(self, observation: Observation) -> None:
        """An observation; what the tracker does not want is passed over."""
        serial, observed_at = observation.serial, observation.observed_at
        if observation.id not in self._wanted or observation.product is not Product.CHARGER:
            return
        if observation.id == _SOFTWARE_RELEASE:
            self._fleet.add_firmware(serial, firmware_of(observation))
            return
        seen = Sighting(observed_at, observation.arrived_at, observation.id, observation.value)
        if self._fleet.add_sighting(serial, seen):
            self._touch_seen(serial, seen)

    def advance(self, watermark: int, past: int | None = None, most_due: int | None = None) -> Tracked:
        """What the facts since the last call, and the time that passed, make of it.

        Of what time alone has made due, which may be a great many at one moment, at most `most_due` at once where that
        is given, the earliest first.
        What is long past is forgotten by the watermark, or by `past` where that is ahead of it: of what is forgotten
        so, nothing is said.
        """
        horizon = watermark if past is None else max(watermark, past)
        waiting = self._touch_due(watermark, horizon, most_due)
        rows: list[Row] = []
        time_outs: list[TimeOut] = []
        hours: set[tuple[str, int]] = set()
        done: set[Touch] = set()
        for serial, command_id, memory, cluster in self._clusters(self._touched, done):
            told = self._teller.tell(memory, command_id, cluster, watermark)
            rows += told.rows
            time_outs += told.time_outs
            for sending in told.noted:
                self._fleet.note(sending)
                self._intents.note(sending)
            for at, moment in told.dues:
                heappush(self._dues, (at, (serial, command_id, moment)))
            hours.update([(serial, hour_of(response.created_at)) for response in cluster.responses])
        for _, command_id, memory, cluster in self._clusters(self._changed, done):
            rows += self._teller.tell_states(memory, command_id, cluster, watermark)
        rows += self._clock_rows(hours)
        touched = frozenset(self._touched | self._changed)
        self._touched.clear()
        self._changed.clear()
        self._intents.said()
        # What is due is not forgotten before it is said.
        self._fleet.advance(horizon if waiting is None else waiting)
        return Tracked(tuple(rows), tuple(time_outs), touched, waiting)

    def take_too_late(self) -> int:
        """How many commands and responses came too late to be followed, since the last call."""
        count, self._too_late = self._too_late, 0
        return count

    def touch(self, touched: Touched) -> None:
        """Say it all again at the next `advance`, as it is then."""
        self._touched |= touched

    def find(self, serial: str, command_id: int, ref: str) -> Life | None:
        """What is known of one command now; None where it is not known, or forgotten."""
        memory, thread = self._fleet.get(serial), self._fleet.thread(serial, command_id)
        sending = None if thread is None else thread.sending(ref)
        if memory is None or thread is None or sending is None:
            return None
        cluster = thread.cluster(sending.command.published_at)
        return next((life for life in self._lives.of(memory, cluster) if life.command.ref == ref), None)

    def time_outs(self) -> Iterator[TimeOut]:
        """Every command whose time-out or expiry stands now: that nobody answered, and that is not given up.

        But for one of which nobody knows whether that was said: `advance` says it.
        """
        for _, memory in self._fleet:
            for thread in memory.threads.values():
                for sending in thread.sendings():
                    if sending.is_silent and not self._intents.is_unsure(sending.command.ref):
                        yield from self._standing(sending)

    def next_due(self) -> int | None:
        """The watermark after which there is something to say without a new fact; None where there is nothing."""
        return self._dues[0][0] if self._dues else None

    def intended(self) -> Mapping[KeptKey, bytes]:
        """What is to be kept, by key, before any row that was not `kept` is written; `changes` drops it."""
        return self._intents.entries()

    def changes(self) -> Mapping[KeptKey, bytes | None]:
        """What is to be kept since the last call, by key; None for what is to be dropped."""
        return {**self._fleet.changes(), **dict.fromkeys(self.intended())}

    def kept(self) -> None:
        """All rows are durable, and all changes kept."""
        self._intents.kept()

    def restore(self, kept: Iterable[tuple[KeptKey, bytes]], watermark: int) -> None:
        """Remember what was kept at this watermark, and nothing else.

        What was decided by then was written before it was kept. What was only intended is said again, as it is now.
        What is open is said again, and that it supersedes the one before it: an intent to publish is kept before any
        row is written. Raises ValueError for an entry that this program does not know.
        """
        self._touched.clear()
        self._changed.clear()
        self._dues.clear()
        found = self._fleet.restore(kept, watermark)
        unsure = [each.sending.command.ref for each in found if not each.was_silent]
        self._intents.restore([each.sending for each in found], unsure)
        for sending, _ in found:
            self._touch_sending(sending.command)
        for serial, memory in self._fleet:
            for command_id, thread in memory.threads.items():
                for sending in thread.sendings():
                    self._expect(sending, watermark)
                for response in thread.responses():
                    at = response.created_at + LATEST_NS
                    if at >= watermark:
                        heappush(self._dues, (at, (serial, command_id, response.created_at)))

    def _expect(self, sending: Sending, watermark: int) -> None:
        """Note what is open of a sending that was kept at this watermark."""
        command, deadline = sending.command, self._lives.deadline(sending.command)
        touch = (command.serial, command.id, command.published_at)
        if not sending.decided:
            self._change_before(command)
            cluster = self._fleet.cluster(touch)
            if cluster is not None and cluster.is_matched:
                self._touched.add(touch)
            else:
                # There may be a great many: they are due now.
                heappush(self._dues, (watermark - 1, touch))
        if deadline >= watermark:
            heappush(self._dues, (deadline, touch))
        if sending.is_silent:
            heappush(self._dues, (given_up_at(command, deadline, self._kept_ns), touch))

    def _touch_sending(self, command: CommandSent) -> None:
        """A sending, and the one before it, which is superseded by it."""
        self._touched.add((command.serial, command.id, command.published_at))
        self._change_before(command)

    def _change_before(self, command: CommandSent) -> None:
        memory = self._fleet.get(command.serial)
        before = memory.before_of(self._lives.family(command.id), command) if memory else None
        if before is not None:
            self._changed.add((command.serial, before.command_id, before.published_at))

    def _touch_seen(self, serial: str, seen: Sighting) -> None:
        memory = self._fleet.get(serial)
        if memory is not None:
            for command_id, moment in self._lives.concerned(memory, seen):
                self._changed.add((serial, command_id, moment))

    def _clusters(
        self, touched: Iterable[Touch], done: set[Touch]
    ) -> Iterator[tuple[str, int, ChargerMemory, Cluster]]:
        """Each cluster that is touched and not done yet, in order; from then on it is."""
        for serial, command_id, moment in sorted(touched):
            memory, cluster = self._fleet.get(serial), self._fleet.cluster((serial, command_id, moment))
            if memory is None or cluster is None:
                continue
            place = (serial, command_id, cluster.last)
            if place not in done:
                done.add(place)
                yield serial, command_id, memory, cluster

    def _touch_due(self, watermark: int, horizon: int, most: int | None) -> int | None:
        """What time has passed for, but where everything is answered: then it makes no difference.

        The moment of the first that has to wait for the next time, None where none has.
        """
        enough = None if most is None else len(self._touched) + most
        while self._dues and self._dues[0][0] < horizon:
            if enough is not None and len(self._touched) >= enough:
                return self._dues[0][0]
            at, touch = heappop(self._dues)
            cluster = self._fleet.cluster(touch) if at < watermark else None
            if cluster is not None and not cluster.is_matched:
                self._touched.add(touch)
        return None

    def _clock_rows(self, hours: Iterable[tuple[str, int]]) -> Iterator[Row]:
        """The clocks of chargers in these hours, but for hours of which something may be forgotten."""
        for serial, hour in sorted(hours):
            memory = self._fleet.get(serial)
            if memory is not None and self._fleet.watermark <= hour + CLOSED_NS:
                row = clock_row(serial, hour, memory.responses_between(hour, hour + HOUR_NS))
                if row is not None:
                    yield row

    def _standing(self, sending: Sending) -> Iterator[TimeOut]:
        command = sending.command
        life = self.find(command.serial, command.id, command.ref)
        if life is not None and life.response is None:
            for each in sending.decided:
                time_out = self._teller.time_out(life, each.at, self._fleet.watermark)
                if each.outcome in SILENCE and time_out.given_up_at is None:
                    yield time_out
