"""Fleets: repeatable to the byte, and counted right."""

from collections import Counter
from itertools import pairwise
from random import Random

import pytest

from pipeline.simulator.fleet import Fleet, FleetPlan
from pipeline.simulator.quirks import Quirk, Quirks
from schemas.catalogue import shipped_catalogue
from schemas.delivery import Delivery
from tests.oracle.reading import Oracle, RejectedError

MINUTE = 60 * 10**9


def run(plan: FleetPlan, quirks: Quirks, minutes: int, cut: Random | None = None) -> tuple[Fleet, list[Delivery]]:
    """A fleet's deliveries, time cut into one piece or into pieces at random."""
    fleet = Fleet(plan, quirks)
    end = plan.start + minutes * MINUTE
    now, deliveries = plan.start, list[Delivery]()
    while now < end:
        now = end if cut is None else min(end, now + cut.randrange(1, 5 * MINUTE))
        deliveries += fleet.advance(now)
    return fleet, deliveries


@pytest.mark.parametrize("seed", range(3))
def test_the_same_bytes_come_however_time_is_cut(seed: int) -> None:
    plan = FleetPlan(seed=seed, chargers=6, chargers_a_site=3)
    _, whole = run(plan, Quirks.all(), 240)
    _, pieces = run(plan, Quirks.all(), 240, Random(seed))
    assert pieces == whole
    assert len(whole) > 5_000


def test_another_seed_is_another_day() -> None:
    _, one = run(FleetPlan(seed=1, chargers=3), Quirks.none(), 30)
    _, other = run(FleetPlan(seed=2, chargers=3), Quirks.none(), 30)
    assert one != other


def test_by_the_book_nothing_is_rejected() -> None:
    fleet, deliveries = run(FleetPlan(chargers=10), Quirks.none(), 120)
    oracle = Oracle()
    for delivery in deliveries:
        assert oracle.read(delivery.routing_key, delivery.headers, delivery.body)
    assert not fleet.truth.quirks
    assert not fleet.truth.rejects
    assert fleet.truth.kinds.keys() == {"O", "CR"}


def test_the_truth_counts_what_was_handed_out() -> None:
    fleet, deliveries = run(FleetPlan(chargers=20), Quirks.all(), 180)
    oracle, reasons = Oracle(), Counter[str]()
    for delivery in deliveries:
        try:
            oracle.read(delivery.routing_key, delivery.headers, delivery.body)
        except RejectedError as rejected:
            reasons[str(rejected)] += 1
    assert fleet.truth.deliveries == len(deliveries)
    assert {reason.value: count for reason, count in fleet.truth.rejects.items()} == reasons
    assert fleet.truth.quirks[Quirk.ARRIVAL_MISSING] + fleet.truth.quirks[Quirk.WRAPPED] == sum(
        not delivery.headers for delivery in deliveries
    )


def test_nearly_every_id_of_the_catalogue_is_said() -> None:
    _, deliveries = run(FleetPlan(chargers=40, chargers_a_site=4), Quirks.everyday(), 600)
    said = {
        ("equalizer" if delivery.routing_key.startswith("QP") else "charger", delivery.routing_key.split(".")[2])
        for delivery in deliveries
        if ".O." in delivery.routing_key
    }
    known = {(product.value, str(number)) for product, number in shipped_catalogue().observations}
    assert len(known & said) > 0.97 * len(known)


def test_every_site_has_an_equalizer() -> None:
    fleet = Fleet(FleetPlan(chargers=25, chargers_a_site=10), Quirks.none())
    assert [serial for serial in fleet.serials if serial.startswith("QP")] == ["QP000001", "QP000002", "QP000003"]
    assert len(fleet.serials) == 28


def test_a_hard_day_is_repeatable_too() -> None:
    plan = FleetPlan(seed=4, chargers=6)
    _, whole = run(plan, Quirks.hard(), 240)
    _, pieces = run(plan, Quirks.hard(), 240, Random(4))
    assert pieces == whole


def test_the_operator_s_clock_is_wrong_by_a_second_at_most_and_another_one_each_hour() -> None:
    plan = FleetPlan(chargers=3, commands_an_hour=20)
    fleet, deliveries = run(plan, Quirks({Quirk.HOST_CLOCK: 1.0}), 240)
    ahead = [sent.published_at - sent.created_at for sent in fleet.truth.commands]
    assert min(ahead) < 0 < max(ahead)
    assert -1_400_000_000 <= min(ahead) <= max(ahead) <= 980_000_000
    assert fleet.truth.quirks[Quirk.HOST_CLOCK] == 5
    received = [delivery.received_at or 0 for delivery in deliveries]
    assert received != sorted(received)


def test_each_charger_has_a_clock_of_its_own() -> None:
    plan = FleetPlan(chargers=30)
    by_the_book, wrong = (run(plan, Quirks({Quirk.DEVICE_CLOCK: rate}), 10)[0] for rate in (0.0, 1.0))
    assert by_the_book.truth.quirks[Quirk.DEVICE_CLOCK] == 0
    assert wrong.truth.quirks[Quirk.DEVICE_CLOCK] == 30


def test_fewer_reports_leave_sessions_and_signs_of_life_as_they_are() -> None:
    (usual, said), (terse, said_tersely) = (
        run(FleetPlan(chargers=10, reports=reports), Quirks.none(), 24 * 60) for reports in (1.0, 0.1)
    )
    assert len(said_tersely) < len(said) / 4
    assert len(terse.truth.sessions) > len(usual.truth.sessions) / 2
    for serial in terse.serials:
        times = [each.received_at or 0 for each in said_tersely if each.routing_key.startswith(serial)]
        assert max(later - earlier for earlier, later in pairwise(times)) < 20 * MINUTE
