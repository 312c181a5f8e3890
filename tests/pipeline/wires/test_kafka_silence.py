"""Silence: who is asked about and when, and how long messages may wait before that is a fault."""

import pytest

from pipeline.wires.kafka_silence import FLOWED_S, SILENT_S, STALLED_S, Partition, SilentPartitions, stalled

ONE, TWO = ("topic", 1), ("topic", 2)


class Clock:
    """What the time is."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def silent(clock: Clock) -> SilentPartitions:
    silent = SilentPartitions(clock)
    silent.begin([ONE, TWO])
    return silent


def test_a_silent_one_is_asked_about_now_and_then(silent: SilentPartitions, clock: Clock) -> None:
    assert list(silent.to_ask()) == []
    clock.now += SILENT_S + 1
    silent.came(ONE)
    assert list(silent.to_ask()) == [TWO]
    assert list(silent.to_ask()) == []
    clock.now += SILENT_S + 1
    assert list(silent.to_ask()) == [ONE, TWO]
    silent.end([ONE])
    clock.now += SILENT_S + 1
    assert list(silent.to_ask()) == [TWO]


def test_those_that_were_not_asked_about_for_longest_are_first(clock: Clock) -> None:
    silent = SilentPartitions(clock)
    silent.begin(("topic", number) for number in range(40))
    asked: set[Partition] = set()
    for _ in range(int(SILENT_S) + 12):
        clock.now += 1
        asked.update(silent.to_ask())
    assert len(asked) == 40


@pytest.mark.parametrize("what", ["came", "excuse", "nothing waits", "went and came"])
def test_one_has_stalled_where_nothing_else_happened_for_long(
    silent: SilentPartitions, clock: Clock, what: str
) -> None:
    clock.now += 10 * STALLED_S
    for _ in range(2):
        # Only now there is something.
        assert not silent.has_stalled(ONE, 3, clock())
        clock.now += STALLED_S
        assert not silent.has_stalled(ONE, 4, clock())
        clock.now += 1
        assert silent.has_stalled(ONE, 5, clock())
        if what == "came":
            silent.came(ONE)
        elif what == "excuse":
            silent.excuse()
        elif what == "nothing waits":
            assert not silent.has_stalled(ONE, 0, clock())
        else:
            silent.end([ONE])
            silent.begin([ONE])


def test_while_nothing_could_come_nothing_stalls(silent: SilentPartitions, clock: Clock) -> None:
    assert not silent.has_stalled(ONE, 3, 7.0)
    clock.now += 3_600
    assert not silent.has_stalled(ONE, 3, 7.0 + FLOWED_S)
    assert silent.has_stalled(ONE, 3, 8.0 + FLOWED_S)


def test_what_has_stalled_is_named() -> None:
    assert "3 messages of topic, partition 2, wait and none comes" in str(stalled(TWO, 3))
