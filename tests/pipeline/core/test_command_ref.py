"""The ref: the same for the same parts, another for all others."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.command_ref import command_ref

PARTS = st.tuples(st.text("EH1", max_size=3), st.integers(0, 65_535), st.lists(st.binary(max_size=3), max_size=2))


@given(PARTS, PARTS)
def test_two_sendings_share_a_ref_exactly_where_all_parts_are_the_same(
    one: tuple[str, int, list[bytes]], other: tuple[str, int, list[bytes]]
) -> None:
    refs = [command_ref(serial, command_id, *parts) for serial, command_id, parts in (one, other)]
    assert (refs[0] == refs[1]) == (one == other)
    assert all(len(ref) == 32 and not set(ref) - set("0123456789abcdef") for ref in refs)


def test_parts_do_not_run_into_each_other() -> None:
    assert command_ref("EH1", 48, b"ab", b"c") != command_ref("EH1", 48, b"a", b"bc")
    assert command_ref("EH14", 8, b"") != command_ref("EH1", 48, b"")
