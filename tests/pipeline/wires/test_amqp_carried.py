"""What AMQP carries: everything encodes, comes back as it was said to, and changes no more than it must."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pamqp import decode, encode

from pipeline.wires.amqp_carried import as_carried, carried_headers, carried_text
from schemas.delivery import Delivery

VALUES: st.SearchStrategy[object] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.binary(),
    st.binary().map(bytearray),
    st.datetimes(timezones=st.sampled_from([None, UTC, timezone(timedelta(hours=-11))])),
    st.lists(st.integers()),
    st.dictionaries(st.text(), st.integers()),
)
TEXTS = st.one_of(st.text(), st.text(st.characters(), min_size=100, max_size=300))
SURROGATE = "\ud800"


@given(st.dictionaries(TEXTS, VALUES))
def test_a_table_comes_back_from_the_wire_as_it_was_said_to(headers: dict[str, object]) -> None:
    carried = carried_headers(headers)
    _, arrived = decode.field_table(encode.field_table(carried))
    assert arrived == carried
    assert {name: type(value) for name, value in arrived.items()} == {name: type(carried[name]) for name in carried}


@given(TEXTS)
def test_a_routing_key_fits_and_is_cut_no_shorter_than_it_must(key: str) -> None:
    carried = carried_text(key).encode()
    whole = key.encode(errors="backslashreplace")
    assert whole.startswith(carried)
    assert len(carried) <= 255
    assert carried == whole or len(carried) > 255 - 4


@given(TEXTS, st.dictionaries(TEXTS, VALUES), st.binary(), st.none() | TEXTS)
def test_what_is_carried_is_carried_unchanged(
    key: str, headers: dict[str, object], body: bytes, message_id: str | None
) -> None:
    carried = as_carried(Delivery(key, headers, body, 7, message_id))
    assert as_carried(carried) == carried
    assert carried.body == body
    assert carried.received_at is None
    assert (carried.message_id is None) == (message_id is None)


@pytest.mark.parametrize(
    ("value", "carried"),
    [
        (None, None),
        (True, True),
        (-(2**63), -(2**63)),
        (2**63, "9223372036854775808"),
        (0.1, "0.1"),
        (b"\xff", bytearray(b"\xff")),
        (f"a{SURROGATE}", "a\\ud800"),
        (datetime(2025, 6, 1, 12, 0, 0, 999, timezone(timedelta(hours=2))), datetime(2025, 6, 1, 10, tzinfo=UTC)),
        (datetime(2025, 6, 1, 10, tzinfo=UTC).replace(tzinfo=None), datetime(2025, 6, 1, 10, tzinfo=UTC)),
        (datetime(1969, 12, 31, tzinfo=UTC), "1969-12-31T00:00:00+00:00"),
        (datetime(2106, 1, 1, tzinfo=UTC), "2106-01-01T00:00:00+00:00"),
        (["a", 1], "['a', 1]"),
    ],
)
def test_value(value: object, carried: object) -> None:
    (found,) = carried_headers({"x": value}).values()
    assert found == carried
    assert type(found) is type(carried)


def test_a_delivery_as_easee_sends_it_is_carried_whole() -> None:
    sent = Delivery("EH000281.O.48", {"ArrivalTime": "2023-06-08T06:59:17.0130000+00:00"}, b"{}", None)
    assert as_carried(sent) == sent
