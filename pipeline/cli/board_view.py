"""The live board as rich draws it: one screen, fitted to its size.

Owns the arrangement of the blocks. Must not know where a snapshot comes from, or the time. From 110 columns on there
are three blocks in the upper half, below that two; a smaller screen than 80 by 24 shows the upper left part.
"""

from collections.abc import Sequence

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from pipeline.board_state import Snapshot
from pipeline.cli import board_blocks as blocks
from pipeline.cli import board_command_blocks as command_blocks
from pipeline.cli.board_line import format_moment
from pipeline.cli.board_text import ASCII, GAP, UNICODE, Room, Style, beside, both_ends, filled, shorten

_LEAST_WIDTH, _LEAST_HEIGHT = 80, 24
_WIDE = 110
_TALL = 30
_TOP_ROWS = 10
_TALL_TOP_ROWS = 13
_FLEET, _WIDE_FLEET = 33, 42
_WIDE_STREAM = 45
_CHARGERS, _WIDE_CHARGERS = 36, 49
_COMMAND_ROWS = 7
_ALERT_ROWS, _TALL_ALERT_ROWS = 4, 6
_LEAST_ANSWER_ROWS = 3
_LOG_ROWS, _TALL_LOG_ROWS = 3, 6


class BoardView:
    """One snapshot on one screen."""

    def __init__(
        self, snapshot: Snapshot, title: str, pace: str, footer: str, log: Sequence[str] | None = None
    ) -> None:
        """`title` begins the first line; `pace`, how things go, ends it; `footer` is the last line.

        The last lines of `log` stand above it; without one their place is the other blocks'.
        """
        self._snapshot = snapshot
        self._title = title
        self._pace = pace
        self._footer = footer
        self._log = log

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """As many lines as the screen has, none longer than it is wide."""
        glyphs = ASCII if options.ascii_only else UNICODE
        width, height = options.max_width, options.height or options.size.height
        lines = self._lines(Room(max(width, _LEAST_WIDTH), max(height, _LEAST_HEIGHT), glyphs))
        for line in lines[:height]:
            line.no_wrap = True
            yield line

    def _lines(self, room: Room) -> list[Text]:
        is_tall = room.rows >= _TALL
        top_rows = _TALL_TOP_ROWS if is_tall else _TOP_ROWS
        top = [self._first_line(room), *([Text()] if is_tall else []), *self._top(room._replace(rows=top_rows))]
        top += [Text()] if is_tall else []
        end = self._end(room._replace(rows=_TALL_LOG_ROWS if is_tall else _LOG_ROWS))
        bottom = self._bottom(room._replace(rows=room.rows - len(top) - len(end)))
        return [*top, *bottom, *end]

    def _first_line(self, room: Room) -> Text:
        snapshot = self._snapshot
        devices = f"  {snapshot.chargers:,} chargers, {snapshot.equalizers:,} Equalizers"
        left = Text.assemble((self._title, Style.STRONG), devices)
        moment = f"{format_moment(snapshot.now)} UTC  "
        pace = shorten(self._pace, room.width - len(left) - len(moment) - 1, room.glyphs)
        return both_ends(left, Text(moment + pace, Style.FAINT), room.width)

    def _top(self, room: Room) -> list[Text]:
        snapshot = self._snapshot
        is_wide = room.width >= _WIDE
        fleet = room._replace(width=_WIDE_FLEET if is_wide else _FLEET)
        rest = room._replace(width=room.width - fleet.width - GAP)
        row = [(blocks.fleet(snapshot, fleet), fleet.width)]
        if is_wide:
            stream, rest = rest._replace(width=_WIDE_STREAM), rest._replace(width=rest.width - _WIDE_STREAM - GAP)
            row += [(blocks.stream(snapshot, stream), stream.width), (blocks.oddities(snapshot, rest), rest.width)]
        else:
            row += [(blocks.stream(snapshot, rest), rest.width)]
        return filled(beside(row), room.rows)

    def _bottom(self, room: Room) -> list[Text]:
        """Chargers beside commands; alerts on the side that has room for their words, or below the chargers."""
        is_wide = room.width >= _WIDE
        left = room._replace(width=_WIDE_CHARGERS if is_wide else _CHARGERS)
        right = room._replace(width=room.width - left.width - GAP)
        alert_rows = _TALL_ALERT_ROWS if is_wide and room.rows > _LEAST_HEIGHT - _TOP_ROWS else _ALERT_ROWS
        alerts = command_blocks.alerts(self._snapshot, (right if is_wide else left)._replace(rows=alert_rows))
        alerts = filled(alerts, alert_rows)
        chargers = left._replace(rows=room.rows - (0 if is_wide else alert_rows))
        answers = right._replace(rows=room.rows - _COMMAND_ROWS - (alert_rows if is_wide else 0))
        columns = [
            filled(blocks.chargers(self._snapshot, chargers), chargers.rows),
            filled(command_blocks.commands(self._snapshot, right), _COMMAND_ROWS),
        ]
        columns[1 if is_wide else 0] += alerts
        if answers.rows >= _LEAST_ANSWER_ROWS:
            columns[1] += blocks.answers(self._snapshot, answers)
        return filled(beside([(columns[0], left.width), (columns[1], right.width)]), room.rows)[: room.rows]

    def _end(self, room: Room) -> list[Text]:
        footer = Text(shorten(self._footer, room.width, room.glyphs), Style.FAINT)
        if self._log is None:
            return [footer]
        return [*filled(command_blocks.log(self._log, room), room.rows), footer]
