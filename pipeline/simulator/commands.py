"""Commands in the simulated world: what they do to a charger, and how it answers.

Owns the table of effects and the readbacks. Must not know who sends commands, or the core's reading of them: it reads
the bytes itself, as the cloud does.
"""

from collections.abc import Callable, Mapping, Sequence
from random import Random
from types import MappingProxyType

import orjson

from pipeline.simulator.charger import DYNAMIC_CURRENT, Charger
from pipeline.simulator.cloud import Cloud
from pipeline.simulator.messages import NS_PER_S
from pipeline.simulator.quirks import Quirk
from pipeline.simulator.truth import CommandTruth
from schemas.catalogue import ArgumentSpec, Catalogue, CommandSpec, ValueType

SET_DYNAMIC_CURRENT = 48
UNKNOWN_COMMAND = 77
_SLOW_S = (10, 70)
_LATE_S = (61, 400)
_MINUTE_NS = 60 * NS_PER_S

Arguments = Sequence[str]
DrawArguments = Callable[[Random], Arguments]

USUAL: Mapping[int, DrawArguments] = MappingProxyType(
    {
        1: lambda _random: (),
        11: lambda random: (random.choice(("true", "false")),),
        21: lambda random: (str(random.choice((0, 6, 16))),) * 3,
        22: lambda random: (*[str(random.choice((0, 10, 16)))] * 3, "30"),
        24: lambda random: (str(random.choice((16, 25, 32))),) * 3,
        25: lambda random: (f"{random.getrandbits(56):014X}", "1"),
        29: lambda _random: ("true",),
        30: lambda random: (random.choice(("true", "false")),),
        47: lambda random: (str(random.choice((16, 20, 32))),),
        48: lambda random: (str(random.choice((0, 6, 10, 13, 16, 32))), str(random.choice((5, 15, 60)))),
    }
)
"""The commands that controllers send, with arguments as they would choose them."""


class CommandCentre:
    """Takes commands for the chargers of a fleet and sees them through."""

    def __init__(self, cloud: Cloud, catalogue: Catalogue, chargers: Mapping[str, Charger]) -> None:
        """`chargers` by serial."""
        self._cloud = cloud
        self._catalogue = catalogue
        self._chargers = chargers

    def take(self, routing_key: str, body: bytes, published_at: int, ref: str = "") -> CommandTruth | None:
        """A command as the operator published it; None for one that the cloud does not understand, which is lost."""
        try:
            serial, kind, number = routing_key.split(".")
            members = orjson.loads(body)
            arguments = [str(argument["Value"]) for argument in members["Arguments"]]
            command = int(number)
        except (ValueError, KeyError, TypeError):
            return None
        if kind != "C" or serial not in self._chargers:
            return None
        return self.send(serial, command, arguments, published_at, is_ours=True, ref=ref)

    def send(
        self, serial: str, command: int, arguments: Arguments, published_at: int, *, is_ours: bool, ref: str = ""
    ) -> CommandTruth:
        """A command reaches the cloud a moment after `published_at` (its clock), and the charger if it is online."""
        random = self._cloud.random
        created = published_at + random.randrange(20_000, 400_000) * 1_000
        stamped_at = published_at + self._cloud.host_offset if is_ours else published_at
        truth = CommandTruth(serial, command, is_ours, stamped_at, created - created % 100, ref=ref)
        self._cloud.truth.add_command(truth)
        self._cloud.at(
            created + random.randrange(100, 900) * 1_000_000, lambda now: self._deliver(truth, arguments, now)
        )
        return truth

    def _deliver(self, truth: CommandTruth, arguments: Arguments, now: int) -> None:
        cloud, charger = self._cloud, self._chargers[truth.serial]
        if not charger.is_online:
            return
        if cloud.happens(Quirk.NO_RESPONSE):
            cloud.truth.quirks[Quirk.NO_RESPONSE] += 1
            return
        delay = cloud.random.randrange(200, 900) * 1_000_000
        if cloud.happens(Quirk.SLOW_RESPONSE):
            cloud.truth.quirks[Quirk.SLOW_RESPONSE] += 1
            delay += cloud.random.randrange(*_SLOW_S) * NS_PER_S
        elif cloud.happens(Quirk.LATE_RESPONSE):
            cloud.truth.quirks[Quirk.LATE_RESPONSE] += 1
            delay += cloud.random.randrange(*_LATE_S) * NS_PER_S
        refused = cloud.happens(Quirk.REFUSED)
        if refused:
            cloud.truth.quirks[Quirk.REFUSED] += 1
        truth.accepted = not refused
        answered = now + delay
        truth.answered_at = answered
        cloud.at(answered, lambda time: cloud.answer(truth, time, charger.clock_offset))
        spec = self._catalogue.commands.get(truth.id)
        if refused or spec is None:
            return
        effect = answered + cloud.random.randrange(500, 1_500) * 1_000_000
        if spec.readback and cloud.happens(Quirk.READBACK_FIRST):
            cloud.truth.quirks[Quirk.READBACK_FIRST] += 1
            effect = answered - cloud.random.randrange(50, 150) * 1_000_000
        cloud.at(effect, lambda time: self._take_effect(truth, spec, arguments, time))

    def _take_effect(self, truth: CommandTruth, spec: CommandSpec, arguments: Arguments, now: int) -> None:
        charger = self._chargers[truth.serial]
        truth.is_applied = True
        for number, text, argument in zip(spec.readback, arguments, spec.arguments, strict=False):
            value = _value(text, argument)
            if charger.read_back.get(number) == value and self._cloud.happens(Quirk.ONLY_CHANGES):
                self._cloud.truth.quirks[Quirk.ONLY_CHANGES] += 1
                continue
            charger.read_back[number] = value
            truth.is_legible &= charger.say(number, value, now)
            truth.shown_at = now
        if truth.id == SET_DYNAMIC_CURRENT and len(arguments) == len(spec.arguments):
            charger.apply_current(float(arguments[0]), now)
            charger.limited_by = truth
            self._cloud.at(now + int(arguments[1]) * _MINUTE_NS, lambda time: self._fall_back(charger, truth, time))

    def _fall_back(self, charger: Charger, limit: CommandTruth, now: int) -> None:
        if charger.limited_by is not limit and self._cloud.happens(Quirk.RENEWED):
            self._cloud.truth.quirks[Quirk.RENEWED] += 1
            return
        if charger.dynamic_a != charger.max_a:
            charger.read_back[DYNAMIC_CURRENT] = charger.max_a
            charger.say(DYNAMIC_CURRENT, charger.max_a, now)
            charger.apply_current(charger.max_a, now)


def _value(text: str, argument: ArgumentSpec) -> object:
    if argument.type is ValueType.BOOLEAN:
        return text == "true"
    return text if argument.type.is_text else float(text)
