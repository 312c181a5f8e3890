"""What every device does: settings on first contact, chatter, drops and the buffer behind them."""

from random import Random

import orjson

from pipeline.simulator.cloud import Cloud
from pipeline.simulator.device import HOUR_NS, Device, vocabulary
from pipeline.simulator.quirks import Quirk, Quirks
from pipeline.simulator.truth import Truth
from schemas.catalogue import Role, shipped_catalogue
from schemas.observation import Product
from tests.oracle.times import nanoseconds

SECOND = 10**9
NOW = 1_748_772_000 * SECOND
CATALOGUE = shipped_catalogue()
WORDS = vocabulary(CATALOGUE, Product.CHARGER)


def device(**rates: float) -> Device:
    cloud = Cloud(Random(3), Quirks({Quirk(name): rate for name, rate in rates.items()}), Truth())
    return Device(cloud, "EH000281", WORDS)


def ids(device: Device, until: int) -> list[int]:
    return [orjson.loads(delivery.body)["Id"] for delivery in device.cloud.run(until)]


def test_a_vocabulary_is_of_one_product() -> None:
    for product in Product:
        words = vocabulary(CATALOGUE, product)
        assert {(spec.product, number) for number, spec in words.specs.items()} == {
            place for place in CATALOGUE.observations if place[0] is product
        }
        assert all(spec.json for spec in words.documents)


def test_on_first_contact_all_settings_are_told() -> None:
    one = device()
    one.say_settings(NOW)
    wanted = {spec.id for spec in WORDS.specs.values() if spec.role is not Role.STATE}
    assert set(ids(one, NOW + HOUR_NS)) == wanted


def test_what_is_said_offline_comes_later_in_order_with_its_own_stamps() -> None:
    one = device(offline=1.0)
    one.plan_drops(NOW)
    assert ids(one, NOW + HOUR_NS) == [250, 251]
    said = [NOW + HOUR_NS + second * SECOND for second in range(10)]
    for place, time in enumerate(said):
        one.say(120, place, time)
    flushed = [
        orjson.loads(delivery.body)
        for delivery in one.cloud.run(NOW + 6 * HOUR_NS)
        if delivery.routing_key.endswith(".120")
    ]
    assert sorted(members["Value"] for members in flushed) == list(range(10))
    assert {members["Value"]: nanoseconds(members["Timestamp"]) for members in flushed} == dict(enumerate(said))


def test_a_drop_is_told_by_the_cloud() -> None:
    one = device(cloud_drop=1.0)
    one.plan_drops(NOW)
    assert ids(one, NOW + 2 * HOUR_NS) == [250, 251, 250]
    (loss,) = one.cloud.truth.disconnections
    assert loss.serial == one.serial
    assert loss.ended_at is not None
    assert 8 * SECOND <= loss.ended_at - loss.began_at < 77 * SECOND


def test_a_dead_device_is_never_heard_of_again() -> None:
    one = device(offline=1.0)
    one.plan_drops(NOW)
    assert ids(one, NOW + HOUR_NS) == [250, 251]
    one.say(120, 1, NOW + HOUR_NS)
    one.die(NOW + HOUR_NS)
    one.say(120, 2, NOW + HOUR_NS)
    assert ids(one, NOW + 24 * HOUR_NS) == []
    assert [loss.ended_at for loss in one.cloud.truth.disconnections] == [None]


def test_a_device_dies_of_sudden_as_well() -> None:
    one = device()
    one.die(NOW)
    assert ids(one, NOW + HOUR_NS) == [250, 251]


def test_a_device_stamps_by_its_own_clock_and_arrives_by_the_cloud_s() -> None:
    one = device()
    one.clock_offset = -2 * SECOND
    one.say(120, 1, NOW)
    (delivery,) = one.cloud.run(NOW + HOUR_NS)
    assert nanoseconds(orjson.loads(delivery.body)["Timestamp"]) == NOW - 2 * SECOND
    assert (nanoseconds(str(delivery.headers["ArrivalTime"])) or 0) > NOW


def test_chatter_has_documents_now_and_then() -> None:
    one = device(json_document=1.0)
    for _ in range(10):
        one.chatter(NOW)
    documents = {spec.id for spec in WORDS.documents}
    said = ids(one, NOW + HOUR_NS)
    assert len(said) == 40
    assert len([number for number in said if number in documents]) >= 10
    assert one.cloud.truth.quirks[Quirk.JSON_DOCUMENT] == 10
