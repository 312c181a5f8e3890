"""The tracker: from commands, responses and observations, in any order, to the life of every command.

Owns what a new fact can touch, and when something is due. Pure: time is the watermark, an argument. Must not know
sources, stores, or how its memory is kept.

The final rows are a function of the set of facts, however they are ordered, repeated or cut into batches: whatever a
fact may touch is worked out anew from the facts themselves. Remembered beside them is only which decisions were
written, and under which firmware, so that one that another fact refutes is taken back where it stands.

What one fact can touch: the cluster of sendings and responses around its moment; and for a sending, the one before it
in its readback family, which is superseded now.
"""

from collections.abc import Iterable, Iterator, Mapping
from heapq import heappop, heappush

from pipeline.core.charger_memory import ChargerMemory, Firmware, place_of
from pipeline.core.command_life import Life, arrival_of, command_row, decisions, outcome_row, paired_row
from pipeline.core.command_lives import Lives
from pipeline.core.command_thread import Cluster, Sending
from pipeline.core.confirmation import AFTER_NS, Sighting
from pipeline.core.kept_facts import Decided, Fact, KeptKey, from_bytes, key_of, to_bytes
from pipeline.core.pairing import LATEST_NS
from pipeline.core.tracked import SILENCE, TimeOut, Touch, Touched, Tracked
from schemas.catalogue import Catalogue
from schemas.command import CommandResponse, CommandSent
from schemas.observation import Observation, Product
from schemas.row import Row

_NO_FIRMWARE = "-"
_SOFTWARE_RELEASE = 80


class Tracker:
    """See above. For one thread at a time."""

    def __init__(self, catalogue: Catalogue, timeout_ns: int, kept_ns: int) -> None:
        """Knows nothing yet. `timeout_ns` is COMMAND_TIMEOUT.

        `kept_ns` is how long facts are remembered, by the watermark: LATE_DATA, longer than a message can wait to be
        delivered again.
        """
        self._catalogue = catalogue
        self._lives = Lives(catalogue, timeout_ns)
        self._kept_ns = kept_ns
        self._families = {
            observation_id: self._lives.family(spec.id)
            for spec in catalogue.commands.values()
            for observation_id in spec.readback
        }
        self._chargers: dict[str, ChargerMemory] = {}
        self._touched: set[Touch] = set()
        self._dues: list[tuple[int, Touch]] = []
        self._forgets: list[tuple[int, str]] = []
        self._changes: dict[KeptKey, bytes | None] = {}

    def __len__(self) -> int:
        """How many chargers are remembered."""
        return len(self._chargers)

    def wants(self, observation: Observation) -> bool:
        """Whether an observation can matter here: a readback of some command, or a charger's firmware."""
        is_read = observation.id in self._families or observation.id == _SOFTWARE_RELEASE
        return is_read and observation.product is Product.CHARGER

    def add_command(self, command: CommandSent, attempt: int = 0, *, is_confirmed: bool = True) -> None:
        """A command of ours or a copy of somebody's; again changes nothing, but that a confirmed one is confirmed.

        A ref is known once: a copy of a command of ours, which was known before, may bear a time of its own.
        """
        memory = self._chargers.get(command.serial)
        thread = memory.threads.get(command.id) if memory else None
        known = thread.sending_of(command.ref) if thread else None
        if known is not None:
            command = command._replace(published_at=known.command.published_at)
        self._keep(command.serial, self._learn(command.serial, Sending(command, attempt, is_confirmed)))

    def drop_command(self, command: CommandSent) -> None:
        """A command was never sent: its publish is known to have failed. Its entry is dropped; no row is written."""
        memory = self._chargers.get(command.serial)
        sending = memory.drop_sending(command, self._lives.family(command.id)) if memory else None
        if memory is None or sending is None:
            return
        place = place_of(command)
        before = memory.before_in_family(place, self._lives.family(command.id))
        self._touched.add(Touch(command.serial, command.id, command.published_at))
        if before is not None:
            self._touched.add(Touch(command.serial, before.command_id, before.published_at))
        self._changes[key_of(command.serial, sending)] = None
        for decision in memory.decided.pop(place, {}):
            self._changes[key_of(command.serial, Decided(place, decision, ""))] = None

    def add_response(self, response: CommandResponse) -> None:
        """A response, to whomever's command."""
        self._keep(response.serial, self._learn(response.serial, response))

    def add_observation(self, observation: Observation) -> None:
        """An observation; what the tracker does not want is passed over."""
        if not self.wants(observation):
            return
        fact: Fact
        if observation.id == _SOFTWARE_RELEASE:
            fact = Firmware(observation.observed_at, _release(observation))
        else:
            fact = Sighting(observation.observed_at, observation.arrived_at, observation.id, observation.value)
        self._keep(observation.serial, self._learn(observation.serial, fact))

    def advance(self, watermark: int) -> Tracked:
        """What the facts since the last call, and the time that passed, make of it."""
        while self._dues and self._dues[0][0] < watermark:
            self._touched.add(heappop(self._dues)[1])
        rows: list[Row] = []
        time_outs: list[TimeOut] = []
        written: set[tuple[str, int, Cluster]] = set()
        for touch in sorted(self._touched):
            memory = self._chargers.get(touch.serial)
            thread = memory.threads.get(touch.command_id) if memory else None
            if memory is None or thread is None:
                continue
            cluster = thread.cluster(touch.moment)
            if (touch.serial, touch.command_id, cluster) not in written:
                written.add((touch.serial, touch.command_id, cluster))
                self._write(memory, touch, cluster, watermark, rows, time_outs)
        touched = frozenset(self._touched)
        self._touched.clear()
        self._forget(watermark)
        return Tracked(tuple(rows), tuple(time_outs), touched)

    def touch(self, touched: Touched) -> None:
        """Say it all again at the next `advance`, as it is then."""
        self._touched |= touched

    def find(self, serial: str, command_id: int, published_at: int, ref: str) -> Life | None:
        """What is known of one command now; None where it is not known, or forgotten."""
        memory = self._chargers.get(serial)
        thread = memory.threads.get(command_id) if memory else None
        if memory is None or thread is None:
            return None
        return next(
            (life for life in self._lives.of(memory, thread.cluster(published_at)) if life.command.ref == ref), None
        )

    def time_outs(self) -> Iterator[TimeOut]:
        """Every command whose time-out or expiry stands now, and that nobody answered."""
        for memory in self._chargers.values():
            for place, decided in memory.decided.items():
                thread = memory.threads.get(place.command_id)
                if thread is None or not any(decision.outcome in SILENCE for decision in decided):
                    continue
                for life in self._lives.of(memory, thread.cluster(place.published_at)):
                    if life.command.ref == place.ref and life.response is None:
                        name = self._catalogue.command_name(place.command_id)
                        yield TimeOut(life.command, name, life.deadline, None, is_refuted=False)

    def next_due(self) -> int | None:
        """The watermark after which there is something to say without a new fact; None where there is nothing."""
        return self._dues[0][0] if self._dues else None

    def changes(self) -> Mapping[KeptKey, bytes | None]:
        """What is to be kept since the last call, by key; None for what is to be dropped."""
        changes, self._changes = self._changes, {}
        return changes

    def restore(self, kept: Iterable[tuple[KeptKey, bytes]], watermark: int) -> None:
        """Remember what was kept at this watermark, and nothing else.

        What was decided by then was written before it was kept. What is open is said again: an intent to publish is
        kept before its row is written. Raises ValueError for an
        entry that this program does not know.
        """
        self._chargers = {}
        for parts in (self._touched, self._changes, self._dues, self._forgets):
            parts.clear()
        for key, content in kept:
            self._learn(key.serial, from_bytes(key, content))
        self._touched.clear()
        for serial, memory in self._chargers.items():
            for command_id, thread in memory.threads.items():
                for each in thread.sendings():
                    if self._lives.deadline(each) >= watermark or place_of(each.command) not in memory.decided:
                        self._touched.add(Touch(serial, command_id, each.command.published_at))
                dues = [(response.created_at + LATEST_NS, response.created_at) for response in thread.responses()]
                for at, moment in dues:
                    if at >= watermark:
                        heappush(self._dues, (at, Touch(serial, command_id, moment)))

    def _learn(self, serial: str, fact: Fact) -> Fact:
        """Take in a fact, and note what it touches; what is known of it now."""
        memory = self._chargers.setdefault(serial, ChargerMemory())
        match fact:
            case Sending(command):
                fact = memory.thread(command.id).add_sending(fact)
                before = memory.add_place(place_of(command), self._lives.family(command.id))
                self._touched.add(Touch(serial, command.id, command.published_at))
                if before is not None:
                    self._touched.add(Touch(serial, before.command_id, before.published_at))
                self._remember(serial, command.published_at)
            case CommandResponse():
                fact = memory.thread(fact.id).add_response(fact)
                self._touched.add(Touch(serial, fact.id, fact.created_at))
                self._remember(serial, fact.created_at)
            case Sighting():
                memory.sightings.add(fact)
                self._touch_seen(serial, memory, fact)
                self._remember(serial, fact.observed_at)
            case Decided(place, decision, firmware):
                memory.decided.setdefault(place, {})[decision] = firmware
            case Firmware():
                memory.add_firmware(fact)
                fact = memory.firmware or fact
        return fact

    def _touch_seen(self, serial: str, memory: ChargerMemory, seen: Sighting) -> None:
        """The commands that a sighting can confirm, and those for which it is a value from before."""
        first = seen.observed_at - AFTER_NS - LATEST_NS
        last = seen.observed_at + self._kept_ns
        for place in memory.places_between(self._families[seen.observation_id], first, last):
            self._touched.add(Touch(serial, place.command_id, place.published_at))

    def _keep(self, serial: str, fact: Fact) -> None:
        self._changes[key_of(serial, fact)] = to_bytes(fact)

    def _remember(self, serial: str, moment: int) -> None:
        heappush(self._forgets, (moment + self._kept_ns, serial))

    def _write(
        self,
        memory: ChargerMemory,
        touch: Touch,
        cluster: Cluster,
        watermark: int,
        rows: list[Row],
        time_outs: list[TimeOut],
    ) -> None:
        """Say everything about one cluster as it is known now."""
        name = self._catalogue.command_name(touch.command_id)
        refs = {there: cluster.sendings[here].command.ref for here, there in cluster.pairs}
        for life in self._lives.of(memory, cluster):
            rows.append(command_row(life, watermark, name))
            self._decide(memory, life, watermark, name, rows, time_outs)
            if life.response is None and watermark <= life.deadline:
                heappush(self._dues, (life.deadline, touch._replace(moment=life.command.published_at)))
        for place, response in enumerate(cluster.responses):
            ref = refs.get(place)
            if ref is None and watermark <= response.created_at + LATEST_NS:
                heappush(self._dues, (response.created_at + LATEST_NS, touch._replace(moment=response.created_at)))
            else:
                rows.append(paired_row(response, ref, name))

    def _decide(
        self,
        memory: ChargerMemory,
        life: Life,
        watermark: int,
        name: str,
        rows: list[Row],
        time_outs: list[TimeOut],
    ) -> None:
        """Write every decision about a command, and take back those that no longer hold."""
        decided = memory.decided.setdefault(place_of(life.command), {})
        held = decisions(life, watermark)
        firmware = memory.firmware.release if memory.firmware else _NO_FIRMWARE
        for decision in held:
            if decision not in decided:
                decided[decision] = firmware
                self._keep(life.command.serial, Decided(place_of(life.command), decision, firmware))
        rows += [
            outcome_row(life, decision, name, release, is_refuted=decision not in held)
            for decision, release in decided.items()
        ]
        for decision in decided:
            if decision.outcome in SILENCE:
                answered_at = arrival_of(life.response) if life.response else None
                time_outs.append(TimeOut(life.command, name, decision.at, answered_at, decision not in held))

    def _forget(self, watermark: int) -> None:
        while self._forgets and self._forgets[0][0] < watermark:
            _, serial = heappop(self._forgets)
            memory = self._chargers.get(serial)
            if memory is None:
                continue
            gone = memory.forget(watermark - self._kept_ns)
            decided = [Decided(place, decision, "") for place, decision in gone.decisions]
            facts: list[Fact] = [*gone.sendings, *gone.responses, *gone.sightings, *decided]
            for fact in facts:
                self._changes[key_of(serial, fact)] = None
            if not memory.threads and not memory.sightings and memory.firmware is None:
                del self._chargers[serial]


def _release(observation: Observation) -> str:
    value = observation.value
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
