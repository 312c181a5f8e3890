"""What the tracker remembers of a fleet: which facts are taken in, what of them is kept, and when it is forgotten.

Owns the memory of every charger and the watermark it was last looked at. Pure. Must not know rows, or what follows from
a fact.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from heapq import heappop, heappush
from typing import NamedTuple

from pipeline.core.charger_memory import ChargerMemory, Firmware
from pipeline.core.command_lives import Lives
from pipeline.core.command_thread import Cluster, CommandThread, Sending
from pipeline.core.forgetting import CLOSED_NS, EVERY_NS, PAST_NS, forget
from pipeline.core.kept_facts import Changes, Fact, Intended, KeptKey, from_bytes
from pipeline.core.pairing import EARLIEST_NS, LATEST_NS
from pipeline.core.sightings import Sighting
from pipeline.core.tracked import Touch
from schemas.command import Argument, CommandResponse, CommandSent

_MOST_ARGUMENTS = 4_096


class IntendedSending(NamedTuple):
    """One with decisions that may have been written; `was_silent`: that nobody answered was said before these."""

    sending: Sending
    was_silent: bool


class FleetMemory:
    """See above. What comes too late is passed over; see `pipeline.core.forgetting`."""

    def __init__(self, lives: Lives, kept_ns: int) -> None:
        """Knows nothing yet. `kept_ns` is how long the answer to a command may come late."""
        self._lives = lives
        self._kept_ns = kept_ns
        self._chargers: dict[str, ChargerMemory] = {}
        self._looks: list[tuple[int, str]] = []
        self._changes = Changes()
        self.watermark = 0

    def __len__(self) -> int:
        """How many chargers are remembered."""
        return len(self._chargers)

    def __iter__(self) -> Iterator[tuple[str, ChargerMemory]]:
        """Every charger, by its serial."""
        return iter(self._chargers.items())

    def get(self, serial: str) -> ChargerMemory | None:
        """What is remembered of a charger; None where that is nothing."""
        return self._chargers.get(serial)

    def thread(self, serial: str, command_id: int) -> CommandThread | None:
        """What is remembered of one command id of a charger; None where that is nothing."""
        memory = self._chargers.get(serial)
        return None if memory is None else memory.threads.get(command_id)

    def cluster(self, touch: Touch) -> Cluster | None:
        """What hangs together with the facts of a moment; None where there are none."""
        serial, command_id, moment = touch
        thread = self.thread(serial, command_id)
        cluster = None if thread is None else thread.cluster(moment)
        return cluster if cluster is not None and (cluster.sendings or cluster.responses) else None

    def add_sending(self, sending: Sending) -> CommandSent | None:
        """A command that was sent: as it is known, which may be under another moment; None where it is too late."""
        command = sending.command
        thread = self.thread(command.serial, command.id)
        known = None if thread is None else thread.sending(command.ref)
        if known is not None:
            command = command._replace(published_at=known.command.published_at)
        elif command.published_at < self.watermark - PAST_NS:
            return None
        else:
            command = command._replace(arguments=_shared(command.arguments))
        memory = self._open(command.serial, command.published_at)
        added = memory.thread(command.id).add_sending(sending._replace(command=command))
        if added != known:
            self._changes.keep(command.serial, added)
        return command

    def drop_sending(self, command: CommandSent) -> Sending | None:
        """Forget a sending that never was; what was known of it."""
        thread = self.thread(command.serial, command.id)
        sending = None if thread is None else thread.drop_sending(command.ref)
        if sending is not None:
            self._changes.drop(command.serial, sending)
        return sending

    def responses_near(self, command: CommandSent) -> Sequence[CommandResponse]:
        """The responses that could be a command's."""
        thread, at = self.thread(command.serial, command.id), command.published_at
        return () if thread is None else thread.responses_between(at + EARLIEST_NS, at + LATEST_NS + 1)

    def note(self, sending: Sending) -> None:
        """This is what is known now of a sending that is remembered."""
        command = sending.command
        self._chargers[command.serial].threads[command.id].note(sending)
        self._changes.keep(command.serial, sending)

    def add_response(self, response: CommandResponse) -> bool:
        """A response; False where it is too late."""
        serial, created = response.serial, response.created_at
        if created < self.watermark - PAST_NS:
            thread = self.thread(serial, response.id)
            if created < self.watermark - self._kept_ns or thread is None or not thread.can_answer(created):
                return False
        known = self._open(serial, created).thread(response.id).add_response(response)
        self._changes.keep(serial, known)
        return True

    def add_sighting(self, serial: str, sighting: Sighting) -> bool:
        """A value of a readback; False where it is too late."""
        if sighting.observed_at < self.watermark - self._kept_ns:
            return False
        self._open(serial, sighting.observed_at).sightings.add(sighting)
        self._changes.keep(serial, sighting)
        return True

    def add_firmware(self, serial: str, firmware: Firmware) -> None:
        """The release that a charger reports. Never too late."""
        memory = self._open(serial, firmware.observed_at)
        known = memory.firmware
        memory.add_firmware(firmware)
        if memory.firmware is not None and memory.firmware != known:
            self._changes.keep(serial, memory.firmware)

    def advance(self, watermark: int) -> None:
        """The watermark is here now. Forget what was past where it was: what was just said can be said again."""
        watermark, self.watermark = self.watermark, watermark
        while self._looks and self._looks[0][0] < watermark:
            _, serial = heappop(self._looks)
            memory = self._chargers[serial]
            gone = forget(memory, watermark, self._lives, self._kept_ns)
            for fact in _facts(gone.sendings, gone.responses, gone.sightings):
                self._changes.drop(serial, fact)
            for sending in gone.noted:
                self._changes.keep(serial, sending)
            memory.is_awaited = bool(memory.threads) or not memory.sightings.is_last_values_only
            if memory.is_awaited:
                heappush(self._looks, (watermark + EVERY_NS, serial))
            elif memory.is_empty:
                del self._chargers[serial]

    def changes(self) -> Mapping[KeptKey, bytes | None]:
        """What is to be kept since the last call, by key; None for what is to be dropped."""
        return self._changes.take()

    def restore(self, kept: Iterable[tuple[KeptKey, bytes]], watermark: int) -> Sequence[IntendedSending]:
        """Remember what was kept at this watermark, and nothing else; the sendings with decisions that were intended.

        Raises ValueError for an unknown entry.
        """
        intended: list[Sending] = []
        found: list[IntendedSending] = []
        self._chargers = {}
        self._looks.clear()
        self._changes.clear()
        self.watermark = watermark
        for key, content in kept:
            match fact := from_bytes(key, content):
                case Sending(command):
                    self._open(key.serial, command.published_at).thread(command.id).add_sending(fact)
                case Intended(sending):
                    intended.append(sending)
                case CommandResponse():
                    self._open(key.serial, fact.created_at).thread(fact.id).add_response(fact)
                case Sighting():
                    self._open(key.serial, fact.observed_at).sightings.add(fact)
                case Firmware():
                    self._open(key.serial, fact.observed_at).add_firmware(fact)
        for sending in intended:
            command = sending.command
            thread = self._open(command.serial, command.published_at).thread(command.id)
            known = thread.sending(command.ref)
            found.append(IntendedSending(sending, was_silent=known is not None and known.is_silent))
            # What is intended was decided later than what is kept of it beside.
            self.note(thread.add_sending(sending)._replace(decided=sending.decided))
        return found

    def _open(self, serial: str, moment: int) -> ChargerMemory:
        """The memory of a charger of which there is a fact of this moment."""
        memory = self._chargers.get(serial)
        if memory is None:
            memory = self._chargers[serial] = ChargerMemory(self._lives.timeout_ns)
        if not memory.is_awaited:
            memory.is_awaited = True
            # A device's clock may be ahead; nothing is known to be past as long as there is no watermark.
            at = min(moment, self.watermark) if self.watermark else moment
            heappush(self._looks, (at + CLOSED_NS, serial))
        return memory


@lru_cache(_MOST_ARGUMENTS)
def _shared(arguments: tuple[Argument, ...]) -> tuple[Argument, ...]:
    """The same object for the same arguments: they are the same few over and over again."""
    return arguments


def _facts(*groups: Iterable[Fact]) -> Iterator[Fact]:
    for group in groups:
        yield from group
