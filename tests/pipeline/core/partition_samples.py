"""A fleet's stream for the tracks of some partitions, and the rows that one derivation makes of it."""

from collections.abc import Iterator
from itertools import pairwise
from random import Random

from pipeline.core.decode import Decoder, Outcome
from pipeline.core.derivation import Derivation
from pipeline.core.redaction import Personal, Redaction
from pipeline.simulator.fleet import Fleet, FleetPlan
from pipeline.simulator.quirks import Quirks
from schemas.command import CommandSent
from tests.pipeline.core.derivation_samples import CATALOGUE, Disk, Kept, S, true_rows

HOURS = 3
COUNT = 3
DROP = Redaction(Personal.DROP)
PLAN = FleetPlan(seed=5, chargers=40, busy=6.0, reports=0.3, commands_an_hour=6.0)


def stream(seed: int, hours: int = HOURS) -> Iterator[list[Outcome]]:
    """Batches of a fleet's stream, unlike in length."""
    random, decoder = Random(seed), Decoder(CATALOGUE, DROP)
    fleet = Fleet(PLAN, Quirks.hard())
    moments = range(PLAN.start, PLAN.start + hours * 3_600 * S, 40 * S)
    for _, until in pairwise(moments):
        if random.random() < 0.5:
            continue
        outcomes: list[Outcome] = []
        for item in fleet.advance_with_commands(until):
            outcomes += [item] if isinstance(item, CommandSent) else decoder.decode([item]).outcomes
        yield outcomes


def finish(alone: Derivation, disk: Disk) -> None:
    """Rounds until all is said."""
    is_whole = False
    while not is_whole:
        derived = alone.advance()
        disk.write(derived.rows)
        disk.keep(alone.progress())
        alone.kept()
        is_whole = derived.is_whole


def whoever_knew(disk: Disk) -> Kept:
    """Rows by all but the firmware, which is the one that was known when a row was first written."""
    rows = true_rows(disk.rows)
    return {
        (measurement, charger, tuple(tag for tag in tags if tag[0] != "firmware"), time): values
        for (measurement, charger, tags, time), values in rows.items()
    }
