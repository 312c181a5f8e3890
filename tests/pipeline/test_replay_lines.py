"""Replay lines: a delivery as a line, and back."""

from datetime import UTC, datetime

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.timestamps import EARLIEST, END
from pipeline.replay_lines import from_line, to_line
from schemas.delivery import Delivery

ARRIVAL = "2023-06-08T06:59:17.0130000+00:00"
DELIVERIES = st.builds(
    Delivery,
    st.text(min_size=1, max_size=20),
    st.dictionaries(st.text(max_size=5), st.text(max_size=5) | st.none() | st.integers(0, 9), max_size=3),
    st.binary(max_size=40) | st.text(max_size=10).map(str.encode),
    st.integers(EARLIEST, END - 1),
    st.none() | st.text(max_size=5),
)


@given(DELIVERIES)
def test_a_delivery_comes_back_as_it_was(delivery: Delivery) -> None:
    line = to_line(delivery)
    assert b"\n" not in line
    assert from_line(line) == delivery


def test_the_form_of_a_line() -> None:
    delivery = Delivery("EH000281.O.48", {"ArrivalTime": ARRIVAL}, b'{"a":"\xc3\xa9"}', 1_686_207_558_000_000_000, "id")
    assert orjson.loads(to_line(delivery)) == {
        "routing_key": "EH000281.O.48",
        "headers": {"ArrivalTime": ARRIVAL},
        "body": '{"a":"é"}',
        "received_at": "2023-06-08T06:59:18.000000000Z",
        "message_id": "id",
    }
    assert orjson.loads(to_line(delivery._replace(body=b"\xff")))["body_base64"] == "/w=="


def test_headers_that_json_does_not_have_become_text() -> None:
    headers = {"b": b"x\xff", "t": datetime(2023, 6, 8, 6, 59, 17, tzinfo=UTC), "o": [1], "s": "\ud800", "f": 1.5}
    written = orjson.loads(to_line(Delivery("k", headers, b"", None)))["headers"]
    assert written == {"b": "x\\xff", "t": "2023-06-08T06:59:17.000000000Z", "o": "[1]", "s": "\\ud800", "f": 1.5}


@pytest.mark.parametrize(
    ("members", "received_at"),
    [
        ({"received_at": "2023-06-08T06:59:18Z"}, 1_686_207_558_000_000_000),
        ({"received_at": "soon"}, None),
        ({"received_at": 5}, None),
        ({"received_at": "0001-01-01T00:00:00Z"}, None),
        ({}, None),
    ],
)
def test_arrival_does_not_stand_in_for_received_at(members: dict[str, object], received_at: int | None) -> None:
    members = {"headers": {"ArrivalTime": ARRIVAL}, **members}
    assert from_line(orjson.dumps({"routing_key": "k", "body": "", **members})).received_at == received_at


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"no json",
        b"\xff",
        b"[]",
        b"5",
        b"{}",
        b'{"routing_key": "k", "headers": {}}',
        b'{"routing_key": "k", "body": ""}',
        b'{"headers": {}, "body": ""}',
        b'{"routing_key": 5, "headers": {}, "body": ""}',
        b'{"routing_key": "k", "headers": [], "body": ""}',
        b'{"routing_key": "k", "headers": {}, "body": {}}',
        b'{"routing_key": "k", "headers": {}, "body_base64": "?"}',
    ],
)
def test_what_is_no_line_becomes_a_delivery_that_will_be_refused(line: bytes) -> None:
    assert from_line(line) == Delivery("", {}, line, None)


@given(st.binary(max_size=60))
def test_any_bytes_become_a_delivery(line: bytes) -> None:
    assert isinstance(from_line(line), Delivery)
