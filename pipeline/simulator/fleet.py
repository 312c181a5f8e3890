"""A fleet: sites of chargers with an Equalizer each, behind one cloud and one queue.

Owns the plan of a fleet and how time moves it. The same plan and quirks give the same bytes, however time is cut.
"""

from random import Random
from typing import NamedTuple

from pipeline.simulator import charger, equalizer
from pipeline.simulator.charger import Charger
from pipeline.simulator.cloud import Cloud
from pipeline.simulator.commands import CommandCentre, Controllers
from pipeline.simulator.device import vocabulary
from pipeline.simulator.equalizer import Equalizer
from pipeline.simulator.messages import NS_PER_S
from pipeline.simulator.quirks import Quirks
from pipeline.simulator.truth import CommandTruth, Truth
from schemas.catalogue import shipped_catalogue
from schemas.delivery import Delivery
from schemas.observation import Product

_START = 1_748_772_000 * NS_PER_S  # 2025-06-01T10:00:00Z


class FleetPlan(NamedTuple):
    """What is simulated.

    `chargers_a_site`    each site has an Equalizer.
    `start`              nanoseconds since the epoch, UTC.
    `busy`               how many times faster than usual cars come and go and reports are made.
    `commands_an_hour`   commands of the operator's own, for each charger.
    `keeps_history`      whether the truth lists every session and command; off for long runs.
    """

    seed: int = 1
    chargers: int = 40
    chargers_a_site: int = 10
    start: int = _START
    busy: float = 1.0
    commands_an_hour: float = 0.5
    keeps_history: bool = True


class Fleet:
    """A fleet in motion. Time only moves forward, by `advance`."""

    def __init__(self, plan: FleetPlan, quirks: Quirks) -> None:
        """Set up every device; nothing is said before the first `advance`."""
        self.plan = plan
        self.truth = Truth(plan.keeps_history)
        catalogue = shipped_catalogue()
        self._cloud = Cloud(Random(plan.seed), quirks, self.truth)
        read_back = {number for command in catalogue.commands.values() for number in command.readback}
        charger_words = vocabulary(catalogue, Product.CHARGER, {*charger.MANAGED, *read_back})
        equalizer_words = vocabulary(catalogue, Product.EQUALIZER, equalizer.MANAGED)
        self._chargers = {
            serial: Charger(self._cloud, serial, charger_words, plan.start, plan.busy)
            for serial in (f"EH{place:06d}" for place in range(1, plan.chargers + 1))
        }
        sites = -(-plan.chargers // plan.chargers_a_site)
        self._equalizers = [
            Equalizer(self._cloud, f"QP{place:06d}", equalizer_words, plan.start, plan.busy)
            for place in range(1, sites + 1)
        ]
        self._centre = CommandCentre(self._cloud, catalogue, self._chargers)
        for serial in self._chargers:
            Controllers(self._cloud, self._centre, serial, plan.start, plan.commands_an_hour)

    @property
    def serials(self) -> list[str]:
        """Every device's, chargers first."""
        return [*self._chargers, *(meter.serial for meter in self._equalizers)]

    def advance(self, until: int) -> list[Delivery]:
        """Let time pass up to `until` (nanoseconds); the deliveries that reached the queue since, in its order."""
        return self._cloud.run(until)

    def send(self, routing_key: str, body: bytes, published_at: int) -> CommandTruth | None:
        """Publish a command as the operator does; None for one that the cloud does not understand."""
        return self._centre.take(routing_key, body, published_at)
