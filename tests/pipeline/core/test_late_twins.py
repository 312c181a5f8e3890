"""Late twins: whatever an unanswered write puts back, the latest content is written after it."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.late_twins import DerivedRecord, LateTwins
from schemas.row import Row

TWIN = 100


def row(time: int, state: float, charger: str = "EH1") -> Row:
    return Row("command", charger, "", (("command", "start"),), time, (("state", state), ("attempt", 0.0)))


def records(first: int, *rows: Row) -> list[DerivedRecord]:
    return [DerivedRecord(offset, each) for offset, each in enumerate(rows, start=first)]


def again(twins: LateTwins, now: int) -> list[Row]:
    return [each for watch in twins.due(now) for each in watch.rows()]


def test_nothing_is_written_again_where_every_write_was_answered() -> None:
    twins = LateTwins(TWIN)
    twins.follow(records(0, row(1, 1.0)))
    assert twins.since is None
    assert not twins.due(10**9)


def test_rows_without_an_answer_are_written_again_with_their_latest_content_and_only_they() -> None:
    twins = LateTwins(TWIN)
    first = records(5, row(1, 1.0), row(2, 1.0))
    twins.follow(first)
    twins.unanswered(first, now=10)
    twins.follow(records(7, row(2, 2.0), row(3, 1.0)))
    assert twins.since == 5
    assert not twins.due(10 + TWIN - 1)
    assert again(twins, 10 + TWIN) == [row(1, 1.0), row(2, 2.0)]
    twins.said_again(twins.due(10 + TWIN))
    assert not twins.due(10**9)
    twins.unanswered(records(20, row(1, 1.0)), now=0)
    assert twins.since == 20


def test_a_field_that_only_the_unanswered_row_had_stays() -> None:
    twins = LateTwins(TWIN)
    first = records(0, Row("alert", "-", "", (), 1, (("active", 1.0), ("value", 5.0))))
    twins.unanswered(first, now=0)
    twins.follow(records(1, Row("alert", "-", "", (), 1, (("active", 0.0),))))
    assert again(twins, TWIN) == [Row("alert", "-", "", (), 1, (("active", 0.0), ("value", 5.0)))]


def test_a_batch_that_is_tried_again_in_vain_is_watched_from_the_last_try() -> None:
    twins = LateTwins(TWIN)
    first = records(3, row(1, 1.0))
    twins.unanswered(first, now=0)
    twins.unanswered(first, now=50)
    assert not twins.due(TWIN)
    assert again(twins, 50 + TWIN) == [row(1, 1.0)]


def test_the_former_owner_may_have_had_only_the_first_records_under_way() -> None:
    twins = LateTwins(TWIN)
    twins.taken_over(8, most=2, now=0)
    twins.follow(records(8, row(1, 1.0), row(2, 1.0), row(3, 1.0)))
    twins.follow(records(11, row(1, 2.0), row(4, 1.0)))
    assert twins.since == 8
    assert again(twins, TWIN) == [row(1, 2.0), row(2, 1.0)]


def test_what_the_former_owner_had_stays_watched_where_our_own_first_write_gets_no_answer() -> None:
    twins = LateTwins(TWIN)
    twins.taken_over(0, most=3, now=0)
    ours = records(0, row(1, 1.0))
    twins.follow(ours)
    twins.unanswered(ours, now=10)
    twins.follow(records(1, row(2, 1.0)))
    assert again(twins, 10 + TWIN) == [row(1, 1.0), row(2, 1.0)]


def test_writing_again_without_an_answer_is_done_later_once_more() -> None:
    twins = LateTwins(TWIN)
    twins.unanswered(records(3, row(1, 1.0)), now=0)
    twins.say_later(twins.due(TWIN), now=TWIN)
    assert twins.since == 3
    assert not twins.due(2 * TWIN - 1)
    assert again(twins, 2 * TWIN) == [row(1, 1.0)]


STEPS = st.lists(
    st.tuples(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), min_size=1, max_size=4), st.booleans()),
    max_size=12,
)


@given(STEPS, st.data())
def test_whenever_twins_arrive_the_last_content_is_the_latest(
    steps: list[tuple[list[tuple[int, int]], bool]], data: st.DataObject
) -> None:
    twins = LateTwins(TWIN)
    store: dict[int, tuple[tuple[str, float | str], ...]] = {}
    latest = dict(store)
    late: list[tuple[int, list[DerivedRecord]]] = []
    offset = 0
    for now, (written, is_answered) in enumerate(steps):
        batch = records(offset, *(row(time, float(state)) for time, state in written))
        offset += len(batch)
        twins.follow(batch)
        if not is_answered:
            twins.unanswered(batch, now)
            late.append((data.draw(st.integers(now, now + TWIN - 1)), batch))
        for each in batch:
            store[each.row.time] = latest[each.row.time] = each.row.fields
        for _, twin in [each for each in late if each[0] <= now]:
            store |= {each.row.time: each.row.fields for each in twin}
    for _, twin in late:
        store |= {each.row.time: each.row.fields for each in twin}
    for said in again(twins, len(steps) + TWIN):
        store[said.time] = said.fields
    assert store == latest
