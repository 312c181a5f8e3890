"""Stream messages: every delivery in one place, a device in one partition, and what belongs together in one message."""

from collections import defaultdict

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.decode import Decoder, Outcome
from pipeline.core.freshness import hear_all
from pipeline.core.partition import Partitions
from pipeline.core.redaction import Personal, Redaction
from pipeline.core.stream_messages import (
    MOST_BUNDLE_BYTES,
    MessageMaker,
    StreamMessage,
    row_messages,
    wanted_ids,
)
from pipeline.core.stream_records import StreamReader
from pipeline.core.stream_rejects import RejectMaker
from pipeline.core.stream_shapes import StreamRecord
from pipeline.simulator.fleet import Fleet, FleetPlan
from pipeline.simulator.quirks import Quirks
from schemas.catalogue import shipped_catalogue
from schemas.command import CommandResponse, CommandSent
from schemas.delivery import Delivery
from schemas.observation import Observation, Product
from schemas.reject import Reject, RejectReason
from schemas.row import Row
from schemas.stream import Freshness, Heard, StreamReject, Tick, Topic

CATALOGUE = shipped_catalogue()
REDACTION = Redaction(Personal.DROP)
SILENT_AFTER = 1_200 * 10**9
HOUR = 3_600 * 10**9
COUNT = 5


@pytest.fixture(scope="module")
def deliveries() -> list[Delivery]:
    """A few hours of a fleet with all quirks, and copies of commands."""
    fleet = Fleet(FleetPlan(seed=3, chargers=20), Quirks.all())
    found = [each for step in range(1, 7) for each in fleet.advance(fleet.plan.start + step * HOUR // 6)]
    copy = b'{"Id": 22, "Arguments": [{"Id": 1, "Value": "true"}]}'
    return [*found, Delivery("EH000001.C.22", {"PublishedAt": "2026-01-02T03:04:05Z"}, copy, None)]


def maker(count: int = COUNT, silent_after: int = SILENT_AFTER) -> MessageMaker:
    return MessageMaker(CATALOGUE, Partitions(count), RejectMaker(CATALOGUE, REDACTION), silent_after)


def decode(deliveries: list[Delivery]) -> list[Outcome]:
    return list(Decoder(CATALOGUE, REDACTION).decode(deliveries).outcomes)


def read(messages: list[StreamMessage]) -> dict[str, list[StreamRecord]]:
    """What the topics hold, in the order of the messages."""
    found: dict[str, list[StreamRecord]] = defaultdict(list)
    for message in messages:
        records, rejects = StreamReader().read(message.value, "place")
        assert not rejects
        found[message.topic] += records
    return found


def test_every_outcome_is_in_its_topic_in_order(deliveries: list[Delivery]) -> None:
    outcomes = decode(deliveries)
    messages, ended = maker().of_batch(deliveries, outcomes, is_operators=True)
    found = read(messages)
    assert ended == outcomes
    assert found[Topic.OBSERVATIONS] == [each for each in outcomes if isinstance(each, Observation)]
    assert found[Topic.RESPONSES] == [each for each in outcomes if isinstance(each, CommandResponse)]
    assert [each.key for each in found[Topic.REJECTS] if isinstance(each, StreamReject)] == [
        each.key for each in outcomes if isinstance(each, Reject)
    ]
    assert found[Topic.REJECTS]
    assert found[Topic.RESPONSES]


def test_track_has_what_something_follows_from_and_who_was_heard(deliveries: list[Delivery]) -> None:
    outcomes = decode(deliveries)
    messages, _ = maker(count=1).of_batch(deliveries, outcomes, is_operators=True)
    track = read(messages)[Topic.TRACK]
    wanted = wanted_ids(CATALOGUE)
    assert track[:-2] == [
        each
        for each in outcomes
        if isinstance(each, CommandResponse | CommandSent)
        or (isinstance(each, Observation) and each.id in wanted and each.product is Product.CHARGER)
    ]
    heard = hear_all(each for each in outcomes if isinstance(each, Observation | CommandResponse))
    assert track[-2:] == [Freshness(tuple(heard)), Freshness(tuple(heard), is_fleet=True)]


def test_partition_0_hears_of_the_fleet_and_each_partition_of_its_own(deliveries: list[Delivery]) -> None:
    outcomes = decode(deliveries)
    partitions = Partitions(COUNT)
    messages, _ = maker().of_batch(deliveries, outcomes, is_operators=True)
    own: list[Heard] = []
    fleet: list[Heard] = []
    for message in messages:
        for record in StreamReader().read(message.value, "place").records:
            if isinstance(record, Freshness):
                (fleet if record.is_fleet else own).extend(record.heard)
                places = {0} if record.is_fleet else {partitions.of(each.serial) for each in record.heard}
                assert places == {message.partition}
    heard = hear_all(each for each in outcomes if isinstance(each, Observation | CommandResponse))
    assert fleet == heard
    assert sorted(own) == sorted(heard)


def test_what_is_heard_of_many_devices_is_cut_where_it_would_be_too_long() -> None:
    outcomes: list[Outcome] = [
        Observation(f"EH{number:062}", Product.CHARGER, 1, None, 1.0, 0, 0, at * HOUR, None)
        for number in range(4_000)
        for at in range(2)
    ]
    deliveries = [Delivery("EH1.O.1", {}, b"", None)] * len(outcomes)
    messages, _ = maker().of_batch(deliveries, outcomes, is_operators=True)
    track = [message for message in messages if message.topic == Topic.TRACK]
    assert max(len(message.value) for message in track) <= MOST_BUNDLE_BYTES
    told = [record for record in read(track)[Topic.TRACK] if isinstance(record, Freshness) and record.is_fleet]
    assert len(told) > 1
    assert [each for record in told for each in record.heard] == hear_all(
        each for each in outcomes if isinstance(each, Observation)
    )


def test_a_device_is_in_one_partition_of_every_topic(deliveries: list[Delivery]) -> None:
    outcomes = decode(deliveries)
    partitions = Partitions(COUNT)
    messages, _ = maker().of_batch(deliveries, outcomes, is_operators=True)
    used = set()
    for message in messages:
        for record in StreamReader().read(message.value, "place").records:
            match record:
                case Freshness(heard, is_fleet=False):
                    serials = [each.serial for each in heard]
                case Observation() | CommandResponse() | CommandSent():
                    serials = [record.serial]
                case _:
                    serials = []
            assert {partitions.of(serial) for serial in serials} <= {message.partition}
            if message.topic != Topic.TRACK and serials:
                assert [message.key.decode()] == serials
            used.add(message.partition)
    assert used == set(range(COUNT))


def test_a_batch_has_one_message_for_each_partition_of_track(deliveries: list[Delivery]) -> None:
    messages, _ = maker().of_batch(deliveries, decode(deliveries), is_operators=True)
    track = [message.partition for message in messages if message.topic == Topic.TRACK]
    assert sorted(track) == list(range(COUNT))


def test_copies_of_commands_say_nothing_about_devices(deliveries: list[Delivery]) -> None:
    messages, _ = maker().of_batch(deliveries, decode(deliveries), is_operators=False)
    assert not any(isinstance(record, Freshness) for record in read(messages)[Topic.TRACK])


def test_a_fault_of_ours_costs_one_delivery_only(deliveries: list[Delivery]) -> None:
    outcomes = decode(deliveries)
    place = next(place for place, each in enumerate(outcomes) if isinstance(each, Observation))
    broken = outcomes[place]
    assert isinstance(broken, Observation)
    outcomes[place] = broken._replace(name="\ud800")
    messages, ended = maker().of_batch(deliveries, outcomes, is_operators=True)
    refused = ended[place]
    assert isinstance(refused, Reject)
    assert (refused.reason, refused.body) == (RejectReason.INTERNAL, deliveries[place].body)
    assert sum(each is not other for each, other in zip(outcomes, ended, strict=True)) == 1
    found = read(messages)
    assert len(found[Topic.OBSERVATIONS]) == sum(isinstance(each, Observation) for each in outcomes) - 1


@given(st.lists(st.integers(1, 200_000), min_size=1, max_size=8))
def test_a_bundle_is_cut_where_it_would_be_too_long(sizes: list[int]) -> None:
    readback = min(wanted_ids(CATALOGUE))
    outcomes: list[Outcome] = [
        Observation("EH1", Product.CHARGER, readback, None, "x" * size, 0, place, None, None)
        for place, size in enumerate(sizes)
    ]
    deliveries = [Delivery("EH1.O.1", {}, b"", None)] * len(sizes)
    messages, _ = maker().of_batch(deliveries, outcomes, is_operators=False)
    track = [message for message in messages if message.topic == Topic.TRACK]
    assert read(track)[Topic.TRACK] == outcomes
    for message in track:
        parts = orjson.loads(message.value)["records"]
        assert len(parts) == 1 or len(message.value) <= MOST_BUNDLE_BYTES + 100 + len(parts)


def test_a_silence_as_long_as_the_setting_is_not_covered_up() -> None:
    outcomes: list[Outcome] = [
        Observation("EH1", Product.CHARGER, 1, None, 1.0, 0, 0, at * 10**9, None) for at in (0, 5, 10, 15, 20)
    ]
    deliveries = [Delivery("EH1.O.1", {}, b"", None)] * len(outcomes)
    messages, _ = maker(silent_after=10**9).of_batch(deliveries, outcomes, is_operators=True)
    freshness = read(messages)[Topic.TRACK][0]
    assert isinstance(freshness, Freshness)
    assert len(freshness.heard[0].moments) == 5


def test_a_tick_goes_to_every_partition_alone() -> None:
    tick = Tick("bridge", 1, 1, 2, 3, None, None, None, is_last=False)
    messages = maker().of_tick(tick)
    assert [(message.topic, message.partition) for message in messages] == [
        (Topic.TRACK, partition) for partition in range(COUNT)
    ]
    assert read(messages)[Topic.TRACK] == [tick] * COUNT


def test_derived_rows_go_to_the_partition_of_their_charger_in_order() -> None:
    partitions = Partitions(COUNT)
    rows = [
        Row("alert", charger, "", (("kind", "silent"), ("command", "-")), time, (("active", 1.0), ("message", "ø")))
        for time in range(3)
        for charger in ("EH1", "-", "EH2")
    ]
    messages = row_messages(rows, partitions)
    assert [(message.topic, message.partition, message.key.decode()) for message in messages] == [
        (Topic.DERIVED, partitions.of(row.charger), row.charger) for row in rows
    ]
    assert read(messages)[Topic.DERIVED] == rows
