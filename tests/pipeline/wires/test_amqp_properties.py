"""Properties: what was learnt gives what pamqp reads, and what cannot be read costs nobody anything."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from pamqp.commands import Basic
from pamqp.common import FieldTable

from pipeline.wires.amqp_properties import UNREADABLE, PropertiesReader
from tests.pipeline.wires.amqp_streams import properties


@given(st.lists(properties(), max_size=12))
def test_the_order_in_which_messages_come_changes_nothing(all_properties: list[Basic.Properties]) -> None:
    reader = PropertiesReader()
    for each in [*all_properties, *all_properties]:
        data = each.marshal()
        assert reader.read(data) == PropertiesReader().read(data)
        assert reader.read(data).message_id == (each.message_id or None)


def test_every_type_that_a_header_can_have_is_read() -> None:
    headers: FieldTable = {
        "t": True,
        "I": 5,
        "S": "é",
        "T": datetime(2026, 1, 1, tzinfo=UTC),
        "F": {"a": [1, None]},
        "d": 0.5,
    }
    data = Basic.Properties(headers=headers, message_id="m").marshal()
    assert PropertiesReader().read(data) == (headers, "m")


def test_the_like_of_what_was_read_needs_no_reading() -> None:
    reader = PropertiesReader()
    first, second = (
        Basic.Properties(content_type="application/json", headers={"ArrivalTime": f"2026-01-01T00:00:0{second}Z"})
        for second in range(2)
    )
    reader.read(first.marshal())
    assert list(reader.shapes) == [len(second.marshal())]
    assert reader.read(second.marshal()).headers == {"ArrivalTime": "2026-01-01T00:00:01Z"}


def test_text_of_the_same_length_that_is_not_ascii_is_read_in_full() -> None:
    reader = PropertiesReader()
    reader.read(Basic.Properties(headers={"ArrivalTime": "2026"}).marshal())
    assert reader.read(Basic.Properties(headers={"ArrivalTime": "éé"}).marshal()).headers == {"ArrivalTime": "éé"}


def test_bytes_like_a_header_in_another_property_teach_nothing() -> None:
    reader = PropertiesReader()
    reader.read(Basic.Properties(content_type="\x01aS\x00\x00\x00\x01x", headers={"a": "x"}).marshal())
    assert not reader.shapes


def test_memory_is_bounded() -> None:
    reader = PropertiesReader()
    for length in range(1, 1_000):
        reader.read(Basic.Properties(headers={"ArrivalTime": "x" * length}).marshal())
    assert len(reader.shapes) <= 64


@given(st.binary(max_size=80))
def test_whatever_it_is_it_is_read_or_unreadable(data: bytes) -> None:
    headers, message_id = PropertiesReader().read(data)
    assert (headers, message_id) == UNREADABLE or isinstance(headers, dict)
