"""All bridges of a queue: nothing is taken as known while somebody may still hold it."""

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.bridges import MARGIN_NS, Bridges
from schemas.stream import Tick

S = 10**9
T = 1_000


class Teller:
    """One bridge, which ticks every second, and asks the broker at each tick.

    `settled_at` is said no later than by its tick.
    """

    def __init__(self, bridges: Bridges, name: str, life: int = 1) -> None:
        self.consumers: int | None = 1
        self.settled_at: int | None = None
        self._bridges = bridges
        self._name = name
        self._life = life
        self._number = 0

    def continue_from(self, other: "Teller") -> None:
        """Go on as that one would."""
        self.consumers, self._number = other.consumers, other._number

    def tick(self, at: int, watermark: int | None, *, is_last: bool = False) -> int | None:
        """A tick at a second; the watermark of all then."""
        self._number += 1
        looked_at = None if self.consumers is None else at * S
        settled_at = None if self.settled_at is None else min(self.settled_at, at) * S
        return self._bridges.take(
            Tick(
                self._name, self._life, self._number, at * S, watermark, settled_at, self.consumers, looked_at, is_last
            )
        )


def run(tellers: Sequence[Teller], first: int, seconds: int, watermark: int | None) -> int | None:
    """All tick every second, and say the same; the watermark of all then."""
    found = None
    for at in range(first, first + seconds):
        for teller in tellers:
            found = teller.tick(at, watermark)
    return found


@pytest.fixture
def bridges() -> Bridges:
    return Bridges()


def test_the_watermark_of_one_bridge_is_its_own_once_it_is_proved_and_never_goes_back(bridges: Bridges) -> None:
    one = Teller(bridges, "one")
    assert bridges.watermark is None
    assert run([one], T, 4, 50) is None
    assert run([one], T + 4, 6, 50) == 50
    assert run([one], T + 10, 20, 70) == 70
    assert run([one], T + 30, 20, 60) == 70


def test_the_watermark_of_two_is_the_lesser_and_waits_for_whoever_knows_nothing(bridges: Bridges) -> None:
    one, two = Teller(bridges, "one"), Teller(bridges, "two")
    one.consumers = two.consumers = 2
    for at in range(T, T + 20):
        one.tick(at, 90)
        assert two.tick(at, None) is None
    for at in range(T + 20, T + 40):
        one.tick(at, 90)
        two.tick(at, 60)
    assert bridges.watermark == 60


@pytest.mark.parametrize("consumers", [None, 2])
def test_without_a_proof_that_nobody_else_consumes_nothing_moves(bridges: Bridges, consumers: int | None) -> None:
    one = Teller(bridges, "one")
    one.consumers = consumers
    assert run([one], T, 30, 50) is None
    one.consumers, one.settled_at = 1, T + 500
    assert run([one], T + 30, 30, 70) == 70


def test_one_that_never_ticked_holds_it_when_it_is_gone_until_what_it_held_is_through(bridges: Bridges) -> None:
    one = Teller(bridges, "one")
    assert run([one], T, 20, 50) == 50
    one.consumers = 2
    assert run([one], T + 20, 1, 60) == 50
    # It is gone, and what it held is in the queue again.
    one.consumers, one.settled_at = 1, T + 22
    assert run([one], T + 21, 30, 100) == 50
    kept = Bridges.from_bytes(bridges.to_bytes())
    for each in (bridges, kept):
        after = Teller(each, "one")
        after.continue_from(one)
        after.settled_at = T + 51 + MARGIN_NS // S
        # What was said before is no proof; what is said from now on is.
        assert run([after], T + 51, 3, 110) == 50
        assert run([after], T + 54, 10, 120) == 120


def test_who_begins_to_consume_before_it_ticks_is_waited_for(bridges: Bridges) -> None:
    one, two = Teller(bridges, "one"), Teller(bridges, "two")
    run([one], T, 20, 50)
    one.consumers = two.consumers = 2
    assert run([one], T + 20, 3, 100) == 50
    run([one, two], T + 23, 1, None)
    one.settled_at = two.settled_at = T + 500
    for at in range(T + 24, T + 60):
        one.tick(at, 100)
        two.tick(at, 60)
    assert bridges.watermark == 60


def test_a_dead_bridge_holds_it_until_what_it_held_is_through(bridges: Bridges) -> None:
    one, two = Teller(bridges, "one"), Teller(bridges, "two")
    one.consumers = two.consumers = 2
    assert run([one, two], T, 20, 50) == 50
    # Its channel is open for the broker: it may hold anything.
    one.settled_at = T + 500
    assert run([one], T + 20, 30, 100) == 50
    # Now it is not, and what it held goes to the live one.
    one.consumers, one.settled_at = 1, T + 51
    assert run([one], T + 50, 30, 200) == 50
    one.settled_at = T + 80 + MARGIN_NS // S
    assert run([one], T + 80, 20, 300) == 300


def test_all_who_live_must_be_settled(bridges: Bridges) -> None:
    tellers = [Teller(bridges, name) for name in ("one", "two", "three")]
    for teller in tellers:
        teller.consumers = 3
    assert run(tellers, T, 20, 50) == 50
    live = tellers[:2]
    for teller in live:
        teller.consumers = 2
    live[0].settled_at = T + 500
    assert run(live, T + 20, 30, 100) == 50
    live[1].settled_at = T + 500
    assert run(live, T + 50, 20, 110) == 110


def test_a_bridge_that_ends_in_order_holds_nothing(bridges: Bridges) -> None:
    one, two = Teller(bridges, "one"), Teller(bridges, "two")
    one.consumers = two.consumers = 2
    run([one, two], T, 20, 50)
    two.tick(T + 20, 60, is_last=True)
    one.consumers = 1
    assert run([one], T + 20, 20, 90) == 90


@pytest.mark.parametrize(("name", "life"), [("one", 2), ("one again", 1)])
def test_a_new_channel_or_process_is_another_life(bridges: Bridges, name: str, life: int) -> None:
    run([Teller(bridges, "one")], T, 20, 50)
    successor = Teller(bridges, name, life)
    assert run([successor], T + 20, 30, 100) == 50
    successor.settled_at = T + 60
    assert run([successor], T + 50, 20, 120) == 120


def test_ticks_of_lives_that_are_over_are_harmless(bridges: Bridges) -> None:
    one = Teller(bridges, "one")
    run([one], T, 20, 50)
    bridges.take(Tick("old", 1, 7, 5 * S, 10, None, 1, 5 * S, is_last=False))
    assert run([one], T + 20, 20, 60) == 50
    one.settled_at = T + 80
    assert run([one], T + 40, 30, 70) == 70


@given(st.data())
def test_a_tick_that_comes_again_and_a_restart_change_nothing(data: st.DataObject) -> None:
    bridges, again = Bridges(), Bridges()
    for step in range(data.draw(st.integers(1, 12))):
        tick = Tick(
            bridge=data.draw(st.sampled_from(["a", "b", "c"])),
            life=data.draw(st.integers(1, 2)),
            number=step + 1,
            at=(T + step * data.draw(st.integers(0, 8))) * S,
            watermark=data.draw(st.none() | st.integers(0, 100)),
            settled_at=data.draw(st.none() | st.integers(0, 60).map(lambda seconds: (T + seconds) * S)),
            consumers=data.draw(st.none() | st.integers(1, 3)),
            looked_at=data.draw(st.integers(0, 60).map(lambda seconds: (T + seconds) * S)),
            is_last=data.draw(st.booleans()),
        )
        before = bridges.watermark
        mark = bridges.take(tick)
        again.take(tick)
        again = Bridges.from_bytes(again.to_bytes())
        assert again.take(tick) == mark
        assert before is None or (mark is not None and mark >= before)
        assert again.to_bytes() == bridges.to_bytes()


@pytest.mark.parametrize("content", [b"[]", b"7", b"{", b"[1, 2, [[3]], [], []]"])
def test_what_was_never_kept_is_refused(content: bytes) -> None:
    restore: Callable[[bytes], Bridges] = Bridges.from_bytes
    with pytest.raises((ValueError, TypeError)):
        restore(content)


def test_a_clock_that_was_ahead_for_a_while_holds_nothing_when_it_is_right_again(bridges: Bridges) -> None:
    one, two = Teller(bridges, "one"), Teller(bridges, "two")
    one.consumers = two.consumers = 2
    assert run([one, two], T, 20, 50) == 50
    assert run([one, two], T + 3_620, 8, 60) == 60
    # One after the other, and what one had settled by its wrong clock is nothing to go by.
    run([two], T + 3_628, 1, 70)
    run([one], T + 28, 1, 70)
    assert run([one, two], T + 29, 10, 70) == 70
    assert run([one, two], T + 39, 10, 80) == 80


def test_a_life_that_was_closed_by_a_clock_that_was_ahead_is_let_go_in_time(bridges: Bridges) -> None:
    one, two = Teller(bridges, "one"), Teller(bridges, "two")
    one.consumers = two.consumers = 2
    run([one, two], T, 20, 50)
    one.consumers = 1
    assert run([one], T + 3_620, 10, 60) == 50
    assert run([one], T + 30, 3, 70) == 50
    one.settled_at = T + 500
    assert run([one], T + 33, 30, 80) == 80


def test_what_was_settled_later_than_it_was_told_is_of_a_wrong_clock(bridges: Bridges) -> None:
    one, two = Teller(bridges, "one"), Teller(bridges, "two")
    one.consumers = two.consumers = 2
    run([one, two], T, 20, 50)
    for number, at in enumerate(range(T + 20, T + 60), start=21):
        wrong = (T + 3_600) * S
        bridges.take(Tick("one", 1, number, at * S, 100, wrong, 1, at * S, is_last=False))
    assert bridges.watermark == 50


@pytest.mark.parametrize(("name", "life"), [("one", 2), ("one again", 1)])
def test_a_life_that_ended_while_its_clock_was_ahead_holds_nothing_for_longer_than_others(
    bridges: Bridges, name: str, life: int
) -> None:
    one, two = Teller(bridges, "one"), Teller(bridges, "two")
    one.consumers = two.consumers = 2
    assert run([one, two], T, 20, 50) == 50
    run([one], T + 3_620, 8, 60)
    # Its channel is lost, and it goes on with another one, or as another process, and with a right clock.
    after = Teller(bridges, name, life)
    after.consumers, after.settled_at, two.settled_at = 2, T + 5_000, T + 5_000
    kept = Bridges.from_bytes(bridges.to_bytes())
    assert kept.to_bytes() == bridges.to_bytes()
    assert run([two, after], T + 28, 100, 80) == 80
