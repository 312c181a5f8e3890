"""The order of a followed topic: what comes out of order is not taken, and what was left out comes after all."""

import asyncio
from collections.abc import Iterable, Mapping

import pytest
from faust.types import TP

from pipeline.wires.faust_order import TopicOrder

ONE, OTHER = TP("t", 0), TP("t", 1)


class Reading:
    """A consumer whose partitions begin at `first`, and of which `done` is committed."""

    def __init__(self, done: int | None = None, first: int = 0) -> None:
        self.done = done
        self.first = first
        self.until: int | None = None
        self.went_back_to: list[int] = []

    def committed(self, tp: TP) -> int | None:
        return self.done

    def end(self, tp: TP) -> int | None:
        return self.until

    async def earliest_offsets(self, *partitions: TP) -> Mapping[TP, int]:
        return dict.fromkeys(partitions, self.first)

    async def seek(self, partition: TP, offset: int) -> None:
        self.went_back_to.append(offset)


def taken(order: TopicOrder, consumer: Reading, offsets: Iterable[int], tp: TP = ONE) -> list[int]:
    """Which of these are taken."""

    async def take() -> list[int]:
        return [offset for offset in offsets if await order.is_next(consumer, tp, offset)]

    return asyncio.run(take())


@pytest.mark.parametrize("done", [None, 0, 7])
def test_what_comes_one_after_the_other_is_taken(done: int | None) -> None:
    consumer, begin = Reading(done), done or 0
    assert taken(TopicOrder(), consumer, range(begin, begin + 9)) == list(range(begin, begin + 9))
    assert not consumer.went_back_to


def test_what_was_taken_before_is_left_out() -> None:
    assert taken(TopicOrder(), Reading(5), [3, 4, 5, 6, 5, 6, 7]) == [5, 6, 7]


def test_where_something_is_missing_the_topic_is_read_again_from_there() -> None:
    order, consumer = TopicOrder(), Reading(5)
    assert taken(order, consumer, [5, 9, 10, 11, 6, 7]) == [5, 6, 7]
    assert consumer.went_back_to == [6]


def test_what_was_fetched_before_partitions_changed_hands_is_not_taken_for_the_first() -> None:
    consumer = Reading(5)
    assert taken(TopicOrder(), consumer, [8, 9, 5, 6]) == [5, 6]
    assert consumer.went_back_to == [5]


def test_a_group_that_has_not_begun_begins_with_the_first_that_is_there() -> None:
    consumer = Reading(None, first=40)
    assert taken(TopicOrder(), consumer, [44, 40, 41]) == [40, 41]
    assert consumer.went_back_to == [40]


def test_what_retention_dropped_is_told_and_not_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    order, consumer = TopicOrder(), Reading(5, first=12)
    assert taken(order, consumer, [12, 13]) == [12, 13]
    assert order.missed == 7
    assert "7 messages were gone from Kafka" in caplog.text
    assert not consumer.went_back_to


def test_partitions_are_apart_and_all_begin_anew() -> None:
    order, consumer = TopicOrder(), Reading(2)
    assert taken(order, consumer, [2, 3], ONE) == [2, 3]
    assert taken(order, consumer, [2, 3], OTHER) == [2, 3]
    order.begin_anew()
    assert taken(order, consumer, [2, 3], ONE) == [2, 3]


def test_what_came_before_partitions_changed_hands_is_not_taken_after_it() -> None:
    order = TopicOrder()

    class Slow(Reading):
        """Partitions change hands while it is asked."""

        async def earliest_offsets(self, *partitions: TP) -> Mapping[TP, int]:
            order.begin_anew()
            return await super().earliest_offsets(*partitions)

    assert taken(order, Slow(), [0]) == []
    assert taken(order, Reading(), [0, 1]) == [0, 1]


def test_where_nothing_comes_although_something_is_there_the_topic_is_read_again() -> None:
    order, consumer = TopicOrder(), Reading(5)

    def look(until: int | None) -> list[int]:
        consumer.until = until
        asyncio.run(order.look(consumer, ONE))
        return consumer.went_back_to

    assert look(None) == []
    assert look(7) == []
    assert look(7) == [5]
    assert taken(order, consumer, [5]) == [5]
    assert look(7) == [5]
    assert taken(order, consumer, [6]) == [6]
    assert look(7) == [5]
    assert look(7) == [5]
    order.begin_anew()
    assert look(9) == [5]
    assert look(9) == [5, 5]
