"""Controllers: who sends commands inside the simulated world.

Owns when commands are sent, which, and what the operator knows of its own: their refs, stamps and expiries. Must not
know what a command does (`commands`), or how the core reads one.
"""

from collections.abc import Callable
from typing import NamedTuple

from pipeline.simulator.cloud import Cloud
from pipeline.simulator.commands import UNKNOWN_COMMAND, USUAL, Arguments, CommandCentre
from pipeline.simulator.messages import NS_PER_MS, NS_PER_S
from pipeline.simulator.quirks import Quirk
from schemas.command import Argument, CommandSent

_EXPIRY_S = (5, 59)
_RIVALRY_NS = 5 * NS_PER_S
_RIVAL_FIRST = 0.5
_REPEAT_NS = 30 * NS_PER_S
_REPEAT_JITTER_NS = 200 * NS_PER_MS
_ANEW = 0.3
TICK_NS = 100
"""To what a stamp of the operator is cut, as all times on the wire are."""


class _Wish(NamedTuple):
    """What a controller wants of a charger."""

    command: int
    arguments: Arguments


class Controllers:
    """For one charger: the operator itself, and others whose responses it sees."""

    def __init__(self, cloud: Cloud, centre: CommandCentre, serial: str, start: int, ours_an_hour: float) -> None:
        """Begin at `start`; commands of others come by the quirk's rate."""
        self._cloud = cloud
        self._centre = centre
        self._serial = serial
        self._sent = 0
        self._rates = {True: ours_an_hour, False: cloud.quirks.rate(Quirk.FOREIGN_COMMAND)}
        for is_ours, rate in self._rates.items():
            if rate:
                self._plan(is_ours, start)

    def repeat(self, now: int) -> None:
        """From now on send the same id every 30 s, whether it is answered or not."""
        self._repeat(self._draw(self._cloud.random.choice(tuple(USUAL))), now)

    def _plan(self, is_ours: bool, now: int) -> None:
        wait = self._cloud.random.expovariate(self._rates[is_ours] / 3_600)
        self._cloud.at(now + int(wait * NS_PER_S), self._act_ours if is_ours else self._act_other)

    def _act_ours(self, now: int) -> None:
        wish = self._draw(self._cloud.random.choice(tuple(USUAL)))
        self._send_ours(wish, now)
        self._plan(True, now)

    def _act_other(self, now: int) -> None:
        cloud = self._cloud
        command = cloud.random.choice(tuple(USUAL))
        cloud.truth.quirks[Quirk.FOREIGN_COMMAND] += 1
        if cloud.happens(Quirk.UNKNOWN_COMMAND):
            cloud.truth.quirks[Quirk.UNKNOWN_COMMAND] += 1
            command = UNKNOWN_COMMAND
        self._send_other(self._draw(command), now)
        self._plan(False, now)

    def _repeat(self, wish: _Wish, now: int) -> None:
        random = self._cloud.random
        self._send_ours(wish, now)
        following = self._draw(wish.command) if random.random() < _ANEW else wish
        wait = _REPEAT_NS + random.randrange(_REPEAT_JITTER_NS)
        self._cloud.at(now + wait, lambda time: self._repeat(following, time))

    def _send_ours(self, wish: _Wish, now: int) -> None:
        """Send it; a rival may be a little earlier or later."""
        cloud, random = self._cloud, self._cloud.random
        if not cloud.happens(Quirk.RIVAL):
            self._publish(wish, now)
            return
        cloud.truth.quirks[Quirk.RIVAL] += 1
        theirs = self._draw(wish.command)
        order: list[Callable[[int], None]] = [
            lambda time: self._publish(wish, time),
            lambda time: self._send_other(theirs, time),
        ]
        if random.random() < _RIVAL_FIRST:
            order.reverse()
        order[0](now)
        cloud.at(now + random.randrange(_RIVALRY_NS), order[1])

    def _send_other(self, wish: _Wish, now: int) -> None:
        self._centre.send(self._serial, wish.command, wish.arguments, now, is_ours=False)

    def _publish(self, wish: _Wish, now: int) -> None:
        """Send a command of ours, and tell the operator of it."""
        cloud = self._cloud
        self._sent += 1
        ref = f"{int.from_bytes(self._serial.encode()):016x}{self._sent:016x}"
        truth = self._centre.send(self._serial, wish.command, wish.arguments, now, is_ours=True, ref=ref)
        truth.published_at -= truth.published_at % TICK_NS
        if cloud.happens(Quirk.EXPIRES):
            cloud.truth.quirks[Quirk.EXPIRES] += 1
            truth.expires_at = truth.published_at + cloud.random.randrange(*_EXPIRY_S) * NS_PER_S
        arguments = tuple(Argument(number, value) for number, value in enumerate(wish.arguments, 1))
        sent = CommandSent(self._serial, wish.command, arguments, truth.expires_at, truth.published_at, ref, None)
        cloud.publish(sent, now)

    def _draw(self, command: int) -> _Wish:
        """A command with arguments as controllers choose them."""
        return _Wish(command, USUAL[command](self._cloud.random) if command in USUAL else ())
