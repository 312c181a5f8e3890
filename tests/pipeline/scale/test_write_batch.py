"""A batch of messages: what each becomes, and that none costs its neighbours anything."""

import orjson
import pytest

from pipeline.core.decode import Outcome
from pipeline.core.late_twins import DerivedRecord
from pipeline.core.rows import RowMaker
from pipeline.core.stream_records import to_bundle, to_json
from pipeline.core.stream_rejects import of_stream
from pipeline.scale.write_batch import TOPICS, MessageReader, Run, WriteBatch
from pipeline.wires.kafka_consumer import Taken
from pipeline.wires.store import Refusal
from schemas.command import CommandResponse
from schemas.observation import Observation, Product
from schemas.reject import Reject, RejectReason
from schemas.row import Row
from schemas.stream import Tick, Topic
from tests.pipeline.scale.bridging import CATALOGUE, START, decoder, messages
from tests.pipeline.scale.writing import alert

OBSERVATIONS, RESPONSES, DERIVED = TOPICS
RESPONSE = CommandResponse("EH1", 22, True, "1", START, None, START, None, None, START)


def observations(count: int) -> list[Observation]:
    outcomes: list[Outcome] = list(decoder().decode(messages(count)).outcomes)
    return [each for each in outcomes if isinstance(each, Observation)]


def taken(content: bytes, offset: int = 0, topic: str = OBSERVATIONS, partition: int = 0) -> Taken:
    return Taken((topic, partition), offset, content)


def read(*each: Taken) -> WriteBatch:
    batch = WriteBatch()
    MessageReader(RowMaker(CATALOGUE)).read(batch, each)
    return batch


def test_each_message_becomes_its_row_in_order() -> None:
    first, second = observations(2)
    row = alert(START, 1.0)
    batch = read(
        taken(to_json(first), 4),
        taken(to_json(RESPONSE), 0, RESPONSES),
        taken(to_json(row), 9, DERIVED, 2),
        taken(to_json(second), 5),
    )
    rows = RowMaker(CATALOGUE)
    assert batch.rows == [rows.row(first), rows.row(RESPONSE), row, rows.row(second)]
    assert batch.ended == [first, RESPONSE, row, second]
    assert batch.derived == {(DERIVED, 2): [DerivedRecord(9, row)]}
    assert batch.ends == {(OBSERVATIONS, 0): 6, (RESPONSES, 0): 1, (DERIVED, 2): 10}
    report = batch.report()
    assert (report.delivered, report.written, report.rejected.total()) == (4, 4, 0)
    assert report.outcomes == [first, RESPONSE, second]


def test_messages_come_in_runs() -> None:
    (first,) = observations(1)
    content = to_json(first)
    places = [(0, 4), (0, 5), (1, 6), (1, 7), (1, 9), (0, 6)]
    each = [taken(content, offset, partition=partition) for partition, offset in places]
    runs = MessageReader(RowMaker(CATALOGUE)).read(WriteBatch(), each)
    assert runs == [
        Run((OBSERVATIONS, 0), 4, 6),
        Run((OBSERVATIONS, 1), 6, 8),
        Run((OBSERVATIONS, 1), 9, 10),
        Run((OBSERVATIONS, 0), 6, 7),
    ]
    assert MessageReader(RowMaker(CATALOGUE)).read(WriteBatch(), []) == []


TICK = to_json(Tick("b", 1, 1, 1, None, None, None, None, is_last=False))


@pytest.mark.parametrize(
    ("topic", "content", "reason"),
    [
        (OBSERVATIONS, b"", RejectReason.JSON),
        (OBSERVATIONS, b"\xff", RejectReason.ENCODING),
        (OBSERVATIONS, b"[]", RejectReason.SHAPE),
        (OBSERVATIONS, orjson.dumps({"v": 2, "kind": "observation"}), RejectReason.VERSION),
        (OBSERVATIONS, to_json(RESPONSE), RejectReason.SHAPE),
        (OBSERVATIONS, TICK, RejectReason.SHAPE),
        (RESPONSES, to_json(observations(1)[0]), RejectReason.SHAPE),
        (DERIVED, to_json(observations(1)[0]), RejectReason.SHAPE),
        (DERIVED, to_bundle([to_json(alert(1, 1.0))] * 2), RejectReason.SHAPE),
        (RESPONSES, to_bundle([]), RejectReason.SHAPE),
    ],
)
def test_what_cannot_be_a_row_is_a_reject_that_names_its_place(
    topic: str, content: bytes, reason: RejectReason
) -> None:
    good = observations(2)
    batch = read(taken(to_json(good[0])), taken(content, 17, topic, 2), taken(to_json(good[1]), 1))
    (refused,) = batch.rejects()
    assert (refused.reason, refused.body) == (reason, content)
    assert refused.routing_key == f"{topic} partition 2 offset 17"
    assert of_stream(refused).body == content
    assert len(batch.rows) == 2
    assert batch.ends[topic, 2] == 18
    report = batch.report()
    assert (report.delivered, report.written, dict(report.rejected)) == (3, 2, {reason: 1})


def test_a_fault_of_ours_costs_one_message() -> None:
    class Faulty(RowMaker):
        def _response_row(self, fact: CommandResponse) -> Row:
            raise ZeroDivisionError

    (first,) = observations(1)
    batch = WriteBatch()
    messages = [taken(to_json(RESPONSE), 0, RESPONSES), taken(to_json(first))]
    MessageReader(Faulty(CATALOGUE)).read(batch, messages)
    (refused,) = batch.rejects()
    assert (refused.reason, refused.detail.split()[0]) == (RejectReason.INTERNAL, "ZeroDivisionError")
    assert (batch.ended[1], batch.sources) == (first, [1])


def test_what_the_store_refuses_is_a_reject_of_its_message() -> None:
    first, second = observations(2)
    batch = read(taken(b"{", 3), taken(to_json(first), 4), taken(to_json(second), 5))
    beyond = Refusal(2, RejectReason.STORE, "not of a message")
    unwanted = batch.refuse([Refusal(1, RejectReason.RETENTION, "too old"), beyond])
    assert unwanted == [beyond]
    reasons = [each.reason if isinstance(each, Reject) else None for each in batch.ended]
    assert reasons == [RejectReason.JSON, None, RejectReason.RETENTION]
    assert batch.rejects()[1].body == to_json(second)


def test_without_a_partition_the_others_stay_as_they_are() -> None:
    first, second, third = observations(3)
    row = alert(START, 1.0)
    batch = read(
        taken(to_json(first), 4),
        taken(b"{", 7, partition=1),
        taken(to_json(row), 9, DERIVED, 2),
        taken(to_json(second), 8, partition=1),
        taken(to_json(third), 5),
    )
    left = batch.without({(OBSERVATIONS, 1), (DERIVED, 2)})
    same = read(taken(to_json(first), 4), taken(to_json(third), 5))
    for name in WriteBatch.__slots__:
        assert getattr(left, name) == getattr(same, name)


def test_every_topic_of_a_writer_has_what_it_may_hold() -> None:
    assert set(TOPICS) == {Topic.OBSERVATIONS, Topic.RESPONSES, Topic.DERIVED}


def test_a_value_that_is_nothing_of_ours_is_a_reject() -> None:
    record = Observation("EH1 x=1", Product.CHARGER, 120, None, 1.0, 0, START, START, START)
    (refused,) = read(taken(to_json(record))).rejects()
    assert refused.reason is RejectReason.SHAPE
