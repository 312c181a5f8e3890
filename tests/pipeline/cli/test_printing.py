"""What reaches a terminal: nothing that could steer it, and columns that stand under each other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.cli.printing import print_table, printable


@given(st.text(alphabet=st.characters(exclude_categories=())))
def test_only_printable_characters_are_left(text: str) -> None:
    assert printable(text).isprintable()


def test_printable_text_is_left_alone() -> None:
    assert printable("Ærlig talt 10 °C") == "Ærlig talt 10 °C"


@pytest.mark.parametrize(
    ("text", "safe"),
    [("\x1b[31mred", "\\x1b[31mred"), ("two\nlines", "two\\nlines"), ("\x9b", "\\x9b"), ("\udc80", "\\udc80")],
)
def test_what_could_steer_a_terminal_is_escaped(text: str, safe: str) -> None:
    assert printable(text) == safe


def test_a_plain_table_has_its_columns_under_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("id", "name"), [("1", "a\nb"), ("1000", "c")])

    assert capsys.readouterr().out == "id    name\n1     a\\nb\n1000  c\n"
