"""Line protocol: what the server reads is what the row holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.line_protocol import to_line
from schemas.row import Row
from tests.oracle.stores import rows_of_line_protocol

TIME = 1_686_207_556_557_013_907

LINES = {
    "number": (
        Row("charger_limit", "EH000281", "", (), TIME, (("dynamic_charger_current_a", 13.0),)),
        f"charger_limit,charger=EH000281 dynamic_charger_current_a=13.0 {TIME}",
    ),
    "small and large numbers": (
        Row("m", "c", "", (), 1, (("a", 1e-07), ("b", 1e16), ("c", -0.0))),
        "m,charger=c a=1e-07,b=1e+16,c=-0.0 1",
    ),
    "text": (
        Row("m", "c", "", (), 1, (("a", 'q"uote \\ back\nline, comma=1'),)),
        'm,charger=c a="q\\"uote \\\\ back\nline, comma=1" 1',
    ),
    "empty text": (Row("m", "c", "", (), 1, (("a", ""),)), 'm,charger=c a="" 1'),
    "tags": (
        Row("m", "c", "a site, with=all\\", (("command", "Reboot"), ("zone", "z")), 1, (("a", 1.0),)),
        "m,charger=c,command=Reboot,site=a\\ site\\,\\ with\\=all/,zone=z a=1.0 1",
    ),
    "line breaks in tags": (Row("m", "c", "a\r\n\tb", (), 1, (("a", 1.0),)), "m,charger=c,site=a\\ \\ \\ b a=1.0 1"),
}


@pytest.mark.parametrize(("row", "line"), LINES.values(), ids=LINES.keys())
def test_a_row_is_one_line(row: Row, line: str) -> None:
    assert to_line(row) == line


VALUES = st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=12))
FIELDS = st.dictionaries(st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True), VALUES, min_size=1, max_size=4)
PLAIN = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\\"), min_size=1, max_size=8)


@given(st.lists(st.tuples(PLAIN, FIELDS, st.integers(1, 2**62)), max_size=8))
def test_lines_are_read_back_as_the_rows_they_were(content: list[tuple[str, dict[str, float | str], int]]) -> None:
    rows = [Row("m", "EH1", "", (("command", tag),), time, tuple(fields.items())) for tag, fields, time in content]
    expected: dict[object, dict[str, float | str]] = {}
    for row in rows:
        expected.setdefault(("m", "EH1", row.tags, row.time), {}).update(dict(row.fields))
    assert rows_of_line_protocol("".join(to_line(row) + "\n" for row in rows)) == expected
