"""The window of a channel: tags and bytes add up, and memory is bounded by the size of bodies."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.wires.amqp_window import TARGET_BYTES, BodySize, Run, Window, prefetch_for
from pipeline.wires.source import Token
from schemas.delivery import Delivery


def delivery(size: int) -> Delivery:
    return Delivery("EH000001.O.48", {}, b"x" * size, 0)


def filled(*sizes: int) -> Window:
    window = Window(7, BodySize())
    for tag, size in enumerate(sizes, start=1):
        window.add(Run(tag, [delivery(size)], size, size % 2 == 1))
    return window


def test_pieces_come_in_order_with_the_tag_of_their_last() -> None:
    window = filled(2, 4, 5)
    first, second = window.take(2), window.take(2)
    assert first is not None
    assert second is not None
    assert [len(each.body) for each in first.deliveries] == [2, 4]
    assert (first.token, first.redelivered) == (Token(7, 2), 0)
    assert (second.token, second.redelivered) == (Token(7, 3), 1)
    assert window.take(2) is None
    assert (window.unacknowledged, window.held_bytes, window.delivered) == (3, 11, 3)


def test_acknowledging_counts_once() -> None:
    window = filled(2, 4, 5)
    window.take(2)
    assert window.acknowledge(2)
    assert (window.unacknowledged, window.held_bytes) == (1, 5)
    assert not window.acknowledge(2)
    assert not window.acknowledge(1)


def test_a_closed_window_forgets_what_waits_and_takes_in_nothing_more() -> None:
    window = filled(2, 4, 5)
    window.take(1)
    window.close()
    window.add(Run(4, [delivery(9)], 9, False))
    assert window.take(1) is None
    assert (window.unacknowledged, window.held_bytes) == (3, 2)


def test_bodies_count_for_the_mean_before_anybody_takes_them() -> None:
    sizes = BodySize()
    window = Window(7, sizes)
    window.add(Run(1_000, [delivery(0)] * 1_000, 1_000_000_000, False))
    assert sizes.mean > 500_000


@given(st.lists(st.integers(0, 99), max_size=40), st.data())
def test_bytes_held_are_those_not_acknowledged(sizes: list[int], data: st.DataObject) -> None:
    window = filled(*sizes)
    acknowledged = 0
    while piece := window.take(data.draw(st.integers(1, 9))):
        if data.draw(st.booleans()):
            acknowledged = piece.token.tag
            assert window.acknowledge(acknowledged)
    assert window.unacknowledged == len(sizes) - acknowledged
    assert window.held_bytes == sum(sizes[acknowledged:])


@given(st.floats(0, 1e9), st.integers(1, 65_535))
def test_a_full_window_fits(mean: float, most: int) -> None:
    prefetch = prefetch_for(mean, most)
    assert 1 <= prefetch <= most
    assert prefetch <= 10 or prefetch * mean <= TARGET_BYTES


def test_usual_bodies_need_no_bound() -> None:
    assert prefetch_for(BodySize().mean, 15_000) == 15_000


@pytest.mark.parametrize("size", [10, 200_000])
def test_the_mean_follows_the_bodies(size: int) -> None:
    sizes = BodySize()
    for _ in range(1_000):
        sizes.add(500, 500 * size)
    assert sizes.mean == pytest.approx(size, rel=0.01)
