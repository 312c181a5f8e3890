"""The words of faults, taken apart."""

import pytest

from pipeline.check_step import split_words


@pytest.mark.parametrize(
    ("words", "fault", "step"),
    [
        ("it is full; make room", "it is full", "make room"),
        ("it is full", "it is full", ""),
        ("one; two; make room", "one; two", "make room"),
        ("", "", ""),
    ],
)
def test_the_last_part_is_the_next_step(words: str, fault: str, step: str) -> None:
    assert split_words(words) == (fault, step)
