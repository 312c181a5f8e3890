"""Atomic entries: wherever a round is cut off, what is read back is one whole round or the one before."""

import struct
from collections.abc import Iterable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.core.atomic_entries import MARK, AtomicEntries, RawEntry

HEAD = 16
"""Bytes of an entry before its contents."""
KEYS = st.sampled_from(["fact a", "fact b", "fact c", "heard 1"])
LENGTHS = st.integers(1, 6)
"""Most bytes of a content in one entry: contents of six have up to as many parts."""
CONTENTS = st.none() | st.binary(max_size=6)
ROUNDS = st.lists(st.tuples(st.dictionaries(KEYS, CONTENTS), st.none() | st.integers(0, 12)), max_size=12)


@given(ROUNDS, LENGTHS)
# What is dropped again after a crash, and cut again: it must not be back.
@example([({"fact a": b"1", "fact b": b"1"}, None), ({"fact a": None, "fact b": b"2"}, 3), ({"fact a": None}, 1)], 6)
@example([({"fact a": b"1", "fact b": b"1"}, None), ({"fact a": None, "fact b": b"2"}, 3), ({"fact a": None}, 2)], 6)
@example([({"fact a": None}, 1), ({"fact a": b"1"}, None)], 6)
def test_a_round_is_kept_whole_or_not_at_all(
    rounds: list[tuple[dict[str, bytes | None], int | None]], most_bytes: int
) -> None:
    raw: dict[str, bytes] = {}
    kept: dict[str, bytes] = {}
    entries = AtomicEntries(most_bytes)
    for changes, cut_at in rounds:
        is_whole = False
        for place, (key, content) in enumerate(entries.round(changes, raw)):
            if place == cut_at:
                break
            is_whole |= key == "mark"
            if content is None:
                raw.pop(key, None)
            else:
                raw[key] = content
        if is_whole:
            for key, now in changes.items():
                if now is None:
                    kept.pop(key, None)
                else:
                    kept[key] = now
        if cut_at is not None:
            entries = AtomicEntries(most_bytes)
            assert (entries.restore(raw), entries.damage) == (kept, "")
    assert all(len(content) <= HEAD + 2 * most_bytes for key, content in raw.items() if " " in key)
    entries = AtomicEntries()
    assert (entries.restore(raw), entries.damage) == (kept, "")


def test_a_great_many_are_dropped_at_once() -> None:
    many: dict[str, bytes | None] = {f"fact {number}": b"x" for number in range(7_000)}
    entries, raw = AtomicEntries(), dict[str, bytes]()
    raw.update((key, content) for key, content in entries.round(many, raw) if content is not None)
    dropping = list(entries.round(dict.fromkeys(many), raw))
    until_mark = [key for key, _ in dropping].index("mark") + 1
    raw.update((key, content) for key, content in dropping[:until_mark] if content is not None)
    assert AtomicEntries().restore(raw) == {}
    assert max(len(content) for _, content in dropping if content is not None) < 100_000


@pytest.mark.parametrize("content", [b"", b"{}", b"x" * 40])
def test_what_is_no_entry_is_told_of(content: bytes) -> None:
    with pytest.raises(ValueError, match="none of this program's"):
        AtomicEntries().restore({"fact a": content})


def apply(raw: dict[str, bytes], given: Iterable[RawEntry]) -> None:
    """Keep these."""
    for key, content in given:
        if content is None:
            raw.pop(key, None)
        else:
            raw[key] = content


@given(st.lists(st.dictionaries(KEYS, CONTENTS, min_size=1), min_size=1, max_size=6), st.data())
def test_whoever_is_given_other_entries_than_were_kept_is_told(
    rounds: list[dict[str, bytes | None]], data: st.DataObject
) -> None:
    raw: dict[str, bytes] = {}
    entries = AtomicEntries()
    history: list[RawEntry] = []
    for changes in rounds:
        given_now = list(entries.round(changes, raw))
        history += given_now
        apply(raw, given_now)
    kept = AtomicEntries().restore(raw)
    # The first of it was lost, as where it is read from its middle on.
    partly: dict[str, bytes] = {}
    apply(partly, history[data.draw(st.integers(0, len(history) - 1)) :])
    entries = AtomicEntries()
    if entries.restore(partly) != kept:
        # What is missing is not seen where neither a mark nor what stood before is there: then nothing else is, either.
        assert entries.damage or not any(key == MARK or len(content) > HEAD + 6 for key, content in partly.items())


@pytest.mark.parametrize(
    ("changed", "damage"),
    [
        ({}, ""),
        ({"fact b": None}, "1 of 2 entries were read"),
        ({"fact c": b"4"}, "3 of 2 entries were read"),
        ({"fact a": b"old"}, "2 entries were read, not as they were kept last"),
        ({MARK: None}, "1 entries were read, and no mark"),
    ],
)
def test_what_is_missing_is_said(changed: dict[str, bytes | None], damage: str) -> None:
    entries, raw = AtomicEntries(), dict[str, bytes]()
    apply(raw, entries.round({"fact a": b"1", "fact b": b"2"}, raw))
    old = raw["fact a"]
    apply(raw, entries.round({"fact a": b"3"}, raw))
    apply(raw, ((key, None if content is None else old) for key, content in changed.items()))
    entries = AtomicEntries()
    entries.restore(raw)
    assert entries.damage == damage


def test_after_the_next_round_what_is_there_counts() -> None:
    entries, raw = AtomicEntries(), dict[str, bytes]()
    apply(raw, entries.round({"fact a": b"1", "fact b": b"2"}, raw))
    del raw["fact b"]
    entries = AtomicEntries()
    assert entries.restore(raw) == {"fact a": b"1"}
    assert entries.damage
    apply(raw, entries.round({"fact c": b"3"}, raw))
    entries = AtomicEntries()
    assert (entries.restore(raw), entries.damage) == ({"fact a": b"1", "fact c": b"3"}, "")


def test_a_mark_of_a_form_that_is_not_known_is_told_of() -> None:
    entries, raw = AtomicEntries(), dict[str, bytes]()
    apply(raw, entries.round({"fact a": b"1"}, raw))
    head, content = raw[MARK][:8], raw[MARK][HEAD:]
    longer = head + struct.pack("<ii", len(content) + 1, -1) + content + b"?"
    with pytest.raises(ValueError, match="none of this program's"):
        AtomicEntries().restore({**raw, MARK: longer})


def test_a_mark_that_does_not_say_how_many_is_believed() -> None:
    raw: dict[str, bytes] = {}
    apply(raw, AtomicEntries().round({"fact a": b"1"}, raw))
    # As versions before this one wrote it.
    assert AtomicEntries().restore({**raw, MARK: raw[MARK][:8] + b"\xff" * 8}) == {"fact a": b"1"}
