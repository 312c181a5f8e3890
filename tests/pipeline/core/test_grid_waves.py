"""Waves: every device once for each moment that is due, in portions, and again where it is touched."""

from pipeline.core.grid_waves import Due, GridWaves

FLEET = ["a", "b", "c", "d", "e"]


def begun(at: int = 103, settle: int = 2) -> GridWaves:
    waves = GridWaves(10, settle)
    waves.begin(at)
    return waves


def take(waves: GridWaves, watermark: int, most: int = 99) -> list[Due]:
    return waves.take(watermark, most, lambda _: FLEET)


def test_a_moment_is_due_when_the_watermark_is_past_it_and_a_while() -> None:
    waves = begun()
    assert take(waves, 112) == []
    assert take(waves, 113) == [(serial, 110) for serial in FLEET]
    assert take(waves, 113) == []
    assert take(waves, 133) == [(serial, moment) for moment in (120, 130) for serial in FLEET]


def test_portions_are_the_whole_in_the_end() -> None:
    waves = begun()
    portions = [take(waves, 133, 2) for _ in range(9)]
    assert [len(portion) for portion in portions] == [2, 2, 2, 2, 2, 2, 2, 1, 0]
    assert [due for portion in portions for due in portion] == [
        (serial, moment) for moment in (110, 120, 130) for serial in FLEET
    ]


def test_given_is_only_what_every_device_has() -> None:
    waves = begun()
    take(waves, 113, 4)
    assert (waves.given, waves.told) == (100, 110)
    take(waves, 113, 4)
    assert (waves.given, waves.told) == (110, 110)


def test_what_is_touched_is_given_again_as_far_as_it_was_told() -> None:
    waves = begun()
    take(waves, 133)
    waves.touch("a", 111, 121)
    settled = [waves.is_settled]
    assert sorted(take(waves, 133)) == [("a", 120), ("a", 130)]
    assert [*settled, waves.is_settled] == [False, True]
    waves.touch("b", 120, None)
    waves.touch("b", 131, 199)
    assert sorted(take(waves, 133)) == [("b", 120), ("b", 130)]


def test_what_failed_is_given_again_beyond_any_portion() -> None:
    waves = begun()
    dues = take(waves, 133)
    waves.touch_again(dues)
    waves.touch("a", 110, 110)
    settled = [waves.is_settled]
    assert sorted(take(waves, 133, 0)) == sorted(dues)
    assert [*settled, waves.is_settled] == [False, False]


def test_the_earliest_of_what_may_be_given_again() -> None:
    waves = GridWaves(10, 2)
    assert waves.earliest is None
    waves = begun()
    take(waves, 153)
    assert waves.earliest == 110
    take(waves, 153)
    assert waves.earliest == 150
    waves.touch("a", 120, 120)
    assert waves.earliest == 120


def test_before_it_begins_nothing_is_due() -> None:
    waves = GridWaves(10, 0)
    assert take(waves, 999) == []
    assert not waves.has_begun


def test_moments_without_devices_are_passed() -> None:
    waves = begun()
    assert waves.take(153, 99, lambda moment: FLEET if moment == 140 else []) == [(serial, 140) for serial in FLEET]
    assert waves.given == 150
