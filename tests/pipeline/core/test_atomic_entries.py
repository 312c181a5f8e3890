"""Atomic entries: wherever a round is cut off, what is read back is one whole round or the one before."""

from collections.abc import Iterable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.atomic_entries import MARK, AtomicEntries, IncompleteEntriesError, RawEntry

KEYS = st.sampled_from(["fact a", "fact b", "fact c", "heard 1"])
CONTENTS = st.none() | st.binary(max_size=6)
ROUNDS = st.lists(st.tuples(st.dictionaries(KEYS, CONTENTS), st.none() | st.integers(0, 12)), max_size=12)


@given(ROUNDS)
def test_a_round_is_kept_whole_or_not_at_all(rounds: list[tuple[dict[str, bytes | None], int | None]]) -> None:
    raw: dict[str, bytes] = {}
    kept: dict[str, bytes] = {}
    entries = AtomicEntries()
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
            entries = AtomicEntries()
            assert entries.restore(raw) == kept
    assert AtomicEntries().restore(raw) == kept


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
    if MARK not in partly or partly == raw:
        return
    with suppress(IncompleteEntriesError):
        assert AtomicEntries().restore(partly) == kept


def test_how_many_are_missing_is_said_and_that_one_is_old() -> None:
    raw: dict[str, bytes] = {}
    entries = AtomicEntries()
    apply(raw, entries.round({"fact a": b"1", "fact b": b"2"}, raw))
    old = raw["fact a"]
    apply(raw, entries.round({"fact a": b"3"}, raw))
    with pytest.raises(IncompleteEntriesError, match=r"^1 of 2 entries were read$"):
        AtomicEntries().restore({key: content for key, content in raw.items() if key != "fact b"})
    with pytest.raises(IncompleteEntriesError, match=r"^other than the last 2 entries were read$"):
        AtomicEntries().restore({**raw, "fact a": old})
    with pytest.raises(IncompleteEntriesError, match=r"^3 of 2 entries were read$"):
        AtomicEntries().restore({**raw, "fact c": old})


def test_a_mark_that_does_not_say_how_many_is_believed() -> None:
    raw: dict[str, bytes] = {}
    apply(raw, AtomicEntries().round({"fact a": b"1"}, raw))
    # As versions before this one wrote it.
    assert AtomicEntries().restore({**raw, MARK: raw[MARK][:8] + b"\xff" * 8}) == {"fact a": b"1"}
