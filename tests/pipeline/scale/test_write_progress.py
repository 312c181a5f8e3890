"""How far a writer is: what is committed, in which words, and what whoever has a partition next makes of it."""

from pipeline.core.late_twins import DerivedRecord
from pipeline.scale.write_progress import SETTLED, WriteProgress, rows_of
from pipeline.wires.kafka_consumer import UNKNOWN, Mark
from schemas.row import Row
from schemas.stream import Topic

FACTS, DERIVED = (Topic.OBSERVATIONS.value, 1), (Topic.DERIVED.value, 1)
TWIN, FENCE = 100, 10


def progress() -> WriteProgress:
    return WriteProgress(TWIN, 5, FENCE)


def row(time: int = 1, active: float = 1.0) -> Row:
    return Row("alert", "EH1", "", (("kind", "silent"),), time, (("active", active),))


def records(offset: int, *rows: Row) -> dict[tuple[str, int], list[DerivedRecord]]:
    return {DERIVED: [DerivedRecord(place, each) for place, each in enumerate(rows, start=offset)]}


def test_facts_are_committed_up_to_what_is_written() -> None:
    ours = progress()
    ours.given({FACTS: Mark(7, "")}, 0)
    assert ours.due() == {}
    assert ours.taken(FACTS, 7, 9, 0) == 0
    assert ours.due() == {}
    ours.written({FACTS: 9}, ())
    assert ours.due() == {FACTS: Mark(9, "")}
    ours.committed(ours.due(), 0)
    assert ours.due() == {}
    assert ours.lags({FACTS: (0, 12), DERIVED: (0, 3)}) == {FACTS: 3}


def test_of_a_partition_that_nobody_had_everything_waits() -> None:
    ours = progress()
    ours.given({FACTS: None}, 0)
    assert ours.lags({FACTS: (4, 12)}) == {FACTS: 8}


def test_what_kafka_dropped_before_it_was_read_is_counted() -> None:
    ours = progress()
    ours.given({FACTS: Mark(7, ""), DERIVED: None}, 0)
    assert ours.taken(FACTS, 10, 12, 0) == 3
    assert ours.taken(FACTS, 12, 13, 0) == 0
    assert ours.taken(DERIVED, 40, 41, 0) == 0
    assert ours.missed == 3


def test_before_the_first_derived_row_it_is_committed_that_something_may_be_under_way() -> None:
    ours = progress()
    ours.given({DERIVED: Mark(7, SETTLED)}, 0)
    ours.taken(DERIVED, 7, 8, 0)
    assert ours.fences([DERIVED], 0) == {DERIVED: Mark(7, "")}
    ours.committed(ours.fences([DERIVED], 0), 0)
    assert ours.fences([DERIVED], FENCE) == {}


def test_who_has_not_committed_for_a_while_sees_that_it_still_may() -> None:
    ours = progress()
    ours.given({DERIVED: Mark(7, "")}, 0)
    assert ours.fences([DERIVED], 0) == {DERIVED: Mark(7, "")}
    ours.committed({DERIVED: Mark(7, "")}, 5)
    assert ours.fences([DERIVED], 5 + FENCE) == {}
    assert ours.fences([DERIVED], 6 + FENCE) == {DERIVED: Mark(7, "")}


def test_given_up_in_order_a_partition_is_settled_and_the_next_owner_fears_nothing() -> None:
    ours = progress()
    ours.given({DERIVED: Mark(7, SETTLED), FACTS: Mark(3, "")}, 0)
    ours.taken(DERIVED, 7, 8, 0)
    ours.committed(ours.fences([DERIVED], 0), 0)
    ours.written({DERIVED: 8}, ())
    ours.committed(ours.due(), 0)
    assert ours.release([DERIVED, FACTS], ()) == {DERIVED: Mark(8, SETTLED)}
    ours.drop([DERIVED, FACTS])
    assert list(ours.partitions) == []
    theirs = progress()
    theirs.given({DERIVED: Mark(8, SETTLED)}, 0)
    theirs.taken(DERIVED, 8, 9, 0)
    assert not theirs.following(records(8, row()), 0)
    assert not theirs.has_due(10**9)


def test_a_write_that_is_under_way_is_said_to_whoever_is_next() -> None:
    ours = progress()
    ours.given({DERIVED: Mark(7, SETTLED)}, 0)
    ours.taken(DERIVED, 7, 8, 0)
    ours.committed(ours.fences([DERIVED], 0), 0)
    assert ours.release([DERIVED], [DERIVED]) == {}


def test_the_next_owner_of_a_partition_that_was_not_settled_writes_again_and_holds_its_mark_until_then() -> None:
    theirs = progress()
    theirs.given({DERIVED: Mark(7, "")}, 0)
    theirs.taken(DERIVED, 7, 8, 0)
    theirs.following(records(7, row(active=1.0)), 1)
    theirs.written({DERIVED: 8}, ())
    assert theirs.due() == {}
    theirs.following(records(8, row(active=0.0)), 2)
    theirs.written({DERIVED: 9}, ())
    assert theirs.due() == {}
    assert theirs.release([DERIVED], ()) == {}
    assert not theirs.has_due(TWIN - 1)
    assert theirs.has_due(TWIN)
    again = theirs.following({}, TWIN)
    assert rows_of(again) == [row(active=0.0)]
    theirs.written({}, again)
    assert theirs.due() == {DERIVED: Mark(9, "")}
    assert theirs.release([DERIVED], ()) == {DERIVED: Mark(9, SETTLED)}


def test_of_a_partition_that_nobody_had_nothing_is_under_way_and_that_is_said_before_the_first_row() -> None:
    ours = progress()
    ours.given({DERIVED: None}, 0)
    ours.taken(DERIVED, 40, 41, 0)
    assert ours.fences([DERIVED], 0) == {DERIVED: Mark(40, "")}
    ours.following(records(40, row()), 0)
    assert not ours.has_due(10**9)


def test_where_it_could_not_be_asked_how_far_a_partition_is_a_write_may_be_under_way() -> None:
    ours = progress()
    ours.given({DERIVED: UNKNOWN}, 0)
    assert ours.fences([DERIVED], 0) == {}
    ours.taken(DERIVED, 40, 41, 0)
    assert ours.fences([DERIVED], 0) == {DERIVED: Mark(40, "")}
    ours.following(records(40, row()), 0)
    assert rows_of(ours.following({}, TWIN)) == [row()]


def test_an_unanswered_write_holds_the_mark_of_its_partition_alone() -> None:
    ours = progress()
    ours.given({DERIVED: Mark(7, SETTLED), FACTS: Mark(3, "")}, 0)
    ours.taken(DERIVED, 7, 8, 0)
    written = records(7, row())
    again = ours.following(written, 0)
    ours.unanswered(written, again, 5)
    ours.written({DERIVED: 8, FACTS: 4}, again)
    assert ours.due() == {FACTS: Mark(4, "")}
    again = ours.following({}, 5 + TWIN)
    assert rows_of(again) == [row()]
    ours.unanswered({}, again, 5 + TWIN)
    assert not ours.has_due(5 + TWIN)
    ours.written({}, ours.following({}, 5 + 2 * TWIN))
    assert ours.due()[DERIVED] == Mark(8, "")


def test_what_is_not_ours_moves_nothing() -> None:
    ours = progress()
    assert ours.taken(DERIVED, 7, 8, 0) == 0
    ours.written({DERIVED: 8}, ())
    ours.committed({DERIVED: Mark(8, "")}, 0)
    ours.unanswered(records(7, row()), (), 0)
    assert (ours.due(), ours.release([DERIVED], ()), ours.fences([DERIVED], 0)) == ({}, {}, {})
