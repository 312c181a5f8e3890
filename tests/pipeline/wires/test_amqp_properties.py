"""Properties: what was learnt gives what pamqp reads, and what cannot be read costs nobody anything."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pamqp.commands import Basic
from pamqp.common import FieldTable
from pamqp.header import ContentHeader

from pipeline.wires.amqp_properties import UNREADABLE, PropertiesReader, read_usual
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


@pytest.mark.parametrize("has_id", [False, True])
@pytest.mark.parametrize("has_moment", [False, True])
@pytest.mark.parametrize("has_app", [False, True])
def test_the_like_of_what_was_read_needs_no_reading(has_id: bool, has_moment: bool, has_app: bool) -> None:
    reader = PropertiesReader()
    first, second = (
        Basic.Properties(
            content_type="application/json",
            headers={"ArrivalTime": f"2026-01-01T00:00:0{number}Z"},
            message_id=f"m{number}" if has_id else None,
            timestamp=datetime(2026, 1, 1, 0, 0, number, tzinfo=UTC) if has_moment else None,
            app_id="easee" if has_app else None,
        ).marshal()
        for number in range(2)
    )
    reader.read(first)
    (shape,) = reader.shapes.values()
    assert read_usual(second, shape) == ({"ArrivalTime": "2026-01-01T00:00:01Z"}, "m1" if has_id else None)


@pytest.mark.parametrize("bits", [8, 16, 32, 64])
@given(data=st.data())
def test_texts_and_numbers_of_several_headers_need_no_reading_again(data: st.DataObject, bits: int) -> None:
    least = 0 if bits == 8 else 2 ** (bits // 2)
    numbers = st.integers(least, 2 ** (bits - 1) - 1)
    first, second = (
        Basic.Properties(headers={"ArrivalTime": f"2026-01-0{day}", "x": True, "n": data.draw(numbers), "to": "me"})
        for day in (1, 2)
    )
    reader = PropertiesReader()
    reader.read(first.marshal())
    (shape,) = reader.shapes.values()
    assert read_usual(second.marshal(), shape) == (second.headers, None)


def test_numbers_of_either_sign_are_read_as_pamqp_reads_them() -> None:
    for first, second in [(1, -1), (-1, 1), (2**31 - 1, -(2**31)), (2**62, -(2**62))]:
        reader = PropertiesReader()
        reader.read(Basic.Properties(headers={"n": first}).marshal())
        data = Basic.Properties(headers={"n": second}).marshal()
        assert reader.read(data) == PropertiesReader().read(data) == ({"n": second}, None)


def test_what_a_reader_of_headers_does_to_them_reaches_no_other_message() -> None:
    reader = PropertiesReader()
    data = Basic.Properties(headers={"a": "x", "b": True}).marshal()
    reader.read(data).headers["c"] = "of mine"
    reader.read(data).headers["d"] = "of mine"
    assert reader.read(data).headers == {"a": "x", "b": True}


def test_text_of_the_same_length_that_is_not_ascii_is_read_in_full() -> None:
    reader = PropertiesReader()
    reader.read(Basic.Properties(headers={"ArrivalTime": "2026"}).marshal())
    assert reader.read(Basic.Properties(headers={"ArrivalTime": "éé"}).marshal()).headers == {"ArrivalTime": "éé"}


def test_bytes_like_a_header_in_another_property_are_not_taken_for_it() -> None:
    reader = PropertiesReader()
    reader.read(Basic.Properties(content_type="\x01aS\x00\x00\x00\x01x", headers={"a": "x"}).marshal())
    assert reader.read(Basic.Properties(content_type="\x01aS\x00\x00\x00\x01y", headers={"a": "x"}).marshal()) == (
        {"a": "x"},
        None,
    )


def test_memory_is_bounded() -> None:
    reader = PropertiesReader()
    for length in range(1, 1_000):
        reader.read(Basic.Properties(headers={"ArrivalTime": "x" * length}).marshal())
    assert len(reader.shapes) <= 64


@given(st.binary(max_size=80))
def test_whatever_it_is_it_is_read_or_unreadable(data: bytes) -> None:
    headers, message_id = PropertiesReader().read(data)
    assert (headers, message_id) == UNREADABLE or isinstance(headers, dict)


@pytest.mark.parametrize("table", [b"\x01a", b"\x01aI\x00\x00\x00\x05\x21" + b"b" * 33])
def test_a_table_that_ends_before_a_value_is_read_as_pamqp_reads_it(table: bytes) -> None:
    data = b"\x20\x00" + len(table).to_bytes(4) + table
    header = ContentHeader()
    header.unmarshal(b"\x00\x3c\x00\x00" + bytes(8) + data)
    assert PropertiesReader().read(data) == (header.properties.headers or {}, None)
