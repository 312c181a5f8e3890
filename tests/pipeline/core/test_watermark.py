"""The watermark: it follows arrivals, never goes back, and falls into none of the known traps."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.watermark import AHEAD_NS, SLACK_NS, Watermark

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
