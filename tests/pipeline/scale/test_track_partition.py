"""A partition as the role has it: messages become records and rejects, rounds are kept whole, and it goes on there."""

from pipeline.core.partition import FLEET_PARTITION
from pipeline.core.stream_messages import StreamMessage
from pipeline.core.stream_records import StreamReader, to_bundle, to_json
from pipeline.scale.track_partition import TrackMessage, TrackPartition
from schemas.measurement import ALERT, COMMAND
from schemas.reject import RejectReason
from schemas.stream import Freshness, Heard
from tests.pipeline.core.derivation_samples import CATALOGUE, SPANS, T, answered, sent
from tests.pipeline.scale.tracking import Hours
from tests.pipeline.scale.writing import alert, derived

OURS = 1


def begin(raw: dict[str, bytes]) -> TrackPartition:
    return TrackPartition(CATALOGUE, SPANS, StreamReader(), OURS, raw)


def ours(messages: list[StreamMessage]) -> list[TrackMessage]:
    """What of these is in our partition."""
    of = [message for message in messages if message.partition == OURS]
    return [TrackMessage(f"t/{OURS}/{number}", number, message.value) for number, message in enumerate(of)]


def keep(partition: TrackPartition, raw: dict[str, bytes]) -> None:
    """All changes of a round, one after the other, as the table that it follows has them."""
    for key, content in partition.changes():
        if content is None:
            raw.pop(key, None)
        else:
            raw[key] = content


def test_messages_become_rows_and_are_done_with_once_all_is_kept() -> None:
    raw: dict[str, bytes] = {}
    partition = begin(raw)
    came = ours(Hours().records([sent(f"r{number}", 0, f"EH{number:03}") for number in range(30)]))
    assert came
    for message in came:
        partition.take(message)
    assert partition.messages == came
    assert partition.size == sum(len(message.value) for message in came)
    rows = partition.advance().rows
    assert partition.records == len(rows)
    assert {row.measurement for row in rows} == {COMMAND}
    keep(partition, raw)
    assert partition.kept() == []
    partition.all_done()
    assert (partition.messages, partition.records, partition.size, partition.rejects) == ([], 0, 0, [])
    assert partition.advance().rows == ()


def test_the_next_life_goes_on_from_what_was_kept() -> None:
    raw: dict[str, bytes] = {}
    bridge, first = Hours(), begin(raw)
    serials = [f"EH{number:03}" for number in range(30)]
    for message in ours(bridge.records([sent(serial, 0, serial) for serial in serials])):
        first.take(message)
    count = len(first.advance().rows)
    keep(first, raw)
    second = begin(raw)
    for message in ours([*bridge.records([answered(1, serial=serial) for serial in serials[:10]]), *bridge.until(90)]):
        second.take(message)
    rows = second.advance().rows
    states = [dict(row.fields)["state"] for row in rows if row.measurement == COMMAND]
    assert 0 < states.count("accepted") < count
    assert states.count("accepted") + states.count("timed_out") == count
    keep(second, raw)
    raised = [edge for edge in second.kept() if edge.active]
    assert len(raised) == states.count("timed_out")
    assert set(second.active()) == set(begin(raw).active()) == set(raised)
    assert sum(row.measurement == ALERT for row in rows) == len(raised)


def test_a_message_is_done_with_once_its_second_half_is() -> None:
    parts = [to_json(sent(f"r{number}", 0, f"EH{number:03}")) for number in range(5)]
    first, last = TrackMessage("t/1/7", 7, to_bundle(parts)).in_halves()
    whole = [half.value for message in (first, last) for half in message.in_halves()]
    assert [half.done_until for half in first.in_halves()] == [7, 7]
    assert [half.done_until for half in last.in_halves()] == [7, 8]
    assert whole == [to_bundle(some) for some in (parts[:1], parts[1:2], parts[2:3], parts[3:])]
    assert {half.place for half in (first, last)} == {"t/1/7"}
    single = first.in_halves()[0]
    assert single.in_halves() == [single]


def test_a_silence_counts_as_raised_once_that_is_durable() -> None:
    fleet = TrackPartition(CATALOGUE, SPANS, StreamReader(), FLEET_PARTITION, {})
    heard = to_json(Freshness((Heard("EH1", (T,), 1),), is_fleet=True))
    ticks = [message.value for message in Hours().until(3_000) if message.partition == FLEET_PARTITION]
    for number, value in enumerate((heard, *ticks)):
        fleet.take(TrackMessage(f"t/0/{number}", number, value))
    fleet.advance()
    keep(fleet, {})
    assert list(fleet.active()) == []
    raised = fleet.kept()
    assert [(edge.serial, edge.active) for edge in raised] == [("EH1", True)]
    assert list(fleet.active()) == list(raised)


def test_what_has_no_place_here_is_a_reject_that_says_so() -> None:
    partition = begin({})
    (wrong,) = derived([alert(1, 1.0)])
    odd = [b"", b"{", b'{"v":99,"kind":"tick"}', wrong.value]
    for number, value in enumerate(odd):
        partition.take(TrackMessage(f"t/1/{number}", number, value))
    assert {refused.routing_key for refused in partition.rejects} == {f"t/1/{number}" for number in range(4)}
    assert {refused.body for refused in partition.rejects} == set(odd)
    assert partition.records == len(odd)
    reasons = {refused.routing_key: refused.reason for refused in partition.rejects}
    assert (reasons["t/1/2"], reasons["t/1/3"]) == (RejectReason.VERSION, RejectReason.KIND)
