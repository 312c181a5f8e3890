"""All bridges of a queue: nothing is taken as known while somebody may still hold it."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.bridges import LOST_NS, MARGIN_NS, Bridges
from schemas.stream import Tick

S = 10**9
T = 1_000 * S


class Teller:
    """One bridge: its ticks, one after the other."""

    def __init__(self, bridges: Bridges, name: str) -> None:
        self._bridges = bridges
        self._name = name
        self._number = 0

    def tick(
        self,
        at: int,
        watermark: int | None,
        *,
        consumers: int | None = 1,
        settled_at: int | None = None,
        is_last: bool = False,
    ) -> int | None:
        """A tick whose look at the queue was a second ago; the watermark of all then."""
        self._number += 1
        looked_at = None if consumers is None else at - S
        return self._bridges.take(
            Tick(self._name, self._number, at, watermark, settled_at, consumers, looked_at, is_last)
        )


@pytest.fixture
def bridges() -> Bridges:
    return Bridges()


def test_the_watermark_of_one_bridge_is_its_own_and_never_goes_back(bridges: Bridges) -> None:
    one = Teller(bridges, "one")
    assert bridges.watermark is None
    assert one.tick(T, None) is None
    assert one.tick(T + S, 50) == 50
    assert one.tick(T + 2 * S, 70) == 70
    assert one.tick(T + 3 * S, 60) == 70


def test_the_watermark_of_two_is_the_lesser_and_waits_for_whoever_knows_nothing(bridges: Bridges) -> None:
    one, two = Teller(bridges, "one"), Teller(bridges, "two")
    assert one.tick(T, 50) == 50
    assert one.tick(T + S, 90, consumers=2) == 50
    assert two.tick(T + S, None, consumers=2) == 50
    assert two.tick(T + 2 * S, 60, consumers=2) == 60
    assert two.tick(T + 3 * S, 100, consumers=2) == 90


def test_while_somebody_consumes_who_does_not_tick_nothing_moves(bridges: Bridges) -> None:
    one = Teller(bridges, "one")
    assert one.tick(T, 50, consumers=2) is None
    assert one.tick(T + S, 60, consumers=None) is None
    assert one.tick(T + 2 * S, 70, consumers=1) == 70


def test_a_lost_bridge_holds_it_until_what_it_held_is_through(bridges: Bridges) -> None:
    one, two = Teller(bridges, "one"), Teller(bridges, "two")
    one.tick(T, 50, consumers=2)
    two.tick(T, 50, consumers=2)
    lost_at = T + LOST_NS
    assert one.tick(lost_at, 100, consumers=2) == 50
    # The broker counts it still: its channel is open, and it may hold anything.
    assert one.tick(lost_at + 2 * S, 200, consumers=2, settled_at=lost_at + 100 * S) == 50
    # Now it does not; but what it held may be on its way to the live one.
    closed_at = lost_at + 4 * S
    assert one.tick(closed_at + S, 300, consumers=1, settled_at=closed_at) == 50
    assert one.tick(closed_at + 2 * S, 300, consumers=1, settled_at=closed_at + MARGIN_NS) == 50
    assert one.tick(closed_at + 20 * S, 400, consumers=1, settled_at=closed_at + MARGIN_NS + 1) == 400


def test_all_live_bridges_must_be_settled(bridges: Bridges) -> None:
    tellers = [Teller(bridges, name) for name in ("one", "two", "three")]
    for teller in tellers:
        teller.tick(T, 50, consumers=3)
    one, two, _ = tellers
    now = T + 2 * LOST_NS
    later = now + 100 * S
    assert one.tick(now, 100, consumers=2, settled_at=later) == 50
    assert two.tick(now, 100, consumers=2, settled_at=now) == 50
    assert one.tick(now + S, 120, consumers=2, settled_at=later) == 50
    assert two.tick(now + S, 110, consumers=2, settled_at=later) == 110


def test_a_consumer_that_is_counted_again_may_be_the_lost_one(bridges: Bridges) -> None:
    one, two = Teller(bridges, "one"), Teller(bridges, "two")
    one.tick(T, 50, consumers=2)
    two.tick(T, 50, consumers=2)
    now = T + 2 * LOST_NS
    one.tick(now, 100, consumers=1, settled_at=now)
    one.tick(now + 5 * S, 100, consumers=2, settled_at=now + 5 * S)
    assert one.tick(now + 15 * S, 100, consumers=1, settled_at=now + 12 * S) == 50
    assert one.tick(now + 40 * S, 100, consumers=1, settled_at=now + 39 * S) == 100


def test_a_bridge_that_ends_in_order_holds_nothing(bridges: Bridges) -> None:
    one, two = Teller(bridges, "one"), Teller(bridges, "two")
    one.tick(T, 50, consumers=2)
    two.tick(T, 50, consumers=2)
    two.tick(T + S, 60, consumers=2, is_last=True)
    assert one.tick(T + 2 * S, 90, consumers=1) == 90


def test_its_successor_counts_by_itself(bridges: Bridges) -> None:
    one = Teller(bridges, "one")
    one.tick(T, 50)
    successor = Teller(bridges, "one again")
    now = T + 3 * LOST_NS
    assert successor.tick(now, 100, settled_at=now) == 50
    assert successor.tick(now + 20 * S, 120, settled_at=now + 19 * S) == 120


def test_ticks_of_lives_that_are_over_are_harmless(bridges: Bridges) -> None:
    one = Teller(bridges, "one")
    one.tick(T, 50)
    old = Tick("old", 7, T - 1_000 * S, 10, None, 1, T - 1_000 * S, is_last=False)
    assert bridges.take(old) == 50
    now = T + 2 * S
    assert one.tick(now, 60, settled_at=now) == 50
    assert one.tick(now + 30 * S, 70, settled_at=now + 29 * S) == 70


@given(st.data())
def test_a_tick_that_comes_again_and_a_restart_change_nothing(data: st.DataObject) -> None:
    bridges, again = Bridges(), Bridges()
    for step in range(data.draw(st.integers(1, 12))):
        tick = Tick(
            bridge=data.draw(st.sampled_from(["a", "b", "c"])),
            number=step + 1,
            at=T + step * data.draw(st.integers(0, 8)) * S,
            watermark=data.draw(st.none() | st.integers(0, 100)),
            settled_at=data.draw(st.none() | st.integers(0, 60).map(lambda seconds: T + seconds * S)),
            consumers=data.draw(st.none() | st.integers(1, 3)),
            looked_at=data.draw(st.integers(0, 60).map(lambda seconds: T + seconds * S)),
            is_last=data.draw(st.booleans()),
        )
        before = bridges.watermark
        mark = bridges.take(tick)
        again.take(tick)
        again = Bridges.from_bytes(again.to_bytes())
        assert again.take(tick) == mark
        assert before is None or (mark is not None and mark >= before)
        assert again.to_bytes() == bridges.to_bytes()


@pytest.mark.parametrize("content", [b"[]", b"7", b"{", b"[1, 2, [[3]]]"])
def test_what_was_never_kept_is_refused(content: bytes) -> None:
    restore: Callable[[bytes], Bridges] = Bridges.from_bytes
    with pytest.raises((ValueError, TypeError)):
        restore(content)
