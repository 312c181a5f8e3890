"""Long entries: what was cut is joined again, with nothing left over; without one of its parts it is nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.long_entries import LongEntries

KEYS = st.sampled_from(["fact EH1 course", "fact EH2 course", "fact EH1 course + 1", "fact EH1 +a"])
ROUNDS = st.lists(st.dictionaries(KEYS, st.none() | st.binary(max_size=12)))


@given(ROUNDS, st.integers(1, 13), st.booleans())
def test_what_is_cut_is_joined_again(rounds: list[dict[str, bytes | None]], most: int, begins_anew: bool) -> None:
    entries, stands = LongEntries(most), dict[str, bytes]()
    kept: dict[str, bytes] = {}
    for changes in rounds:
        for now, parts in ((kept, changes), (stands, entries.cut(changes))):
            for key, content in parts.items():
                if content is None:
                    now.pop(key, None)
                else:
                    now[key] = content
        assert all(len(content) <= max(most, 2) for content in stands.values())
        if begins_anew:
            entries = LongEntries(most)
        assert entries.join(stands) == kept
    for key in entries.cut(dict.fromkeys(kept)):
        stands.pop(key, None)
    assert stands == {}


@pytest.mark.parametrize("changes", [{"fact": b"9"}, {}])
@pytest.mark.parametrize("missing", ["fact", "fact +0", "fact +1", "fact +2"])
def test_a_content_without_one_of_its_parts_is_none_and_nothing_is_left_of_it(
    missing: str, changes: dict[str, bytes | None]
) -> None:
    stands = dict(LongEntries(2).cut({"fact": b"12345", "other": b"1"}))
    assert stands.keys() == {"fact", "fact +0", "fact +1", "fact +2", "other"}
    del stands[missing]
    entries = LongEntries(2)
    assert entries.join({key: content for key, content in stands.items() if content is not None}) == {"other": b"1"}
    after = {**stands, **entries.cut(changes)}
    assert {key: content for key, content in after.items() if content is not None} == {**changes, "other": b"1"}


def test_short_contents_are_as_they_are() -> None:
    changes = {"fact": b"12", "other": None}
    assert LongEntries(2).cut(changes) is changes
