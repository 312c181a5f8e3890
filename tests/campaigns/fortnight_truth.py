"""What the answers to an analyst's questions must be, after a simulated fortnight.

Owns the questions' meaning. Pure, from what the simulator knows and what was heard. Must not know rows or queries.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from zoneinfo import ZoneInfo

from pipeline.simulator.questions import ChargerDay, connected_ns, energy_by_day
from pipeline.simulator.truth import ChargingSession, CommandTruth
from schemas.catalogue import shipped_catalogue
from tests.campaigns.command_ends import deadline_of, is_answered_in_time
from tests.campaigns.fortnight_plan import HOUR_NS, S, Told

SILENT_NS = 20 * 60 * S
OSLO = ZoneInfo("Europe/Oslo")


class Decisions(NamedTuple):
    """Where and when commands ended: command's name, firmware, and the beginning of the hour, nanoseconds."""

    command: str
    firmware: str
    hour: int


class Ended(NamedTuple):
    """How many decisions, and how many of them were failures."""

    decisions: int
    failed: int


class Contact(NamedTuple):
    """For how many seconds a charger was in contact with the cloud, and how often it lost it."""

    seconds: float
    losses: int


def true_sessions(told: Told) -> Sequence[ChargingSession]:
    """The sessions that began in the fortnight."""
    until = told.plan.until
    return [session for session in told.truth.sessions if told.plan.first <= session.started_at < until]


def true_energy(told: Told) -> Mapping[ChargerDay, float]:
    """Kilowatt-hours of each charger and day at Oslo; those days that the fortnight cuts, in part."""
    plan, truth = told.plan, told.truth
    judged = {key: kwh for key, kwh in truth.energies.items() if plan.first <= key[1] < plan.until}
    whole = type(truth)(energies=judged)
    return energy_by_day(whole, OSLO)


def true_online(told: Told) -> Mapping[str, float]:
    """For how many seconds each charger was within 20 minutes of a message of its own."""
    first, until = told.plan.first, told.plan.until
    seconds: dict[str, float] = {}
    for serial in told.chargers:
        total, covered = 0, first
        for arrived_at in sorted(told.heard.get(serial, ())):
            begin, end = max(arrived_at, covered), min(arrived_at + SILENT_NS, until)
            if end > begin:
                total += end - begin
            covered = max(covered, end)
        seconds[serial] = total / S
    return seconds


def true_contact(told: Told, serial: str) -> Contact:
    """What the simulator knows of a charger's contact."""
    first, until = told.plan.first, told.plan.until
    losses = [
        each
        for each in told.truth.disconnections
        if each.serial == serial and each.began_at < until and (each.ended_at is None or each.ended_at > first)
    ]
    return Contact(connected_ns(told.truth, serial, first, until) / S, len(losses))


def true_decisions(told: Told) -> Mapping[Decisions, Ended]:
    """Of commands of ours: each decision once, a late answer beside its time-out."""
    counts: defaultdict[Decisions, Counter[bool]] = defaultdict(Counter)
    catalogue = shipped_catalogue()
    for command in told.truth.commands:
        for at, is_failed in _decisions(command) if command.is_ours else ():
            if told.plan.first <= at < told.plan.until:
                place = Decisions(
                    catalogue.command_name(command.id), told.firmware(command.serial, at), at - at % HOUR_NS
                )
                counts[place][is_failed] += 1
    return {place: Ended(count.total(), count[True]) for place, count in counts.items()}


def _decisions(command: CommandTruth) -> Sequence[tuple[int, bool]]:
    """When what was decided of a command, and whether that is a failure."""
    found: list[tuple[int, bool]] = []
    if not is_answered_in_time(command):
        found.append((deadline_of(command), True))
    if command.arrived_at is not None:
        found.append((command.arrived_at, not command.accepted))
    return found
