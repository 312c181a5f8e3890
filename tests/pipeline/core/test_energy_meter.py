"""The energy meter: no energy is lost or counted twice, whatever comes late, is repeated or begins anew."""

from collections.abc import Sequence
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core import energy_meter
from pipeline.core.energy_meter import EnergyMeter, Reading

HOUR = 3_600 * 10**9
DAY = 1_750_003_200 * 10**9
LATE = 3 * HOUR


def reading(hours: float, kwh: float, lag: float = 0) -> Reading:
    at = DAY + int(hours * HOUR)
    return Reading(at, at + int(lag * HOUR), kwh)


def meter(*readings: Reading) -> EnergyMeter:
    new = EnergyMeter(LATE)
    for each in readings:
        new.add(each)
    return new


def energies(of: EnergyMeter, hours: int) -> list[float | None]:
    return [of.energy(DAY + hour * HOUR) for hour in range(hours)]


def test_readings_at_the_edges_of_hours_are_exact() -> None:
    assert energies(meter(reading(0, 100), reading(1, 107), reading(2, 107), reading(3, 110)), 4) == [7, 0, 3, 0]


def test_before_the_first_reading_nothing_is_known() -> None:
    assert energies(meter(reading(1.5, 100), reading(2.5, 104)), 4) == [None, 2, 2, 0]
    assert energies(meter(), 1) == [None]


def test_between_readings_the_energy_is_spread_evenly() -> None:
    assert energies(meter(reading(0.5, 100), reading(3, 110)), 4) == [2, 4, 4, 0]


def test_what_becomes_known_late_is_spread_over_hours_that_are_still_open() -> None:
    found = energies(meter(reading(0, 100), reading(6, 112)), 6)
    assert found == [0, 0, 0, 4, 4, 4]


def test_zeros_and_steps_back_do_not_count() -> None:
    found = meter(reading(0, 100), reading(1, 103), reading(1.5, 0), reading(2, 90), reading(3, 105))
    assert sum(each or 0 for each in energies(found, 4)) == 5


def test_a_counter_that_begins_anew_counts_from_there() -> None:
    found = energies(meter(reading(0, 1_000), reading(1, 1_003), reading(2, 1), reading(3, 5)), 4)
    assert found == [3, 0, 4, 0]


def test_of_two_readings_of_one_moment_the_greater_counts() -> None:
    found = meter(reading(0, 100), reading(1, 107))
    assert found.add(reading(1, 107)) is None
    found.add(reading(1, 99))
    assert energies(found, 1) == [7]
    found.add(reading(1, 108))
    assert energies(found, 1) == [8]


def test_a_reading_says_from_when_on_hours_are_others() -> None:
    found = meter(reading(0, 100), reading(3, 103), reading(4, 104))
    assert found.add(reading(9, 110)) == DAY + 4 * HOUR
    began_anew = meter(reading(0, 100), reading(3, 103), reading(4, 50))
    assert began_anew.add(reading(9, 60)) == DAY + 3 * HOUR


_kwh = st.sampled_from([0.0, 3.0, 90.0, 100.0, 101.0, 103.5, 110.0])
_readings = st.lists(st.builds(reading, st.integers(0, 36).map(lambda n: n / 3), _kwh, st.integers(0, 3)), max_size=12)


_minutes = st.sampled_from([20, 30, 40, 58, 59, 59.5, 60, 60.5, 61, 61.5, 62, 63, 64, 64.5, 65, 66, 75])
"""Many within five minutes, and around an hour's edge."""
_dense = st.lists(
    st.builds(reading, _minutes.map(lambda n: n / 60), _kwh, st.sampled_from([0, 0.5, 2.97, 3])), max_size=20
)


@given(_readings | _dense)
def test_before_what_a_reading_reaches_nothing_is_another(readings: list[Reading]) -> None:
    found = meter()
    for each in readings:
        before = energies(found, 15)
        reached = found.add(each)
        changed = [hour for hour, kwh in enumerate(energies(found, 15)) if kwh != before[hour]]
        if changed:
            assert reached is not None
            end = DAY + (changed[0] + 1) * HOUR
            assert end > reached or end == reached == each.at


def all_remembered(readings: Sequence[Reading]) -> EnergyMeter:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(energy_meter, "_TOGETHER_NS", 1)
        return meter(*readings)


def test_who_talks_every_second_is_remembered_like_others_and_has_the_same_hours() -> None:
    second = [reading(second / 3_600, 100 + second / 1_000, lag=second % 7 / 3_600) for second in range(3 * 3_600 + 60)]
    found = meter(*second)
    assert len(found.readings) < 100
    assert energies(found, 4) == energies(all_remembered(second), 4)
    assert energies(found, 2) == pytest.approx([3.6, 3.6])


def test_a_reading_that_is_known_in_time_is_not_left_out_for_those_that_are_not() -> None:
    late, known, later = reading(61 / 60, 101, 3), reading(62 / 60, 102), reading(64 / 60, 103, 3)
    readings = [reading(0.5, 100), late, known, later]
    assert meter(*readings).readings == readings
    assert energies(meter(*readings), 1) == energies(all_remembered(readings), 1)


@given(st.lists(st.tuples(_minutes, st.integers(0, 2), st.sampled_from([0, 0.5, 2.97, 3])), max_size=30))
def test_where_a_counter_rises_what_is_left_out_changes_no_hour(steps: list[tuple[int, int, float]]) -> None:
    heights = accumulate(rise for _, rise, _ in sorted(steps))
    readings = [
        reading(minute / 60, 100 + height, lag) for (minute, _, lag), height in zip(sorted(steps), heights, strict=True)
    ]
    assert energies(meter(*readings), 8) == pytest.approx(energies(all_remembered(readings), 8))


@given(_dense.flatmap(lambda each: st.tuples(st.just(each), st.permutations(each))))
def test_what_is_remembered_is_the_same_in_any_order(orders: tuple[list[Reading], list[Reading]]) -> None:
    one, other = orders
    assert meter(*one).readings == meter(*other).readings


@given(_readings | _dense)
def test_forgetting_changes_no_hour_that_is_open(readings: list[Reading]) -> None:
    whole, other = meter(*readings), EnergyMeter(LATE)
    told: dict[int, float | None] = {}
    for each in sorted(readings, key=lambda each: each.arrived_at):
        open_from = (each.arrived_at - LATE - 1) // HOUR * HOUR
        for hour in range(max(told, default=DAY - HOUR) + HOUR, open_from, HOUR):
            told[hour] = other.energy(hour)
        other.forget(open_from)
        other.add(each)
        kept = EnergyMeter(LATE)
        kept.restore(other.readings, other.settled, other.offset)
        other = kept
    for hour in range(max(told, default=DAY - HOUR) + HOUR, DAY + 16 * HOUR, HOUR):
        told[hour] = other.energy(hour)
    for hour, energy in told.items():
        assert energy == pytest.approx(whole.energy(hour))


@given(st.lists(st.tuples(st.integers(0, 36), st.integers(0, 5), st.integers(0, 3)), min_size=1, max_size=12))
def test_all_hours_together_have_what_the_counter_rose_by(steps: list[tuple[int, int, int]]) -> None:
    kwh = 100.0
    readings: list[Reading] = []
    for third, rise, lag in sorted(steps):
        kwh += rise
        readings.append(reading(third / 3, kwh, lag))
    found = energies(meter(*readings), 20)
    first = max(each.kwh for each in readings if each.at == readings[0].at)
    assert sum(each for each in found if each is not None) == pytest.approx(kwh - first)
    assert all(each is None or each >= 0 for each in found)
