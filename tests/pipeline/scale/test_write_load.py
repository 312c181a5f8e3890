"""A load: what goes into one write, and what is left of it when partitions went meanwhile."""

from concurrent.futures import Future

import pytest

from pipeline.core.late_twins import DerivedRecord, LateTwins
from pipeline.core.rows import RowMaker
from pipeline.core.stream_records import to_json
from pipeline.scale.write_batch import TOPICS, MessageReader, WriteBatch
from pipeline.scale.write_load import Load, Written
from pipeline.scale.write_progress import Again
from pipeline.wires.kafka_consumer import Taken
from pipeline.wires.kafka_silence import Partition
from pipeline.wires.store import Refusal
from schemas.reject import RejectReason
from tests.pipeline.scale.bridging import CATALOGUE
from tests.pipeline.scale.writing import alert, away

ONE, OTHER = (TOPICS[2], 0), (TOPICS[2], 1)
OWN = alert(99, 1.0, "-")


def load(*partitions: Partition) -> Load:
    batch = WriteBatch()
    taken = [Taken(partition, place, to_json(alert(place, 1.0))) for place, partition in enumerate(partitions)]
    MessageReader(RowMaker(CATALOGUE)).read(batch, taken)
    return Load(batch, OWN)


def answered(made: Load, *refusals: Refusal, fault: Exception | None = None) -> None:
    made.write = Future()
    if fault is None:
        made.write.set_result(refusals)
    else:
        made.write.set_exception(fault)


def test_what_is_written_again_comes_after_the_batch_and_the_own_row_last() -> None:
    made = load(ONE)
    twins = LateTwins(10)
    twins.unanswered([DerivedRecord(0, alert(7, 0.0))], 0)
    made.again = [Again(ONE, twins.due(10))]
    assert made.rows() == [alert(0, 1.0), alert(7, 0.0), OWN]
    assert Load(made.batch, None).rows() == made.batch.rows


def test_an_answer_makes_it_written_and_says_what_was_refused_beside_the_batch() -> None:
    made = load(ONE, ONE)
    made.began_at = 5
    beyond = Refusal(2, RejectReason.STORE, "own")
    answered(made, Refusal(0, RejectReason.STORE, "bad"), beyond)
    assert made.take_answer(now=8) == [beyond]
    assert made.is_written
    assert made.write is None
    assert made.written() == Written(made.batch.report(), 3, 8, has_own_row=True)
    assert made.written().report.rejected == {RejectReason.STORE: 1}


def test_a_failed_write_leaves_it_to_be_written() -> None:
    made = load(ONE)
    answered(made, fault=away())
    with pytest.raises(type(away())):
        made.take_answer(now=8)
    assert (made.is_written, made.write) == (False, None)


def test_partitions_that_went_are_dropped_once_the_answer_is_there() -> None:
    made = load(ONE, OTHER, ONE)
    answered(made, Refusal(2, RejectReason.STORE, "bad"))
    made.let_go([OTHER])
    assert set(made.batch.ends) == {ONE, OTHER}
    made.take_answer(now=8)
    made.forget_gone()
    assert set(made.batch.ends) == {ONE}
    # The refusal is of the row that it was of.
    assert [each.routing_key for each in made.batch.rejects()] == [f"{ONE[0]} partition 0 offset 2"]


def test_partitions_that_go_while_nothing_is_under_way_are_dropped_at_once() -> None:
    made = load(ONE, OTHER)
    made.let_go([ONE])
    assert made.rows() == [alert(1, 1.0), OWN]
