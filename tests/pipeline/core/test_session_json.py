"""Session documents, as they come and as odd as they may be."""

import json

import pytest

from pipeline.core.session_json import (
    LATE_ENERGY_NS,
    LONGEST_NS,
    SESSION_ID,
    START_ID,
    Document,
    is_told_in_time,
    read_document,
)
from pipeline.core.timestamps import NS_PER_S, parse_time
from schemas.observation import Observation, Product, Value

SAID_AT = parse_time("2025-06-01T12:00:00Z") or 0
START, STOP = "2025-06-01T10:00:00Z", "2025-06-01T11:30:00Z"
STARTED, STOPPED = parse_time(START) or 0, parse_time(STOP) or 0


def read(value: Value, number: int = SESSION_ID) -> Document | None:
    return read_document(Observation("EH1", Product.CHARGER, number, None, value, 0, SAID_AT, None, None))


def read_members(number: int = SESSION_ID, **members: object) -> Document | None:
    return read(json.dumps(members), number)


def test_a_document_as_it_is_seen() -> None:
    members = {"Id": 816, "Energy": 12.5, "Start": START, "Stop": STOP, "Auth": "present", "New": [1, {"Start": 2}]}
    assert read(json.dumps(members)) == Document(STARTED, STOPPED, 12.5, "816")


@pytest.mark.parametrize("form", ["start", "START", "SessionStart", "session_start", "Start-Time", "start time"])
def test_letter_case_and_words_between_do_not_matter(form: str) -> None:
    assert read(json.dumps({form: START})) == Document(STARTED, None, None, "")


@pytest.mark.parametrize(
    ("member", "expected"),
    [
        (12.5, 12.5),
        (3, 3.0),
        ("12.5", 12.5),
        (0, 0.0),
        (-1, None),
        (None, None),
        (True, None),
        ("", None),
        ("much", None),
        ([3], None),
    ],
)
def test_energies(member: object, expected: float | None) -> None:
    assert read_members(Start=START, Energy=member) == Document(STARTED, None, expected, "")


@pytest.mark.parametrize(
    ("member", "expected"),
    [(816, "816"), (816.0, "816"), (" 816 ", "816"), ("a-b", "a-b"), (None, ""), (True, ""), ({}, "")],
)
def test_numbers_of_sessions(member: object, expected: str) -> None:
    assert read_members(Start=START, Id=member) == Document(STARTED, None, None, expected)


@pytest.mark.parametrize("stop", [None, "", "0001-01-01T00:00:00", "soon", 7, "2025-06-01T09:59:59Z"])
def test_a_stop_that_cannot_be_is_none(stop: object) -> None:
    assert read_members(Start=START, Stop=stop) == Document(STARTED, None, None, "")


def test_without_a_start_there_is_a_session_only_where_its_start_is_told_just_then() -> None:
    assert read_members(Energy=3) is None
    assert read_members(START_ID, Energy=3) == Document(SAID_AT, None, 3.0, "")
    assert read_members(START_ID, Start="soon") == Document(SAID_AT, None, None, "")


@pytest.mark.parametrize("value", ["", "present", '{"Start": "2025-06-01T10:00:00Z"', "[]", "7", None, 7.0])
def test_what_is_no_document_says_nothing(value: Value) -> None:
    assert read(value) is None
    assert read(value, START_ID) is None


def test_a_session_of_the_future_or_of_more_than_a_month_is_not_believed() -> None:
    assert read_members(Start="2025-06-01T12:01:00Z") is not None
    assert read_members(Start="2025-06-01T12:01:01Z") is None
    assert LONGEST_NS == 30 * 86_400 * NS_PER_S
    assert read_members(Start="2025-05-02T12:00:00Z", Stop="2025-06-01T12:00:00Z") is not None
    assert read_members(Start="2025-05-02T11:59:59Z", Stop="2025-06-01T12:00:00Z") is None


def test_of_two_members_with_one_meaning_the_first_that_says_anything_counts() -> None:
    assert read_members(Start=None, SessionStart=START, start=STOP) == Document(STARTED, None, None, "")


def test_an_old_session_that_is_told_again_is_not_told_in_time() -> None:
    ended = Document(STARTED, STOPPED, 1.0, "")
    assert is_told_in_time(ended, STOPPED + LATE_ENERGY_NS)
    assert not is_told_in_time(ended, STOPPED + LATE_ENERGY_NS + 1)
    assert not is_told_in_time(ended._replace(stop=None), STARTED + LATE_ENERGY_NS + 1)
