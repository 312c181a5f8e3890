"""The watermark: it follows arrivals, never goes back, and falls into none of the known traps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.watermark import AHEAD_NS, SLACK_NS, EmptyQueue, Watermark

S = 10**9
NOW = 1_700_000_000 * S
IN_2099 = 4_070_908_800 * S
TIMES = st.one_of(st.none(), st.integers(NOW, NOW + 1_000 * S))
ARRIVALS = st.lists(st.tuples(TIMES, TIMES), max_size=20)


def after(*arrivals: tuple[int | None, int | None]) -> int | None:
    watermark = Watermark()
    watermark.see(arrivals)
    return watermark.at


def test_it_is_the_latest_arrival_less_the_slack() -> None:
    assert after((NOW, NOW + S), (NOW - S, NOW + S)) == NOW - SLACK_NS


def test_an_arrival_in_2099_moves_it_no_further_than_its_receipt_allows() -> None:
    assert after((IN_2099, NOW)) == NOW + AHEAD_NS - SLACK_NS


def test_a_missing_arrival_never_moves_it() -> None:
    assert after((None, NOW)) is None


def test_in_a_recording_the_arrival_stands_in_for_the_receipt() -> None:
    assert after((NOW, None)) == NOW - SLACK_NS


@given(st.lists(st.one_of(ARRIVALS, st.integers(NOW, NOW + 1_000 * S), st.booleans()), max_size=20))
def test_it_never_goes_back_and_stands_still_while_it_is_frozen(
    events: list[list[tuple[int | None, int | None]] | int | bool],
) -> None:
    watermark = Watermark()
    for event in events:
        before, was_frozen = watermark.at, watermark.is_frozen
        if isinstance(event, bool):
            watermark.freeze() if event else watermark.thaw()
        elif isinstance(event, int):
            watermark.queue_was_empty(event)
        else:
            watermark.see(event)
        assert before is None or (watermark.at is not None and watermark.at >= before)
        assert not was_frozen or watermark.at == before


@given(ARRIVALS)
def test_order_and_batches_do_not_matter(arrivals: list[tuple[int | None, int | None]]) -> None:
    whole, parts = Watermark(), Watermark()
    whole.see(arrivals)
    for arrival in sorted(arrivals, key=repr):
        parts.see([arrival, arrival])
    assert whole.at == parts.at


def test_after_an_outage_the_backlog_comes_before_anything_fires() -> None:
    watermark = Watermark()
    watermark.see([(NOW, NOW)])
    watermark.freeze()
    watermark.see([(NOW + 3_600 * S, NOW + 3_600 * S)])
    watermark.queue_was_empty(NOW + 3_600 * S)
    assert watermark.at == NOW - SLACK_NS
    watermark.thaw()
    watermark.see([(NOW + 10 * S, NOW + 3_601 * S)])
    assert watermark.at == NOW + 10 * S - SLACK_NS


def test_an_empty_queue_moves_it_to_that_moment() -> None:
    watermark = Watermark(NOW)
    watermark.queue_was_empty(NOW + 7 * S)
    assert watermark.at == NOW + 7 * S
    watermark.queue_was_empty(NOW)
    assert watermark.at == NOW + 7 * S


def test_it_goes_on_where_an_earlier_life_ended() -> None:
    watermark = Watermark(NOW)
    watermark.see([(NOW - 100 * S, NOW)])
    assert watermark.at == NOW


def test_after_the_one_of_2099_it_goes_on_by_the_others() -> None:
    watermark = Watermark()
    watermark.see([(IN_2099, NOW), (NOW + 7 * S, NOW + 7 * S)])
    assert watermark.at == NOW + 7 * S - SLACK_NS


def test_times_of_another_queue_move_another_watermark() -> None:
    operator_queue, command_queue = Watermark(NOW), Watermark()
    command_queue.see([(NOW + 100 * S, NOW + 100 * S)])
    assert (operator_queue.at, command_queue.at) == (NOW, NOW + 95 * S)


def test_a_hold_ends_where_it_began() -> None:
    watermark = Watermark(NOW)
    watermark.freeze()
    watermark.queue_was_empty(NOW + 60 * S)
    watermark.thaw()
    assert (watermark.at, watermark.is_frozen) == (NOW, False)


@pytest.mark.parametrize(("ready", "consumers"), [(1, 1), (0, 2), (0, 0)])
def test_an_answer_that_leaves_something_open_means_nothing(ready: int, consumers: int) -> None:
    queue = EmptyQueue()
    queue.answered(NOW, ready, consumers, delivered=0)
    assert queue.take() is None


def test_the_prefetch_hides_the_backlog_until_what_was_delivered_is_committed() -> None:
    queue = EmptyQueue()
    queue.answered(NOW, 0, 1, delivered=15_000)
    queue.committed(5_000)
    assert queue.take() is None
    queue.committed(14_999)
    assert queue.take() is None
    queue.committed(15_000)
    assert queue.take() == NOW
    assert queue.take() is None


def test_answers_faster_than_commits_count_one_after_the_other() -> None:
    queue = EmptyQueue()
    for second in range(10):
        queue.answered(NOW + second * S, 0, 1, delivered=10 + second)
    queue.committed(12)
    assert queue.take() == NOW
    assert queue.take() is None
    queue.answered(NOW + 10 * S, 0, 1, delivered=20)
    queue.committed(19)
    assert queue.take() == NOW + 9 * S
    queue.committed(20)
    assert queue.take() == NOW + 10 * S


def test_an_answer_of_a_lost_channel_means_nothing() -> None:
    queue = EmptyQueue()
    queue.committed(9)
    queue.answered(NOW, 0, 1, delivered=10)
    queue.channel_lost()
    queue.committed(10)
    assert queue.take() is None
    queue.channel_lost()
    queue.answered(NOW + S, 0, 1, delivered=1)
    assert queue.take() is None


@given(
    st.lists(
        st.one_of(st.integers(1, 20).map(lambda delivered: ("answer", delivered)), st.just(("commit", 1))), max_size=60
    )
)
def test_it_is_never_said_to_be_known_before_the_commits(events: list[tuple[str, int]]) -> None:
    queue = EmptyQueue()
    delivered = committed = 0
    waiting: dict[int, int] = {}
    known = 0
    for number, (event, more) in enumerate(events, start=1):
        if event == "answer":
            delivered += more
            waiting[number] = delivered
            queue.answered(number, 0, 1, delivered)
        else:
            committed = min(committed + 3, delivered)
            queue.committed(committed)
        while (moment := queue.take()) is not None:
            assert waiting[moment] <= committed
            assert moment > known
            known = moment
    queue.committed(delivered)
    last = queue.take()
    assert max(known, last or 0) == max(waiting, default=0)
