"""The cloud: order, delay, and what transport does."""

from functools import partial
from random import Random

import orjson
import pytest

from pipeline.simulator.cloud import Cloud
from pipeline.simulator.quirks import Quirk, Quirks
from pipeline.simulator.truth import CommandTruth, Truth
from schemas.catalogue import shipped_catalogue
from schemas.command import CommandSent
from schemas.delivery import Delivery
from schemas.observation import Product
from tests.oracle.times import nanoseconds

SECOND = 10**9
NOW = 1_748_772_000 * SECOND
LONG_AFTER = NOW + 3_600 * SECOND
POWER = shipped_catalogue().observations[Product.CHARGER, 120]


def cloud(**rates: float) -> Cloud:
    return Cloud(Random(1), Quirks({Quirk(name): rate for name, rate in rates.items()}), Truth())


def test_actions_run_in_the_order_of_their_times_and_then_of_their_planning() -> None:
    world = cloud()
    ran: list[tuple[str, int]] = []
    for time, name in ((2, "c"), (1, "a"), (1, "b")):
        world.at(NOW + time, partial(lambda name, now: ran.append((name, now - NOW)), name))
    world.run(NOW + 1)
    assert ran == [("a", 1), ("b", 1)]
    world.run(NOW + 2)
    assert ran == [("a", 1), ("b", 1), ("c", 2)]


def test_a_message_arrives_after_it_was_said_and_is_received_after_it_arrived() -> None:
    world = cloud()
    world.tell("EH000281", POWER, 7.5, NOW + 1, NOW + 1)
    assert world.run(NOW) == []
    (delivery,) = world.run(LONG_AFTER)
    arrived = nanoseconds(str(delivery.headers["ArrivalTime"]))
    assert arrived
    assert delivery.received_at
    assert NOW < arrived < delivery.received_at
    assert nanoseconds(orjson.loads(delivery.body)["Timestamp"]) == NOW


def test_deliveries_come_in_the_order_in_which_they_were_received() -> None:
    world = cloud(out_of_order=0.5, redelivery=0.5)
    for second in range(50):
        world.tell("EH000281", POWER, second, NOW + second * SECOND, NOW + second * SECOND)
    deliveries = world.run(LONG_AFTER)
    received = [delivery.received_at or 0 for delivery in deliveries]
    assert received == sorted(received)
    values = [orjson.loads(delivery.body)["Value"] for delivery in deliveries]
    assert values != sorted(values)
    assert len(values) == 50 + world.truth.quirks[Quirk.REDELIVERY] > 50
    assert set(values) == set(range(50))
    assert world.truth.kinds == {"O": len(values)}


def test_what_the_cloud_makes_has_a_fine_stamp() -> None:
    world = cloud()
    world.tell_cloud_made("EH000281", POWER, 1, NOW + 1_234_567_890)
    (delivery,) = world.run(LONG_AFTER)
    assert nanoseconds(orjson.loads(delivery.body)["Timestamp"]) == NOW + 1_234_567_800


@pytest.mark.parametrize("accepted", [True, False])
def test_an_answer_tells_what_was_decided(accepted: bool) -> None:
    world = cloud()
    world.answer(CommandTruth("EH000281", 48, True, NOW, NOW + 100, NOW + SECOND, accepted), NOW + SECOND)
    (delivery,) = world.run(LONG_AFTER)
    members = orjson.loads(delivery.body)
    assert delivery.routing_key == "EH000281.CR.48"
    assert members["WasAccepted"] is accepted
    assert nanoseconds(members["Timestamp"]) == NOW + 100
    assert members["Ticks"] == 621_355_968_000_000_000 + (NOW + 100) // 100


def test_answers_have_their_quirks() -> None:
    world = cloud(rounded_ticks=1, negative_delivery=1)
    command = CommandTruth("EH000281", 48, True, NOW, NOW + 123_456_700, NOW + SECOND, True)
    world.answer(command, NOW + SECOND)
    (delivery,) = world.run(LONG_AFTER)
    members = orjson.loads(delivery.body)
    assert members["Ticks"] % 1_000 == 0
    assert (nanoseconds(members["DeliveredAt"]) or 0) < command.created_at


def test_an_answer_has_its_arrival_in_the_truth_unless_nobody_can_read_it() -> None:
    for rate, is_readable in ((0.0, True), (1.0, False)):
        world = cloud(bad_json=rate)
        command = CommandTruth("EH000281", 48, True, NOW, NOW + 123_456_700, NOW + SECOND, True)
        world.answer(command, NOW + SECOND)
        (delivery,) = world.run(LONG_AFTER)
        assert command.arrived_at == (nanoseconds(str(delivery.headers["ArrivalTime"])) if is_readable else None)


def test_an_answer_is_stamped_by_the_clock_of_its_device() -> None:
    stamps = []
    for offset in (0, -2 * SECOND):
        world = cloud()
        world.answer(CommandTruth("EH000281", 48, True, NOW, NOW + 100, NOW + SECOND, True), NOW + SECOND, offset)
        (delivery,) = world.run(LONG_AFTER)
        stamps.append(nanoseconds(orjson.loads(delivery.body)["DeliveredAt"]) or 0)
    assert stamps[1] - stamps[0] == -2 * SECOND


def test_a_command_of_the_operator_comes_in_its_place_among_the_deliveries() -> None:
    def world() -> Cloud:
        world = cloud()
        world.publish(CommandSent("EH000281", 48, (), None, NOW + 5 * SECOND, "a", None), NOW + 5 * SECOND)
        for seconds in (0, 10):
            world.tell("EH000281", POWER, seconds, NOW + seconds * SECOND, NOW + seconds * SECOND)
        return world

    assert [type(item) for item in world().run_with_commands(LONG_AFTER)] == [Delivery, CommandSent, Delivery]
    alone = world()
    assert len(alone.run(LONG_AFTER)) == alone.truth.deliveries == 2


def test_receipt_is_by_the_operator_s_clock() -> None:
    world = cloud()
    world.host_offset = -SECOND
    world.tell("EH000281", POWER, 1, NOW, NOW)
    (delivery,) = world.run(LONG_AFTER)
    assert (delivery.received_at or 0) < (nanoseconds(str(delivery.headers["ArrivalTime"])) or 0)
