"""Members: what all kinds of bodies are held against."""

from datetime import UTC, datetime

import pytest

from pipeline.core.body import Json
from pipeline.core.members import (
    AHEAD_OF_ARRIVAL,
    check_clock,
    check_identity,
    missing_member,
    optional_text,
    read_arrival,
    read_body_id,
    read_optional_time,
    read_stamp,
    read_wire_time,
)
from pipeline.core.refusal import RefusedError
from pipeline.core.routing_key import Kind, RoutingKey
from pipeline.core.timestamps import EARLIEST, END, TimeReader
from schemas.reject import RejectReason
from schemas.surprise import Surprise

TEXT = "2023-06-08T06:59:17.0130000+00:00"
TIME = 1_686_207_557_013_000_000
KEY = RoutingKey("EH000281", Kind.OBSERVATION, 48)


@pytest.mark.parametrize(
    ("value", "time", "found"),
    [
        (TEXT, TIME, []),
        (TEXT.encode(), TIME, []),
        (datetime(2023, 6, 8, 6, 59, 17, 13_000, UTC), TIME, []),
        (None, None, [Surprise.ARRIVAL_MISSING]),
        ("", None, [Surprise.ARRIVAL_MISSING]),
        (b"", None, [Surprise.ARRIVAL_MISSING]),
        ("soon", None, [Surprise.ARRIVAL_UNREADABLE]),
        (b"\xff", None, [Surprise.ARRIVAL_UNREADABLE]),
        (1_686_207_557, None, [Surprise.ARRIVAL_UNREADABLE]),
        ("0001-01-01T00:00:00", None, [Surprise.ARRIVAL_UNREADABLE]),
        ("9999-12-31T23:59:59Z", None, [Surprise.ARRIVAL_UNREADABLE]),
        ("2099-01-01T00:00:00Z", 4_070_908_800 * 10**9, []),
    ],
)
def test_arrival_is_a_usable_time_or_counted(value: object, time: int | None, found: list[Surprise]) -> None:
    noted: list[Surprise] = []
    assert read_arrival(value, TimeReader(), noted) == time
    assert noted == found


def test_a_header_time_may_be_of_any_year() -> None:
    assert read_wire_time("0001-01-01T00:00:00Z", TimeReader()) == -62_135_596_800 * 10**9
    assert read_wire_time(5, TimeReader()) is None


@pytest.mark.parametrize(("value", "number"), [(48, 48), (48.0, 48), ("48", 48), (70_000, 70_000), (-1, -1)])
def test_an_id_in_a_body_is_a_whole_number(value: Json, number: int) -> None:
    assert read_body_id(value) == number


@pytest.mark.parametrize("value", [None, True, 48.5, "4 8", "", "070000", [], {}])
def test_anything_else_is_no_id(value: Json) -> None:
    with pytest.raises(RefusedError) as refused:
        read_body_id(value)
    assert refused.value.reason is RejectReason.SHAPE


@pytest.mark.parametrize(
    ("key", "body_id", "members"),
    [
        (KEY, 47, {}),
        (KEY, "47", {}),
        (KEY, 48, {"SerialNumber": "EH000282"}),
        (KEY, 48, {"SerialNumber": "eh000281"}),
        (KEY._replace(claimed="EH000282.O.48"), 48, {}),
        (KEY._replace(claimed="EH000281.CR.48"), 48, {}),
        (KEY._replace(claimed="nonsense"), 48, {}),
    ],
)
def test_key_and_body_must_agree(key: RoutingKey, body_id: Json, members: dict[str, Json]) -> None:
    with pytest.raises(RefusedError) as refused:
        check_identity(key, body_id, members)
    assert refused.value.reason is RejectReason.IDENTITY


@pytest.mark.parametrize(
    ("key", "members"),
    [
        (KEY, {}),
        (KEY, {"SerialNumber": "EH000281"}),
        (KEY, {"SerialNumber": None}),
        (KEY, {"SerialNumber": 5}),
        (KEY._replace(claimed="EH000281.O.48"), {}),
        (KEY._replace(claimed="EH000281.O.048.99"), {}),
    ],
)
def test_agreement(key: RoutingKey, members: dict[str, Json]) -> None:
    check_identity(key, 48, members)


def test_a_stamp_is_read_and_held_against_the_clock() -> None:
    found: list[Surprise] = []
    assert read_stamp(TEXT, TIME, TimeReader(), found) == TIME
    assert found == []
    assert read_stamp("2023-06-08T06:59:17", None, TimeReader(), found) == TIME - 13_000_000
    assert found == [Surprise.ZONE_MISSING]
    for text, arrived, reason in (
        ("", None, RejectReason.TIMESTAMP),
        ("2014-12-31T23:59:59Z", None, RejectReason.CLOCK),
        (TEXT, TIME - AHEAD_OF_ARRIVAL - 1, RejectReason.CLOCK),
    ):
        with pytest.raises(RefusedError) as refused:
            read_stamp(text, arrived, TimeReader(), [])
        assert refused.value.reason is reason


@pytest.mark.parametrize(
    ("time", "arrived"),
    [(EARLIEST - 1, None), (END, None), (TIME + AHEAD_OF_ARRIVAL + 1, TIME), (253_402_300_799 * 10**9, None)],
)
def test_a_clock_that_is_wrong(time: int, arrived: int | None) -> None:
    with pytest.raises(RefusedError) as refused:
        check_clock(time, arrived)
    assert refused.value.reason is RejectReason.CLOCK


def test_24_hours_ahead_is_still_a_clock() -> None:
    check_clock(TIME + AHEAD_OF_ARRIVAL, TIME)
    check_clock(EARLIEST, TIME)
    check_clock(END - 1, None)


@pytest.mark.parametrize(
    ("value", "time", "counted"),
    [(TEXT, TIME, 0), (None, None, 0), ("", None, 1), (5, None, 1), ("0001-01-01T00:00:00", None, 1)],
)
def test_an_optional_time(value: Json, time: int | None, counted: int) -> None:
    found: list[Surprise] = []
    assert read_optional_time(value, Surprise.DELIVERED_UNREADABLE, TimeReader(), found) == time
    assert found == [Surprise.DELIVERED_UNREADABLE] * counted


def test_an_optional_text() -> None:
    found: list[Surprise] = []
    assert [optional_text(value, found) for value in ("a", None, 5)] == ["a", None, None]
    assert found == [Surprise.OPTIONAL_UNREADABLE]


def test_a_missing_member_is_named() -> None:
    assert "Value" in missing_member(KeyError("Value")).detail
