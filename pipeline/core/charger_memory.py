"""What the tracker remembers of one charger: its threads, its readback families, and what was written of them.

Owns the facts of one charger and their form on the disk. Pure. Must not know rows, time, or other chargers.
"""

from bisect import bisect_left, bisect_right
from typing import NamedTuple

import orjson

from pipeline.core.command_life import Decision
from pipeline.core.command_thread import CommandThread, Sending
from schemas.command import Argument, CommandResponse, CommandSent, Outcome

VERSION = 1
"""Of the form on the disk."""


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


class UnknownVersionError(ValueError):
    """A memory of a form that this program does not know."""


class ChargerMemory:
    """See above."""

    __slots__ = ("decided", "families", "firmware", "threads")

    def __init__(self) -> None:
        """Nothing is known yet.

        `families[f]` are the sendings of a readback family, in order; `decided[place]` the decisions that were
        written of a sending, each with the firmware it was written under.
        """
        self.threads: dict[int, CommandThread] = {}
        self.families: dict[int, list[Place]] = {}
        self.decided: dict[Place, dict[Decision, str]] = {}
        self.firmware: Firmware | None = None

    def thread(self, command_id: int) -> CommandThread:
        """The thread of a command id, begun where there is none."""
        thread = self.threads.get(command_id)
        if thread is None:
            thread = self.threads[command_id] = CommandThread()
        return thread

    def add_sending(self, sending: Sending, family: int) -> Place | None:
        """Take in a sending; the one before it in its family, which it supersedes."""
        command = sending.command
        self.thread(command.id).add_sending(sending)
        places = self.families.setdefault(family, [])
        place = place_of(command)
        at = bisect_left(places, place)
        if at == len(places) or places[at] != place:
            places.insert(at, place)
        return places[at - 1] if at else None

    def next_in_family(self, place: Place, family: int) -> Place | None:
        """The sending that supersedes this one; None where it is the newest of its family."""
        places = self.families.get(family, [])
        after = bisect_right(places, place)
        return places[after] if after < len(places) else None

    def add_firmware(self, firmware: Firmware) -> None:
        """Take in a report; of two of one moment the greater text counts, so that order does not."""
        if self.firmware is None or firmware > self.firmware:
            self.firmware = firmware

    def forget(self, before: int) -> None:
        """Drop what lies before this moment, but what hangs together with something later."""
        for command_id, thread in list(self.threads.items()):
            thread.forget(before)
            if not len(thread):
                del self.threads[command_id]
        kept = {place_of(sending.command) for thread in self.threads.values() for sending in thread.sendings()}
        for family, places in list(self.families.items()):
            places[:] = [place for place in places if place in kept]
            if not places:
                del self.families[family]
        for place in self.decided.keys() - kept:
            del self.decided[place]

    def to_bytes(self) -> bytes:
        """As it is kept."""
        sendings = [sending for thread in self.threads.values() for sending in thread.sendings()]
        responses = [response for thread in self.threads.values() for response in thread.responses()]
        return orjson.dumps(
            {
                "version": VERSION,
                "sendings": [[list(sending.command), sending.attempt, sending.is_confirmed] for sending in sendings],
                "families": {str(family): places for family, places in self.families.items()},
                "responses": [list(response) for response in responses],
                "decided": [
                    [place, [[decision.outcome, decision.at, release] for decision, release in decided.items()]]
                    for place, decided in self.decided.items()
                ],
                "firmware": self.firmware,
            },
            default=tuple,
        )

    @classmethod
    def from_bytes(cls, kept: bytes) -> "ChargerMemory":
        """As it was. Raises UnknownVersionError."""
        members = orjson.loads(kept)
        if members["version"] != VERSION:
            message = f"the tracker's memory has version {members['version']}, this program knows {VERSION}"
            raise UnknownVersionError(message)
        memory = cls()
        for command, attempt, is_confirmed in members["sendings"]:
            command[2] = tuple(Argument(*argument) for argument in command[2])
            memory.thread(command[1]).add_sending(Sending(CommandSent(*command), attempt, is_confirmed))
        for response in members["responses"]:
            memory.thread(response[1]).add_response(CommandResponse(*response))
        memory.families = {
            int(family): [Place(*place) for place in places] for family, places in members["families"].items()
        }
        memory.decided = {
            Place(*place): {Decision(Outcome(outcome), at): release for outcome, at, release in decided}
            for place, decided in members["decided"]
        }
        memory.firmware = Firmware(*members["firmware"]) if members["firmware"] else None
        return memory
