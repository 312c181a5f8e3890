"""What piles up in the operator's queue while nobody reads it, and what must become of it.

Owns the messages, made one by one as they are published, and the truth about them. A fleet talks every 15 minutes of
event time; commands are sent to it all the while, and those who hear one answer it within 50 s. Some chargers fall
silent for good at a moment that is known: they neither talk nor answer any more. Must not know the program.

At the end everybody who still talks does so within the last minute, so that nobody is silent then who was not before.
"""

from bisect import bisect_left
from collections.abc import Iterator
from typing import NamedTuple

from pipeline.core.timestamps import format_time
from schemas.delivery import Delivery

S = 10**9
ROUND_NS = 900 * S
LAST_ROUND_NS = 60 * S
TIMEOUT_NS = 60 * S
EXPIRES_NS = 55 * S
CREATED_NS = 50_000_000
DELIVERED_NS = 700_000_000
TOGETHER_NS = 300 * S
COMMAND_ID = 48
FOREIGN_ID = 29
"""Of a command that we never send."""

_COMMAND_EVERY = 4
_DELAYS = 8
_DELAY_STEP_S = 7
_APART_NS = 100_000_000
_TALK = (
    (120, "TotalPower", "Total power [kW] [Double]", "7.4"),
    (48, "DynamicChargerCurrent", "Max current this charger is allowed to offer [Double]", "16"),
    (194, "InVoltageT2T3", "Current RMS voltage between T2 and T3 [Double]", "230.7"),
    (124, "LifetimeEnergy", "Accumulated energy in the lifetime of the charger [kWh] [Double]", "1042.3"),
)


class Backlog(NamedTuple):
    """Nanoseconds since the epoch where nothing else is said.

    `end`      the ArrivalTime of the last message, but for what is below a minute.
    `rounds`   of 15 minutes before it; in each of them a charger talks once, `talks` messages.
    `dead`     of ten chargers so many fall silent at `died_at`.
    """

    end: int
    chargers: int
    rounds: int
    talks: int
    dead: int = 0
    died_at: int = 0

    def commands(self) -> "Iterator[Command]":
        """Every command, by charger and round; none is sent in the last minute to one that is dead."""
        for turn in range(self.rounds + 1):
            for charger in range(self.chargers):
                command = self._command(charger, turn)
                if command is not None:
                    yield command

    def messages(self) -> Iterator[Delivery]:
        """The operator's queue, in order of ArrivalTime, but for overlaps of a second."""
        for turn in range(self.rounds + 1):
            for charger in range(self.chargers):
                at = self._talks_at(charger, turn)
                if self._is_heard(charger, at):
                    yield from self._talk(charger, turn, at)
        alive = self.serials(is_dead=False)
        if alive:
            yield response(alive[0], FOREIGN_ID, self.end, self.end)

    def serials(self, *, is_dead: bool) -> list[str]:
        """Those who fall silent, or all others."""
        return [_serial(charger) for charger in range(self.chargers) if self._dies(charger) is is_dead]

    def silent_since(self) -> dict[str, int]:
        """When each of those who fall silent was heard last."""
        last: dict[str, int] = {}
        for charger in range(self.chargers):
            if self._dies(charger):
                moments = [self._talks_at(charger, turn) for turn in range(self.rounds)]
                heard = max(at for at in moments if self._is_heard(charger, at))
                last[_serial(charger)] = heard + (self.talks - 1) * _APART_NS
        return last

    def outage(self, silent_after: int, least: int, share: float) -> tuple[int, int]:
        """When more than the threshold fell silent within 5 minutes, and how many these were."""
        deadlines = sorted(at + silent_after for at in self.silent_since().values())
        for place, at in enumerate(deadlines):
            together = place + 1 - bisect_left(deadlines, at - TOGETHER_NS)
            if together > max(least, share * self.chargers):
                return at, together
        raise ValueError("too few fall silent together")

    def _talk(self, charger: int, turn: int, at: int) -> Iterator[Delivery]:
        command = self._command(charger, turn)
        if command is not None:
            yield response(command.serial, COMMAND_ID, command.published_at + CREATED_NS, at)
        serial = _serial(charger)
        talks = 1 if turn == self.rounds else self.talks
        for place in range(talks):
            yield observation(serial, at + place * _APART_NS, place)

    def _command(self, charger: int, turn: int) -> "Command | None":
        if (charger + turn) % _COMMAND_EVERY or (turn == self.rounds and self._dies(charger)):
            return None
        at = self._talks_at(charger, turn)
        published_at = at - (1 + charger % _DELAYS * _DELAY_STEP_S) * S
        expires_at = published_at + EXPIRES_NS if charger % 2 else None
        name = f"{_serial(charger)}-{turn}"
        return Command(_serial(charger), name, published_at, expires_at, self._is_heard(charger, at))

    def _talks_at(self, charger: int, turn: int) -> int:
        if turn == self.rounds:
            return self.end - LAST_ROUND_NS + LAST_ROUND_NS * (charger + 1) // self.chargers
        first = self.end - LAST_ROUND_NS - self.rounds * ROUND_NS
        return first + turn * ROUND_NS + ROUND_NS * charger // self.chargers

    def _is_heard(self, charger: int, at: int) -> bool:
        return not self._dies(charger) or at <= self.died_at

    def _dies(self, charger: int) -> bool:
        return charger % 10 < self.dead


class Command(NamedTuple):
    """A command that somebody sent, and whether it was answered: in time, then, and accepted."""

    serial: str
    name: str
    published_at: int
    expires_at: int | None
    is_answered: bool

    @property
    def deadline(self) -> int:
        """Until when an answer is in time."""
        return self.published_at + TIMEOUT_NS if self.expires_at is None else self.expires_at

    def copy(self) -> Delivery:
        """Its copy on COMMAND_QUEUE."""
        expires = "" if self.expires_at is None else f'"ExpiresAt":"{format_time(self.expires_at)}",'
        body = f'{{"Id":{COMMAND_ID},{expires}"Arguments":[{{"Id":1,"Value":"16"}},{{"Id":2,"Value":"5"}}]}}'
        headers = {"PublishedAt": format_time(self.published_at)}
        return Delivery(f"{self.serial}.C.{COMMAND_ID}", headers, body.encode(), None, self.name)


def observation(serial: str, at: int, place: int = 0) -> Delivery:
    """What a charger says at a moment, one of a few things by `place`; it arrives at once."""
    number, name, words, value = _TALK[place % len(_TALK)]
    now = format_time(at)
    body = f'{{"Description":"{words}","Id":{number},"Name":"{name}","Timestamp":"{now}","Value":{value}}}'
    return Delivery(f"{serial}.O.{number}", {"ArrivalTime": now}, body.encode(), None)


def response(serial: str, command_id: int, created_at: int, arrived_at: int) -> Delivery:
    """The answer of a charger: accepted."""
    delivered = format_time(created_at + DELIVERED_NS)
    body = (
        f'{{"Comment":null,"DeliveredAt":"{delivered}","Id":{command_id},"ResultCode":null,"SerialNumber":"{serial}",'
        f'"Ticks":638218043566469000,"Timestamp":"{format_time(created_at)}","WasAccepted":true}}'
    )
    return Delivery(f"{serial}.CR.{command_id}", {"ArrivalTime": format_time(arrived_at)}, body.encode(), None)


def _serial(charger: int) -> str:
    return f"EH{charger:06d}"
