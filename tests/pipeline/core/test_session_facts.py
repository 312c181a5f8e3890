"""Facts for sessions: from a message, to bytes and back."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.same_stamp import spread_stamp
from pipeline.core.session_facts import (
    WANTED,
    Place,
    SessionFact,
    fact_of,
    from_bytes,
    name_of,
    to_bytes,
)
from pipeline.core.session_json import Document
from pipeline.core.session_modes import Mode, Presence
from schemas.observation import Observation, Product, Value

AT = 1_750_000_000 * 10**9

_moments = st.integers(0, 2**62)
_facts: st.SearchStrategy[SessionFact] = st.one_of(
    st.builds(Mode, _moments, st.sampled_from(Presence)),
    st.builds(Document, _moments, st.none() | _moments, st.none() | st.floats(0, 1e6), st.text(max_size=9)),
    st.builds(Place, _moments, _moments),
)


def fact(number: int, value: Value) -> SessionFact | None:
    return fact_of(Observation("EH1", Product.CHARGER, number, None, value, 77, AT, AT + 3_500_000_000, None))


def test_what_each_message_says() -> None:
    assert fact(109, 3.0) == Mode(spread_stamp(AT, AT + 3_500_000_000, 77), Presence.CHARGING)
    assert fact(121, 12.5) is None
    assert fact(223, "{}") == Document(AT, None, None, "")
    assert fact(129, json.dumps({"Start": "2025-06-01T10:00:00Z", "Id": 1})) == Document(
        1_748_772_000 * 10**9, None, None, "1"
    )
    assert sorted(WANTED) == [109, 121, 129, 223]


@pytest.mark.parametrize(
    ("number", "value"), [(109, "3"), (109, None), (121, "much"), (121, None), (129, "{}"), (120, 7.0)]
)
def test_what_says_nothing(number: int, value: Value) -> None:
    assert fact(number, value) is None


@given(_facts)
def test_what_is_kept_is_read_as_it_was(known: SessionFact) -> None:
    read = from_bytes(name_of(known), to_bytes(known))
    assert read == known
    assert type(read) is type(known)


@given(_facts, _facts)
def test_two_facts_share_a_name_only_where_one_replaces_the_other(one: SessionFact, other: SessionFact) -> None:
    if type(one) is not type(other) or (isinstance(one, Document) and one != other):
        assert name_of(one) != name_of(other)


def test_of_a_second_or_a_place_there_is_one() -> None:
    assert name_of(Mode(AT + 1, Presence.CAR)) == name_of(Mode(AT + 2, Presence.AWAY))
    assert name_of(Place(AT, 1)) == name_of(Place(AT, 2))


@pytest.mark.parametrize("name", ["session hour 3", "sending 48", ""])
def test_an_entry_of_an_unknown_kind_is_named(name: str) -> None:
    with pytest.raises(ValueError, match=f"unknown kind is kept: {name}"):
        from_bytes(name, b"[1,2]")
