"""Chargers: sessions, modes, power and energy that agree with each other."""

from collections import defaultdict
from itertools import pairwise
from random import Random

import orjson
import pytest

from pipeline.simulator.charger import CHARGING, MANAGED, MODE, POWER, SESSION_ENERGY, Charger
from pipeline.simulator.cloud import Cloud
from pipeline.simulator.device import HOUR_NS, Pace, vocabulary
from pipeline.simulator.quirks import Quirk, Quirks
from pipeline.simulator.truth import Truth
from schemas.catalogue import shipped_catalogue
from schemas.observation import Product
from tests.oracle.times import nanoseconds

NOW = 1_748_772_000 * 10**9
DAY_NS = 24 * HOUR_NS
Said = dict[int, list[tuple[int, object]]]


def day(seed: int, quirks: Quirks) -> tuple[Truth, Said]:
    """Two days of one charger: what happened, and what it said by id: stamps and values in the order of stamps."""
    cloud = Cloud(Random(seed), quirks, Truth())
    Charger(cloud, "EH000281", vocabulary(shipped_catalogue(), Product.CHARGER, MANAGED), NOW, Pace(1.0, 1.0))
    said: Said = defaultdict(list)
    for delivery in cloud.run(NOW + 2 * DAY_NS):
        members = orjson.loads(delivery.body)
        said[members["Id"]].append((nanoseconds(members["Timestamp"]) or 0, members["Value"]))
    for values in said.values():
        values.sort(key=lambda stamped: stamped[0])
    return cloud.truth, said


@pytest.mark.parametrize("seed", range(3))
def test_sessions_are_told_by_mode_and_energy(seed: int) -> None:
    truth, said = day(seed, Quirks.none())
    ended = [session for session in truth.sessions if session.ended_at]
    assert len(ended) >= 2
    starts = [stamp for stamp, mode in said[MODE] if mode == 7]
    assert starts == [session.started_at // 10**9 * 10**9 for session in truth.sessions]
    last_energies = [
        [value for stamp, value in said[SESSION_ENERGY] if session.started_at <= stamp <= (session.ended_at or 0)][-1]
        for session in ended
    ]
    assert last_energies == pytest.approx([session.energy_kwh for session in ended], rel=1e-6)


def test_energy_is_power_over_time() -> None:
    truth, said = day(1, Quirks.none())
    session = next(session for session in truth.sessions if session.ended_at)
    reported = [
        (stamp, value)
        for stamp, value in said[POWER]
        if isinstance(value, int | float) and session.started_at <= stamp <= (session.ended_at or 0)
    ]
    energy = sum(power * (after - before) / HOUR_NS for (before, power), (after, _) in pairwise(reported))
    assert energy == pytest.approx(session.energy_kwh, rel=0.01)


def test_power_flows_only_while_it_charges() -> None:
    _, said = day(2, Quirks.none())
    modes = sorted(said[MODE])
    for stamp, power in said[POWER]:
        before = [mode for time, mode in modes if time < stamp]
        if power and before:
            assert before[-1] == CHARGING or any(time == stamp and mode == CHARGING for time, mode in modes)


def test_the_end_of_a_session_can_have_two_powers_in_one_second() -> None:
    truth, said = day(1, Quirks({Quirk.SAME_SECOND: 1.0}))
    pairs = [(before, after) for before, after in pairwise(said[POWER]) if before[0] == after[0]]
    assert len([pair for pair in pairs if {pair[0][1], pair[1][1]} >= {0}]) >= truth.quirks[Quirk.SAME_SECOND] > 0


def test_energy_can_come_late_with_its_own_stamp() -> None:
    truth, said = day(1, Quirks({Quirk.LATE_ENERGY: 1.0}))
    assert truth.quirks[Quirk.LATE_ENERGY] > 0
    ends = [session.ended_at // 10**9 * 10**9 for session in truth.sessions if session.ended_at]
    assert set(ends) & {stamp for stamp, _ in said[SESSION_ENERGY]}


def test_something_is_said_every_quarter_of_an_hour() -> None:
    _, said = day(1, Quirks.none())
    stamps = sorted(stamp for values in said.values() for stamp, _ in values)
    assert max(after - before for before, after in pairwise(stamps)) <= HOUR_NS // 4
