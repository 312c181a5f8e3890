"""The tracker: from commands, responses and observations, in any order, to the life of every command.

Owns what a new fact can touch, and when something is due. Pure: time is the watermark, an argument. Must not know
sources, stores, or how its memory is kept.

The final rows are a function of the set of facts, however they are ordered, repeated or cut into batches: whatever a
fact may touch is worked out anew from the facts themselves. Remembered beside them is only which decisions were
written, and under which firmware, so that one that another fact refutes is taken back where it stands.

What one fact can touch: the cluster of sendings and responses around its moment; and for a sending, the one before it
in its readback family, which is superseded now.
"""

from collections.abc import Iterable, Mapping
from heapq import heappop, heappush
from typing import NamedTuple

from pipeline.core.charger_memory import ChargerMemory, Firmware, place_of
from pipeline.core.command_life import Life, arrival_of, command_row, decisions, outcome_row
from pipeline.core.command_thread import Cluster, Sending
from pipeline.core.pairing import LATEST_NS
from schemas.catalogue import Catalogue
from schemas.command import CommandResponse, CommandSent, Outcome
from schemas.measurement import COMMAND_RESPONSE
from schemas.observation import Observation, Product
from schemas.row import Row

KEPT_NS = 24 * 3_600 * 10**9
"""How long a command is remembered, by the watermark: longer than a message can wait to be delivered again."""

_NO_FIRMWARE = "-"
_SOFTWARE_RELEASE = 80


class TimeOut(NamedTuple):
    """A command without an answer at its deadline, for an alert.

    `answered_at`  when one came after all, None while none has.
    `is_refuted`   it had come in time, which became known later.
    """

    command: CommandSent
    command_name: str
    deadline: int
    answered_at: int | None
    is_refuted: bool


class Tracked(NamedTuple):
    """What is to be written, for the first time or again."""

    rows: tuple[Row, ...]
    time_outs: tuple[TimeOut, ...]


class _Touch(NamedTuple):
    """A cluster: that of a charger and a command id around a moment."""

    serial: str
    command_id: int
    moment: int


class Tracker:
    """See above. For one thread at a time."""

    def __init__(self, catalogue: Catalogue, timeout_ns: int) -> None:
        """Knows nothing yet. `timeout_ns` is COMMAND_TIMEOUT."""
        self._catalogue = catalogue
        self._timeout_ns = timeout_ns
        self._chargers: dict[str, ChargerMemory] = {}
        self._touched: set[_Touch] = set()
        self._dues: list[tuple[int, _Touch]] = []
        self._forgets: list[tuple[int, str]] = []
        self._changed: set[str] = set()

    def __len__(self) -> int:
        """How many chargers are remembered."""
        return len(self._chargers)

    def add_command(self, command: CommandSent, attempt: int = 0, *, is_confirmed: bool = True) -> None:
        """A command of ours or a copy of somebody's; again changes nothing, but that a confirmed one is confirmed."""
        memory = self._memory(command.serial, command.published_at)
        before = memory.add_sending(Sending(command, attempt, is_confirmed), self._family(command.id))
        self._touched.add(_Touch(command.serial, command.id, command.published_at))
        if before is not None:
            self._touched.add(_Touch(command.serial, before.command_id, before.published_at))

    def add_response(self, response: CommandResponse) -> None:
        """A response, to whomever's command."""
        self._memory(response.serial, response.created_at).thread(response.id).add_response(response)
        self._touched.add(_Touch(response.serial, response.id, response.created_at))

    def add_observation(self, observation: Observation) -> None:
        """An observation; all but a charger's SoftwareRelease are passed over."""
        if observation.id != _SOFTWARE_RELEASE or observation.product is not Product.CHARGER:
            return
        memory = self._memory(observation.serial, observation.observed_at)
        memory.add_firmware(Firmware(observation.observed_at, _release(observation)))

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
        self._touched.clear()
        self._forget(watermark)
        return Tracked(tuple(rows), tuple(time_outs))

    def next_due(self) -> int | None:
        """The watermark after which there is something to say without a new fact; None where there is nothing."""
        return self._dues[0][0] if self._dues else None

    def changes(self) -> Mapping[str, bytes | None]:
        """What is remembered of every charger that changed since the last call; None of one that is forgotten."""
        changed, self._changed = self._changed, set()
        kept = {serial: self._chargers.get(serial) for serial in changed}
        return {serial: memory.to_bytes() if memory else None for serial, memory in kept.items()}

    def restore(self, kept: Iterable[tuple[str, bytes]], watermark: int) -> None:
        """Remember what was kept at this watermark, and nothing else.

        What was decided by then was written before it was kept; only what was open is due.
        """
        self._chargers = {}
        for parts in (self._touched, self._changed, self._dues, self._forgets):
            parts.clear()
        for serial, content in kept:
            memory = self._chargers[serial] = ChargerMemory.from_bytes(content)
            for command_id, thread in memory.threads.items():
                dues = [
                    (self._life(memory, sending, None).deadline, sending.command.published_at)
                    for sending in thread.sendings()
                ]
                dues += [(response.created_at + LATEST_NS, response.created_at) for response in thread.responses()]
                for at, moment in dues:
                    if at >= watermark:
                        heappush(self._dues, (at, _Touch(serial, command_id, moment)))
                    heappush(self._forgets, (moment + KEPT_NS, serial))

    def _write(
        self,
        memory: ChargerMemory,
        touch: _Touch,
        cluster: Cluster,
        watermark: int,
        rows: list[Row],
        time_outs: list[TimeOut],
    ) -> None:
        """Say everything about one cluster as it is known now."""
        name = self._catalogue.command_name(touch.command_id)
        responses = {here: cluster.responses[there] for here, there in cluster.pairs}
        refs = {there: cluster.sendings[here].command.ref for here, there in cluster.pairs}
        for place, sending in enumerate(cluster.sendings):
            life = self._life(memory, sending, responses.get(place))
            rows.append(command_row(life, watermark, name))
            self._decide(memory, life, watermark, name, rows, time_outs)
            if life.response is None and watermark <= life.deadline:
                heappush(self._dues, (life.deadline, touch._replace(moment=sending.command.published_at)))
        for place, response in enumerate(cluster.responses):
            ref = refs.get(place)
            if ref is None and watermark <= response.created_at + LATEST_NS:
                heappush(self._dues, (response.created_at + LATEST_NS, touch._replace(moment=response.created_at)))
            else:
                rows.append(_paired_row(response, ref, name))
        self._changed.add(touch.serial)

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
            decided.setdefault(decision, firmware)
        rows += [
            outcome_row(life, decision, name, release, is_refuted=decision not in held)
            for decision, release in decided.items()
        ]
        for decision in decided:
            if decision.outcome in (Outcome.TIMED_OUT, Outcome.EXPIRED):
                answered_at = arrival_of(life.response) if life.response else None
                time_outs.append(TimeOut(life.command, name, decision.at, answered_at, decision not in held))

    def _life(self, memory: ChargerMemory, sending: Sending, response: CommandResponse | None) -> Life:
        command = sending.command
        return Life(
            command,
            self._timeout_ns,
            attempt=sending.attempt,
            is_confirmed=sending.is_confirmed,
            response=response,
            is_superseded=memory.next_in_family(place_of(command), self._family(command.id)) is not None,
        )

    def _memory(self, serial: str, moment: int) -> ChargerMemory:
        memory = self._chargers.get(serial)
        if memory is None:
            memory = self._chargers[serial] = ChargerMemory()
        heappush(self._forgets, (moment + KEPT_NS, serial))
        self._changed.add(serial)
        return memory

    def _family(self, command_id: int) -> int:
        """The readback family of a command, named by the first observation id that it shows in, else by itself."""
        spec = self._catalogue.commands.get(command_id)
        return spec.readback[0] if spec and spec.readback else -command_id

    def _forget(self, watermark: int) -> None:
        while self._forgets and self._forgets[0][0] < watermark:
            _, serial = heappop(self._forgets)
            memory = self._chargers.get(serial)
            if memory is None:
                continue
            memory.forget(watermark - KEPT_NS)
            self._changed.add(serial)
            if not memory.threads and memory.firmware is None:
                del self._chargers[serial]


def _paired_row(response: CommandResponse, ref: str | None, name: str) -> Row:
    """What is decided about a response: 1 where it answers one of ours, 0 where it is somebody else's."""
    fields = (("paired", float(ref is not None)), ("ref", ref or ""))
    return Row(COMMAND_RESPONSE, response.serial, "", (("command", name),), response.created_at, fields)


def _release(observation: Observation) -> str:
    value = observation.value
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
