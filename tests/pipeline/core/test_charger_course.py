"""What is remembered of one charger: what touches what, and that it is kept whole."""

from math import inf

import orjson

from pipeline.core.charger_course import SLOTS, ChargerCourse, Slot
from pipeline.core.timestamps import NS_PER_S
from pipeline.wires.kafka_options import MOST_MESSAGE_BYTES
from schemas.catalogue import shipped_catalogue
from schemas.observation import Product

S = NS_PER_S
HOUR = 3_600 * S
T = 1_750_003_200 * S
LATE = 2 * HOUR


def charger() -> ChargerCourse:
    return ChargerCourse(LATE, T)


def test_the_ids_are_those_of_the_catalogue() -> None:
    observations = shipped_catalogue().observations
    assert {slot: observations[Product.CHARGER, number].field for number, slot in SLOTS.items()} == {
        Slot.OP_MODE: "op_mode",
        Slot.TOTAL_POWER: "total_power_kw",
        Slot.DYNAMIC_CURRENT: "dynamic_charger_current_a",
        Slot.MAX_CURRENT: "max_charger_current_a",
        Slot.CONNECTED: "connected_to_cloud",
        Slot.ERROR_CODE: "error_code",
        Slot.RELEASE: "software_release",
        Slot.LIFETIME_ENERGY: "lifetime_energy_kwh",
    }


def test_what_is_said_again_changes_nothing() -> None:
    of = charger()
    for slot in Slot:
        assert of.take(slot, T + 5 * S, S, 7.0) is not None
        assert of.take(slot, T + 5 * S, S, 7.0) is None


def test_what_is_too_late_for_its_hour_counts_only_as_the_last_value() -> None:
    of = charger()
    of.take(Slot.TOTAL_POWER, T, LATE + 1, 7.0)
    assert of.at(Slot.TOTAL_POWER, T) == 7.0
    assert of.peaks.of(T) is None


def test_a_value_reaches_from_its_key_to_the_next() -> None:
    of = charger()
    for second in (5, 15):
        of.take(Slot.OP_MODE, T + second * S, 0, 3.0)
    assert of.reach(Slot.OP_MODE, T + 5 * S) == (T + 5 * S, T + 15 * S)
    assert of.reach(Slot.OP_MODE, T + 15 * S) == (T + 15 * S, None)
    for hour in range(5):
        of.take(Slot.LIFETIME_ENERGY, T + hour * HOUR, 0, 100.0 + hour)
    assert of.reach(Slot.LIFETIME_ENERGY, T + 4 * HOUR) == (T + 3 * HOUR, None)


def test_a_release_is_newer_where_it_is_another_and_said_later() -> None:
    of = charger()
    assert of.is_newer_release(T, 315.0)
    of.take(Slot.RELEASE, T, 0, 315.0)
    assert not of.is_newer_release(T + S, 315.0)
    assert not of.is_newer_release(T - S, 318.0)
    assert of.is_newer_release(T + S, 318.0)


def test_whoever_says_many_modes_a_second_costs_no_more() -> None:
    of = charger()
    for number in range(10_000):
        of.take(Slot.OP_MODE, T + number * S // 100, 0, float(number % 3))
    assert len(list(of.modes(T, T + HOUR))) == 100


def test_one_that_says_everything_each_second_is_kept_short_and_read_again() -> None:
    """Far below what an entry may be, which has it twice, for longer than the default of LATE_DATA needs."""
    of = charger()
    for second in range(9 * 3_600):
        key = T + second * S + second * second * 7_919 % S
        for slot in Slot:
            of.take(slot, key, 0, second / 3_600 if slot is Slot.LIFETIME_ENERGY else float(second % 3))
    content = of.to_bytes()
    assert len(content) < MOST_MESSAGE_BYTES // 10
    again = ChargerCourse(LATE, 0)
    again.restore(content)
    assert list(again.modes(T, T + 9 * HOUR)) == list(of.modes(T, T + 9 * HOUR))
    assert again.to_bytes() == content


def test_what_was_kept_before_it_was_compressed_is_read() -> None:
    of = charger()
    modes = [(T + second * S + place, float(place)) for second in range(5_000) for place in range(2)]
    of.restore(orjson.dumps((T, [modes, *[None] * 6], [], [], None, 0.0)))
    assert of.at(Slot.OP_MODE, T + 4_999 * S) == 1.0
    assert len(list(of.modes(T, T + 2 * HOUR))) == 5_000


def test_it_is_kept_whole() -> None:
    of = charger()
    for slot in Slot:
        for hour in range(6):
            of.take(slot, T + hour * HOUR + S * slot, S * hour, 100.0 + hour)
    of.forget(T + 2 * HOUR)
    again = ChargerCourse(LATE, 0)
    again.restore(of.to_bytes())
    assert again.to_bytes() == of.to_bytes()
    assert again.since == T
    assert [again.meter.energy(T + hour * HOUR) for hour in range(2, 6)] == [
        of.meter.energy(T + hour * HOUR) for hour in range(2, 6)
    ]
    assert again.at(Slot.OP_MODE, T + 2 * HOUR - S) == 101.0
    assert again.peaks.of(T + 3 * HOUR) == of.peaks.of(T + 3 * HOUR)
    assert again.peaks.raise_to(T + 3 * HOUR, -inf) is False
