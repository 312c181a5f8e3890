"""Questions to the truth: what flowed, when somebody charged, and who was in contact."""

from datetime import UTC, date
from zoneinfo import ZoneInfo

import pytest

from pipeline.simulator.fleet import Fleet, FleetPlan
from pipeline.simulator.questions import connected_ns, energy_by_day, energy_by_hour, sessions_of
from pipeline.simulator.quirks import Quirk, Quirks
from pipeline.simulator.truth import HOUR_NS, ChargingSession, Disconnection, Truth

MIDNIGHT = 1_748_736_000 * 10**9  # 2025-06-01T00:00:00Z


def test_sessions_are_those_of_one_charger_that_began() -> None:
    first, second, other = ChargingSession("EH1", 1, 10), ChargingSession("EH1", 2, 20), ChargingSession("EH2", 3, 5)
    truth = Truth(sessions=[second, other, first])
    assert sessions_of(truth, "EH1", 20) == [first, second]
    assert sessions_of(truth, "EH1", 19) == [first]


def test_energy_is_of_the_hours_in_which_it_flowed() -> None:
    truth = Truth()
    truth.add_energy("EH1", MIDNIGHT - HOUR_NS // 2, MIDNIGHT + HOUR_NS + HOUR_NS // 2, 8.0)
    truth.add_energy("EH1", MIDNIGHT, MIDNIGHT, 0.0)
    truth.add_energy("EH1", MIDNIGHT, MIDNIGHT + 1, 1.0)
    assert energy_by_hour(truth, "EH1") == {MIDNIGHT - HOUR_NS: 2.0, MIDNIGHT: 5.0, MIDNIGHT + HOUR_NS: 2.0}
    assert energy_by_hour(truth, "EH2") == {}


def test_a_day_is_that_of_its_zone() -> None:
    truth = Truth()
    for hour in range(21, 25):
        truth.add_energy("EH1", MIDNIGHT + hour * HOUR_NS, MIDNIGHT + (hour + 1) * HOUR_NS, 1.0)
    first, second = ("EH1", date(2025, 6, 1)), ("EH1", date(2025, 6, 2))
    assert energy_by_day(truth, UTC) == {first: 3.0, second: 1.0}
    assert energy_by_day(truth, ZoneInfo("Europe/Oslo")) == {first: 1.0, second: 3.0}


def test_contact_is_what_is_left_of_a_time_without_its_losses() -> None:
    losses = [Disconnection("EH1", 10, 20), Disconnection("EH1", 50), Disconnection("EH2", 0, 100)]
    truth = Truth(disconnections=losses)
    assert connected_ns(truth, "EH1", 0, 40) == 30
    assert connected_ns(truth, "EH1", 15, 60) == 30
    assert connected_ns(truth, "EH3", 15, 60) == 45


def test_a_fleet_s_energy_is_that_of_its_sessions() -> None:
    fleet = Fleet(FleetPlan(chargers=5), Quirks.none().but({Quirk.OFFLINE: 0.2}))
    end = fleet.plan.start + 24 * HOUR_NS
    fleet.advance(end)
    truth = fleet.truth
    assert sum(energy_by_day(truth, UTC).values()) == pytest.approx(sum(each.energy_kwh for each in truth.sessions))
    for serial in fleet.serials:
        sessions = sessions_of(truth, serial, end)
        assert sum(energy_by_hour(truth, serial).values()) == pytest.approx(sum(each.energy_kwh for each in sessions))
        assert 0 <= connected_ns(truth, serial, fleet.plan.start, end) <= 24 * HOUR_NS
    lost = sum(24 * HOUR_NS - connected_ns(truth, serial, fleet.plan.start, end) for serial in fleet.serials)
    assert lost > 0
