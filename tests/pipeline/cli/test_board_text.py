"""Pieces of text: each fits its width exactly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from pipeline.cli.board_text import (
    ASCII,
    UNICODE,
    Room,
    Style,
    bar,
    beside,
    both_ends,
    cells,
    curve,
    filled,
    heading,
    shorten,
)


def test_a_heading_goes_to_the_end_of_its_room() -> None:
    assert heading("Fleet", Room(10, 1, UNICODE)).plain == "Fleet ────"


@pytest.mark.parametrize(
    ("width", "short"), [(9, "Completed"), (8, "Complet…"), (2, "C…"), (1, "…"), (0, ""), (-1, "")]
)
def test_what_is_cut_shows_it(width: int, short: str) -> None:
    assert shorten("Completed", width, UNICODE) == short


def test_cells_stand_to_the_left_and_to_the_right() -> None:
    line = cells([("ab", Style.PLAIN), ("7", Style.STRONG), ("toolong", Style.FAULT)], (3, -3, 4), UNICODE)

    assert line.plain == "ab    7 too…"


@pytest.mark.parametrize(("share", "shown"), [(0.0, ""), (0.001, "#"), (0.5, "#####"), (1.0, "##########")])
def test_a_bar_shows_its_share_and_whatever_is_more_than_nothing(share: float, shown: str) -> None:
    assert bar(share, 10, ASCII) == shown
    assert bar(share, 0, ASCII) == ""


def test_a_curve_goes_from_the_lowest_to_the_highest_of_what_it_shows() -> None:
    assert curve((100.0, 0.0, 3.5, 7.0), 3, UNICODE) == "▁▅█"
    assert curve((5.0, 5.0), 9, UNICODE) == "▁▁"
    assert curve((), 9, UNICODE) == curve((5.0,), 0, UNICODE) == ""


@given(st.lists(st.floats(-1e12, 1e12), max_size=80), st.integers(0, 100))
def test_a_curve_fits_its_width(values: list[float], width: int) -> None:
    assert len(curve(values, width, UNICODE)) == min(len(values), width)


def test_what_does_not_fit_beside_the_left_end_goes() -> None:
    left, right = Text("left"), Text("right", Style.FAINT)

    assert both_ends(left, right, 12).plain == "left   right"
    assert both_ends(left, right, 9).plain == "left"


def test_blocks_stand_beside_each_other_and_are_cut_to_their_widths() -> None:
    lines = beside([([Text("aaaa"), Text("b")], 3), ([Text("c")], 2)])

    assert [line.plain for line in lines] == ["aaa  c ", "b      "]


def test_a_style_ends_where_its_piece_ends() -> None:
    [line] = beside([([heading("Fleet", Room(8, 1, UNICODE))], 8), ([Text("plain")], 5)])

    assert not line.style
    assert [line.plain[span.start : span.end] for span in line.spans if span.style] == ["Fleet ", "──"]


def test_missing_lines_are_filled() -> None:
    assert [line.plain for line in filled([Text("a")], 3)] == ["a", "", ""]
    assert len(filled([Text("a")] * 4, 3)) == 4


def test_plain_signs_are_ascii_and_each_sign_is_one_column() -> None:
    assert all(sign.isascii() for sign in ASCII)
    assert all(len(sign) == 1 for glyphs in (ASCII, UNICODE) for sign in glyphs[:-1])
    assert len(ASCII.levels) == len(UNICODE.levels)
