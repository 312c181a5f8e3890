"""Spans in words."""

import pytest

from pipeline.core.spans import span_in_words

S = 10**9


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (0.999, "0 s"),
        (1, "1 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (61, "1 min 1 s"),
        (1_200, "20 min"),
        (3_601, "1 h"),
        (3_900, "1 h 5 min"),
        (86_400, "1 day"),
        (86_400 + 3_600, "1 day 1 h"),
        (30 * 86_400 + 59, "30 days"),
    ],
)
def test_two_units_at_most_and_nothing_rounded_up(seconds: float, words: str) -> None:
    assert span_in_words(int(seconds * S)) == words
