"""A fleet: sites of chargers with an Equalizer each, behind one cloud and one queue.

Owns the plan of a fleet and how time moves it. The same plan and quirks give the same bytes, however time is cut.
"""

from random import Random
from typing import NamedTuple

from pipeline.simulator import charger, equalizer
from pipeline.simulator.charger import Charger
from pipeline.simulator.cloud import Cloud
from pipeline.simulator.commands import CommandCentre
from pipeline.simulator.controllers import Controllers
from pipeline.simulator.device import HOUR_NS, Pace, vocabulary
from pipeline.simulator.equalizer import Equalizer
from pipeline.simulator.messages import NS_PER_S
from pipeline.simulator.quirks import Quirk, Quirks
from pipeline.simulator.truth import CommandTruth, Truth
from schemas.catalogue import shipped_catalogue
from schemas.command import CommandSent
from schemas.delivery import Delivery
from schemas.observation import Product

_DEVICE_CLOCK_NS = 2 * NS_PER_S
_HOST_CLOCK_NS = NS_PER_S
_DEATH_WITHIN_NS = 3 * HOUR_NS
_START = 1_748_772_000 * NS_PER_S  # 2025-06-01T10:00:00Z


class FleetPlan(NamedTuple):
    """What is simulated.

    `chargers_a_site`    each site has an Equalizer.
    `start`              nanoseconds since the epoch, UTC.
    `busy`               how many times faster than usual cars come and go and reports are made.
    `reports`            how many times as often as that reports are made; a sign of life stays as it is.
    `commands_an_hour`   commands of the operator's own, for each charger.
    `keeps_history`      whether the truth lists every session and command; off for long runs.
    """

    seed: int = 1
    chargers: int = 40
    chargers_a_site: int = 10
    start: int = _START
    busy: float = 1.0
    reports: float = 1.0
    commands_an_hour: float = 0.5
    keeps_history: bool = True


class Fleet:
    """A fleet in motion. Time only moves forward, by `advance`."""

    def __init__(self, plan: FleetPlan, quirks: Quirks) -> None:
        """Set up every device; nothing is said before the first `advance`."""
        self.plan = plan
        self.truth = Truth(plan.keeps_history)
        catalogue = shipped_catalogue()
        pace = Pace(plan.busy, plan.busy * plan.reports)
        self._cloud = Cloud(Random(plan.seed), quirks, self.truth)
        read_back = {number for command in catalogue.commands.values() for number in command.readback}
        charger_words = vocabulary(catalogue, Product.CHARGER, {*charger.MANAGED, *read_back})
        equalizer_words = vocabulary(catalogue, Product.EQUALIZER, equalizer.MANAGED)
        self._chargers = {
            serial: Charger(self._cloud, serial, charger_words, plan.start, pace)
            for serial in (f"EH{place:06d}" for place in range(1, plan.chargers + 1))
        }
        sites = -(-plan.chargers // plan.chargers_a_site)
        self._equalizers = [
            Equalizer(self._cloud, f"QP{place:06d}", equalizer_words, plan.start, pace) for place in range(1, sites + 1)
        ]
        self._centre = CommandCentre(self._cloud, catalogue, self._chargers)
        self._set_host_clock(plan.start)
        for serial, each in self._chargers.items():
            controllers = Controllers(self._cloud, self._centre, serial, plan.start, plan.commands_an_hour)
            self._make_hard(each, controllers)

    @property
    def serials(self) -> list[str]:
        """Every device's, chargers first."""
        return [*self._chargers, *(meter.serial for meter in self._equalizers)]

    def advance(self, until: int) -> list[Delivery]:
        """Let time pass up to `until` (nanoseconds); the deliveries that reached the queue since, in its order."""
        return self._cloud.run(until)

    def advance_with_commands(self, until: int) -> list[Delivery | CommandSent]:
        """Likewise, with each command that the operator's own controllers published, at its time."""
        return self._cloud.run_with_commands(until)

    def send(self, routing_key: str, body: bytes, published_at: int, ref: str = "") -> CommandTruth | None:
        """Publish a command as the operator does, which it may name; None where the cloud does not understand it."""
        return self._centre.take(routing_key, body, published_at, ref)

    def _set_host_clock(self, now: int) -> None:
        if self._cloud.happens(Quirk.HOST_CLOCK):
            self.truth.quirks[Quirk.HOST_CLOCK] += 1
            self._cloud.host_offset = self._off_by(_HOST_CLOCK_NS)
        if self._cloud.quirks.rate(Quirk.HOST_CLOCK):
            self._cloud.at(now + HOUR_NS, self._set_host_clock)

    def _make_hard(self, charger: Charger, controllers: Controllers) -> None:
        """What makes the commands of this one charger hard to follow, if anything does."""
        cloud, quirks, start = self._cloud, self.truth.quirks, self.plan.start
        if cloud.happens(Quirk.DEVICE_CLOCK):
            quirks[Quirk.DEVICE_CLOCK] += 1
            charger.clock_offset = self._off_by(_DEVICE_CLOCK_NS)
        if cloud.happens(Quirk.REPEATED):
            quirks[Quirk.REPEATED] += 1
            cloud.at(start, controllers.repeat)
        if cloud.happens(Quirk.DEAD):
            quirks[Quirk.DEAD] += 1
            dies_at = start + cloud.random.randrange(_DEATH_WITHIN_NS)
            cloud.at(dies_at, charger.die)
            if cloud.happens(Quirk.REPEATED_TO_DEAD):
                quirks[Quirk.REPEATED_TO_DEAD] += 1
                cloud.at(dies_at, controllers.repeat)

    def _off_by(self, most: int) -> int:
        return self._cloud.random.randrange(-most, most + 1, 100)
