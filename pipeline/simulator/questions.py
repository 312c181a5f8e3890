"""Questions: what can be asked of the truth of a simulated fleet, and the answers.

Owns sums and shares over what happened. Pure. Must not know rows, or what anybody else made of it.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, tzinfo

from pipeline.simulator.messages import NS_PER_S
from pipeline.simulator.truth import ChargingSession, Truth

ChargerDay = tuple[str, date]


def sessions_of(truth: Truth, serial: str, until: int) -> Sequence[ChargingSession]:
    """The sessions of one charger that began up to a moment (nanoseconds), in order, as they are now."""
    sessions = [each for each in truth.sessions if each.serial == serial and each.started_at <= until]
    return sorted(sessions, key=lambda each: each.started_at)


def energy_by_hour(truth: Truth, serial: str) -> Mapping[int, float]:
    """Kilowatt-hours that flowed in each hour, by its beginning (nanoseconds, UTC); hours without any are left out."""
    return {hour: kwh for (owner, hour), kwh in sorted(truth.energies.items()) if owner == serial}


def energy_by_day(truth: Truth, zone: tzinfo) -> Mapping[ChargerDay, float]:
    """Kilowatt-hours of each charger and day of a zone whose offset is whole hours."""
    days: defaultdict[ChargerDay, float] = defaultdict(float)
    for (serial, hour), kwh in truth.energies.items():
        days[serial, datetime.fromtimestamp(hour // NS_PER_S, zone).date()] += kwh
    return days


def connected_ns(truth: Truth, serial: str, begin: int, end: int) -> int:
    """For how long a device was in contact with the cloud between two moments, nanoseconds.

    That is not for how long it was heard: `online_s` of an hour goes by its messages.
    """
    missed = 0
    for each in truth.disconnections:
        if each.serial == serial:
            ended_at = end if each.ended_at is None else min(each.ended_at, end)
            missed += max(ended_at - max(each.began_at, begin), 0)
    return max(end - begin, 0) - missed
