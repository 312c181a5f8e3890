"""Atomic entries: wherever a round is cut off, what is read back is one whole round or the one before."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.atomic_entries import AtomicEntries

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
