"""Equalizers: what the meter of a site says."""

from random import Random

import orjson

from pipeline.simulator.cloud import Cloud
from pipeline.simulator.device import HOUR_NS, Pace, vocabulary
from pipeline.simulator.equalizer import MANAGED, Equalizer
from pipeline.simulator.quirks import Quirks
from pipeline.simulator.truth import Truth
from schemas.catalogue import shipped_catalogue
from schemas.observation import Product

NOW = 1_748_772_000 * 10**9
CATALOGUE = shipped_catalogue()


def messages(busy: float) -> list[dict[str, object]]:
    cloud = Cloud(Random(2), Quirks.none(), Truth())
    Equalizer(cloud, "QP000001", vocabulary(CATALOGUE, Product.EQUALIZER, MANAGED), NOW, Pace(busy, busy))
    return [orjson.loads(delivery.body) for delivery in cloud.run(NOW + 3 * HOUR_NS)]


def test_it_reports_phases_voltages_and_power_by_its_own_ids_and_names() -> None:
    said = messages(busy=1.0)
    for members in said:
        number = members["Id"]
        assert isinstance(number, int)
        assert CATALOGUE.observations[Product.EQUALIZER, number].name == members["Name"]
    counts = {number: sum(members["Id"] == number for members in said) for number in (31, 34, 40, 45)}
    assert 400 < counts[31] < 650
    assert counts[31] == counts[34] == counts[40]
    assert counts[45] >= 2


def test_a_busy_one_reports_more_often() -> None:
    usual, busy = (sum(members["Id"] == 40 for members in messages(rate)) for rate in (1.0, 3.0))
    assert 2.5 < busy / usual < 3.5
