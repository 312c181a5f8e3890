"""Tables in documents: nothing but what stands between the marks is replaced."""

import pytest

from pipeline.marked_tables import replace_table

BEGIN, END = "<!-- t -->\n", "<!-- /t -->\n"


def test_only_what_stands_between_the_marks_is_replaced() -> None:
    document = f"before\n{BEGIN}old\n{END}after\n"
    replaced = f"before\n{BEGIN}new\n{END}after\n"
    assert replace_table(document, "t", "new\n") == replaced == replace_table(replaced, "t", "new\n")


@pytest.mark.parametrize("document", ["", BEGIN, f"{END}{BEGIN}"])
def test_a_document_without_marks_is_refused(document: str) -> None:
    with pytest.raises(ValueError, match="<!-- t -->"):
        replace_table(document, "t", "")
