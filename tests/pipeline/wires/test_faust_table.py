"""The table: an entry's key names its partition, and each partition is seen by itself."""

from dataclasses import dataclass

import faust
import pytest
from faust.types import TP

from pipeline.wires.faust_table import StateTable, key_in, partition_of

STATE = "test-state"
Kept = list[tuple[int, bytes, bytes | None]]


@pytest.fixture
def kept() -> Kept:
    return []


@pytest.fixture
def table(kept: Kept) -> StateTable:
    app = faust.App("test", store="memory://", autodiscover=False)
    state = app.topic(STATE, key_serializer="raw", value_serializer="raw")
    table = StateTable(app, name="state", key_type=bytes, value_type=bytes, changelog_topic=state)

    def keep(partition: int, key: bytes, content: bytes | None) -> None:
        kept.append((partition, key, content))

    table.keep = keep
    for partition in (1, 11):
        table.data[key_in(partition, "entry 1 of it")] = str(partition).encode()
    return table


@pytest.mark.parametrize("key", ["mark", "fact EH1 5", "", "ä"])
def test_a_key_names_its_partition(key: str) -> None:
    assert partition_of(key_in(12, key)) == 12


def test_a_partition_is_seen_as_it_is_at_any_moment(table: StateTable) -> None:
    seen = table.kept(1)
    assert (dict(seen), len(seen)) == ({"entry 1 of it": b"1"}, 1)
    table.data[key_in(1, "other")] = b"x"
    assert dict(seen) == {"entry 1 of it": b"1", "other": b"x"}
    with pytest.raises(KeyError):
        seen["nothing"]


def test_what_went_to_others_is_forgotten(table: StateTable, kept: Kept) -> None:
    table.forget_others({11, 2})
    assert (dict(table.kept(1)), dict(table.kept(11))) == ({}, {"entry 1 of it": b"11"})
    # It is theirs: nothing is kept of that.
    assert kept == []


def test_what_is_set_and_dropped_is_kept_where_it_belongs(table: StateTable, kept: Kept) -> None:
    table.on_key_set(key_in(1, "new"), b"x")
    table.on_key_del(key_in(11, "old"))
    assert kept == [(1, b"1 new", b"x"), (11, b"11 old", None)]


@dataclass
class Entry:
    """One as the client brings it."""

    offset: int
    key: bytes | None
    value: bytes | None


def test_what_is_read_again_is_there_at_once_in_its_order_and_nothing_is_kept_of_it(
    table: StateTable, kept: Kept
) -> None:
    one, two = key_in(1, "entry 1 of it"), key_in(1, "two")
    fetched = [Entry(0, one, b"a"), Entry(1, two, b"b"), Entry(2, one, None), Entry(3, two, b"c"), Entry(4, None, b"")]
    assert table.restore(TP(STATE, 1), [*fetched]) == fetched[-1:]
    assert dict(table.kept(1)) == {"two": b"c"}
    # From before, as after partitions have changed hands: what comes behind it is there in the end.
    table.restore(TP(STATE, 1), [*fetched[:2]])
    table.restore(TP(STATE, 1), [*fetched[2:]])
    assert dict(table.kept(1)) == {"two": b"c"}
    assert (table.restored, kept) == (10, [])


def test_what_is_of_another_topic_is_left_to_the_library(table: StateTable) -> None:
    fetched = [Entry(0, key_in(1, "two"), b"b"), Entry(1, key_in(1, "two"), b"c")]
    assert table.restore(TP("other", 1), [*fetched]) == fetched
    assert (dict(table.kept(1)), table.restored) == ({"entry 1 of it": b"1"}, 0)
