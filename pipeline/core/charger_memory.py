"""What the tracker remembers of one charger: its threads, its readback families, what was seen and what was decided.

Owns the facts of one charger. Pure. Must not know rows, the watermark, other chargers, or how anything is kept
(`pipeline.core.kept_facts`).
"""

from bisect import bisect_left, bisect_right
from typing import NamedTuple

from pipeline.core.command_life import Decision
from pipeline.core.command_thread import CommandThread, Sending
from pipeline.core.confirmation import Sighting, prune
from schemas.command import CommandResponse, CommandSent


class Place(NamedTuple):
    """Where a sending is: its moment, its ref, and the id of its command."""

    published_at: int
    ref: str
    command_id: int


def place_of(command: CommandSent) -> Place:
    """Where a command is."""
    return Place(command.published_at, command.ref, command.id)


class Firmware(NamedTuple):
    """The release that a charger reported last, and when."""

    observed_at: int
    release: str


class Forgotten(NamedTuple):
    """What is remembered no longer. The decisions of a sending go with it."""

    sendings: tuple[Sending, ...]
    decisions: tuple[tuple[Place, Decision], ...]
    responses: tuple[CommandResponse, ...]
    sightings: tuple[Sighting, ...]


class ChargerMemory:
    """See above."""

    __slots__ = ("decided", "families", "firmware", "sightings", "threads")

    def __init__(self) -> None:
        """Nothing is known yet.

        `families[f]` are the sendings of a readback family, in order; `decided[place]` the decisions that were
        written of a sending, each with the firmware it was written under.
        """
        self.threads: dict[int, CommandThread] = {}
        self.families: dict[int, list[Place]] = {}
        self.decided: dict[Place, dict[Decision, str]] = {}
        self.sightings: set[Sighting] = set()
        self.firmware: Firmware | None = None

    def thread(self, command_id: int) -> CommandThread:
        """The thread of a command id, begun where there is none."""
        thread = self.threads.get(command_id)
        if thread is None:
            thread = self.threads[command_id] = CommandThread()
        return thread

    def add_place(self, place: Place, family: int) -> Place | None:
        """Take a sending into its family; the one before it, which it supersedes."""
        places = self.families.setdefault(family, [])
        at = bisect_left(places, place)
        if at == len(places) or places[at] != place:
            places.insert(at, place)
        return places[at - 1] if at else None

    def next_in_family(self, place: Place, family: int) -> Place | None:
        """The sending that supersedes this one; None where it is the newest of its family."""
        places = self.families.get(family, [])
        after = bisect_right(places, place)
        return places[after] if after < len(places) else None

    def before_in_family(self, place: Place, family: int) -> Place | None:
        """The sending that this one supersedes; None where it is the oldest of its family."""
        places = self.families.get(family, [])
        at = bisect_left(places, place)
        return places[at - 1] if at else None

    def drop_sending(self, command: CommandSent, family: int) -> Sending | None:
        """Forget one sending; what was known of it."""
        thread, place = self.threads.get(command.id), place_of(command)
        sending = thread.drop_sending(command) if thread else None
        if sending is not None:
            self.families[family].remove(place)
        return sending

    def places_between(self, family: int, first: int, last: int) -> list[Place]:
        """The sendings of a family published within [first, last]."""
        places = self.families.get(family, [])
        start = bisect_left(places, first, key=lambda place: place.published_at)
        end = bisect_right(places, last, key=lambda place: place.published_at)
        return places[start:end]

    def add_firmware(self, firmware: Firmware) -> None:
        """Take in a report; of two of one moment the greater text counts, so that order does not."""
        if self.firmware is None or firmware > self.firmware:
            self.firmware = firmware

    def forget(self, before: int) -> Forgotten:
        """Drop what lies before this moment, but what hangs together with something later, and the last of each value.

        What is remembered of a sending goes with it.
        """
        sendings: list[Sending] = []
        responses: list[CommandResponse] = []
        for command_id, thread in list(self.threads.items()):
            dropped = thread.forget(before)
            sendings += dropped[0]
            responses += dropped[1]
            if not len(thread):
                del self.threads[command_id]
        gone = {place_of(sending.command) for sending in sendings}
        for family, places in list(self.families.items()):
            places[:] = [place for place in places if place not in gone]
            if not places:
                del self.families[family]
        decisions = tuple((place, decision) for place in gone for decision in self.decided.pop(place, {}))
        kept = set(prune(self.sightings, before))
        sightings = tuple(self.sightings - kept)
        self.sightings = kept
        return Forgotten(tuple(sendings), decisions, tuple(responses), sightings)
