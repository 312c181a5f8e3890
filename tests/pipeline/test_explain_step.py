"""Cutting long text short."""

from pipeline.explain_step import in_short


def test_short_text_is_left_alone() -> None:
    assert in_short("x" * 200) == "x" * 200


def test_long_text_is_cut_and_says_how_long_it_was() -> None:
    assert in_short("x" * 5_000) == "x" * 200 + "… (5000 characters)"
