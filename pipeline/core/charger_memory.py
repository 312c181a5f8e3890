"""What the tracker remembers of one charger: its threads, what was seen of it, and its firmware.

Owns the facts of one charger, and the order of commands of several ids. Pure. Must not know rows, the watermark, other
chargers, or how anything is kept (`pipeline.core.kept_facts`).
"""

from collections.abc import Iterable
from typing import NamedTuple

from pipeline.core.command_thread import CommandThread
from pipeline.core.sightings import Sightings
from schemas.command import CommandResponse, CommandSent
from schemas.observation import Observation


class Place(NamedTuple):
    """Where a sending is: its moment, its ref, and the id of its command."""

    published_at: int
    ref: str
    command_id: int


class Firmware(NamedTuple):
    """The release that a charger reported last, and when."""

    observed_at: int
    release: str


def firmware_of(observation: Observation) -> Firmware:
    """What an observation of the software release says; one that is a number stands without a fraction."""
    value = observation.value
    release = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    return Firmware(observation.observed_at, release)


class ChargerMemory:
    """See above. `is_awaited` says that somebody will come to see what is to be forgotten of it."""

    __slots__ = ("_timeout_ns", "firmware", "is_awaited", "sightings", "threads")

    def __init__(self, timeout_ns: int) -> None:
        """Nothing is known yet. `timeout_ns` is COMMAND_TIMEOUT."""
        self._timeout_ns = timeout_ns
        self.threads: dict[int, CommandThread] = {}
        self.sightings = Sightings()
        self.firmware: Firmware | None = None
        self.is_awaited = False

    def thread(self, command_id: int) -> CommandThread:
        """The thread of a command id, begun where there is none."""
        thread = self.threads.get(command_id)
        if thread is None:
            thread = self.threads[command_id] = CommandThread(self._timeout_ns)
        return thread

    def next_of(self, family: Iterable[int], command: CommandSent) -> Place | None:
        """The sending that supersedes this one, of these command ids; None where it is the newest."""
        found = (
            Place(*after, command_id)
            for command_id in family
            if (thread := self.threads.get(command_id)) is not None
            and (after := thread.sent_after(command.published_at, command.ref)) is not None
        )
        return min(found, default=None)

    def before_of(self, family: Iterable[int], command: CommandSent) -> Place | None:
        """The sending that this one supersedes, of these command ids; None where it is the oldest."""
        found = (
            Place(*before, command_id)
            for command_id in family
            if (thread := self.threads.get(command_id)) is not None
            and (before := thread.sent_before(command.published_at, command.ref)) is not None
        )
        return max(found, default=None)

    def first_published(self) -> int | None:
        """When the earliest sending that is remembered was published."""
        found = (thread.first_published for thread in self.threads.values())
        return min((moment for moment in found if moment is not None), default=None)

    def responses_between(self, first: int, end: int) -> list[CommandResponse]:
        """Every response created within [first, end), to whatever command."""
        return [response for thread in self.threads.values() for response in thread.responses_between(first, end)]

    def add_firmware(self, firmware: Firmware) -> None:
        """Take in a report; of two of one moment the greater text counts, so that order does not."""
        if self.firmware is None or firmware > self.firmware:
            self.firmware = firmware

    @property
    def is_empty(self) -> bool:
        """Whether nothing is known."""
        return not self.threads and not len(self.sightings) and self.firmware is None
