"""Pieces of text that the board is made of: cells, bars, curves, headings, blocks side by side.

Owns how a piece is fitted to its width, with signs that the terminal can show. A block is a list of lines. Must not
know what is shown.
"""

from collections.abc import Sequence
from enum import StrEnum
from itertools import zip_longest
from typing import NamedTuple

from rich.text import Text

GAP = 2
"""Columns between two blocks."""


class Style(StrEnum):
    """How serious a thing looks; each is a style of rich."""

    ACTIVE = "green"
    WAITING = "yellow"
    DONE = "cyan"
    IDLE = "bright_black"
    FAULT = "bold red"
    UNREACHABLE = "magenta"
    PLAIN = ""
    FAINT = "dim"
    STRONG = "bold"


class Glyphs(NamedTuple):
    """The signs that a terminal can show; `levels` from the lowest to the highest."""

    dot: str
    bar: str
    rule: str
    more: str
    yes: str
    no: str
    levels: str


UNICODE = Glyphs(dot="●", bar="█", rule="─", more="…", yes="✓", no="✗", levels="▁▂▃▄▅▆▇█")
ASCII = Glyphs(dot="*", bar="#", rule="-", more="~", yes="y", no="N", levels="_.-=+*#@")


class Room(NamedTuple):
    """What a block may take: `rows` lines of `width` columns."""

    width: int
    rows: int
    glyphs: Glyphs


def heading(title: str, room: Room) -> Text:
    """A title, and a rule to the end of the room."""
    rule = room.glyphs.rule * (room.width - len(title) - 1)
    return Text.assemble((f"{title} ", Style.STRONG), (rule, Style.FAINT))


def shorten(text: str, width: int, glyphs: Glyphs) -> str:
    """`text`, cut where it is longer than `width`, which shows."""
    return text if len(text) <= width else text[: max(width - 1, 0)] + glyphs.more[: max(width, 0)]


def cells(values: Sequence[tuple[str, Style]], widths: Sequence[int], glyphs: Glyphs) -> Text:
    """A line of a table: each value in its width, to the right where that is negative; one column between them."""
    line = Text()
    for place, ((value, style), width) in enumerate(zip(values, widths, strict=True)):
        short = shorten(value, abs(width), glyphs)
        line.append(" " if place else "")
        line.append(short.rjust(-width) if width < 0 else short.ljust(width), style)
    return line


def bar(share: float, width: int, glyphs: Glyphs) -> str:
    """A bar of `share` (0 to 1) of `width`; whatever is more than nothing is seen."""
    return glyphs.bar * max(round(share * width), 1 if share > 0 and width > 0 else 0)


def curve(values: Sequence[float], width: int, glyphs: Glyphs) -> str:
    """The last `width` values as a line of levels, from the lowest to the highest of them."""
    shown = values[-width:] if width > 0 else ()
    lowest, highest = min(shown, default=0.0), max(shown, default=0.0)
    steps = (len(glyphs.levels) - 1) / (highest - lowest) if highest > lowest else 0.0
    return "".join(glyphs.levels[round((value - lowest) * steps)] for value in shown)


def both_ends(left: Text, right: Text, width: int) -> Text:
    """`left` at the beginning and `right` at the end of a line; `right` goes where both do not fit."""
    space = width - len(left) - len(right)
    return left if space < 1 else Text.assemble(left, " " * space, right)


def beside(blocks: Sequence[tuple[Sequence[Text], int]]) -> list[Text]:
    """Blocks with their widths, next to each other, as lines."""
    lines = []
    for row in zip_longest(*(block for block, _ in blocks)):
        line = Text()
        for piece, (_, width) in zip(row, blocks, strict=True):
            if len(line):
                line.append(" " * GAP)
            fitted = Text() if piece is None else piece.copy()
            fitted.truncate(width, pad=True)
            line.append(fitted)
        lines.append(line)
    return lines


def filled(lines: Sequence[Text], rows: int) -> list[Text]:
    """`lines`, and empty ones up to `rows`."""
    return [*lines, *(Text() for _ in range(rows - len(lines)))]
