"""The blocks of the board about commands and alerts, and the last lines of the log.

Owns what each block says, and how it abbreviates where it has little room. Must not know where a block stands.
"""

from collections.abc import Sequence

from rich.text import Text

from pipeline.board_alerts import Silent
from pipeline.board_commands import MOST_COMMANDS, CommandSummary, Percentiles, WorstCharger
from pipeline.board_state import Snapshot
from pipeline.cli.board_line import format_clock, format_latency
from pipeline.cli.board_text import Room, Style, cells, heading, shorten
from pipeline.log import escape
from schemas.alert import Alert

_NOTHING_YET = "nothing yet"
_LABEL = 10
_LONG = 48
_FLEET = "-"
_RAISED = "!"

_ALERT_WIDTHS = (8, 1, 15)
_SHORT_ALERT_WIDTHS = (5, 1, 8)


def commands(snapshot: Snapshot, room: Room) -> list[Text]:
    """How the commands of the last hour stand, how soon they were answered, and what is silent now."""
    found = snapshot.commands
    gap = "  " if room.width >= _LONG else " "
    title = f"Last {MOST_COMMANDS:,} commands" if found.is_cut else "Commands, last hour"
    lines = [
        _counts([("open", found.open, Style.WAITING), *_answered(found)], gap),
        _counts(_unanswered(found), gap),
        _labelled("response", _percentiles(found.response, gap)),
        _labelled("delivery", _percentiles(found.delivery, gap)),
        _labelled("worst", _worst(found.worst), Style.FAULT if found.worst else Style.PLAIN),
        _labelled("silent", _silent(snapshot.silent), Style.FAULT if snapshot.silent.devices else Style.PLAIN),
    ]
    return [heading(title, room), *(_fitted(line, room) for line in lines)][: room.rows]


def alerts(snapshot: Snapshot, room: Room) -> list[Text]:
    """The last alerts that were raised or cleared: in much room with their words, in little about whom."""
    is_long = room.width >= _LONG
    widths = _ALERT_WIDTHS if is_long else _SHORT_ALERT_WIDTHS
    rest = room.width - sum(widths) - len(widths)
    lines = [
        cells(_alert_cells(alert, room, is_long=is_long), (*widths, rest), room.glyphs) for alert in snapshot.alerts
    ]
    shown = [_fitted(line, room) for line in lines] or [Text(_NOTHING_YET, Style.FAINT)]
    return [heading("Last alerts", room), *shown][: room.rows]


def log(lines: Sequence[str], room: Room) -> list[Text]:
    """The last lines of a log, the latest at the end. A line is cut at the width of the room."""
    most = max(room.rows - 1, 0)
    shown = lines[-most:] if most else ()
    return [heading("Log", room), *(_fitted(Text(escape(line)), room) for line in shown)][: room.rows]


def _answered(found: CommandSummary) -> list[tuple[str, int, Style]]:
    return [("accepted", found.accepted, Style.ACTIVE), ("rejected", found.rejected, Style.FAULT)]


def _unanswered(found: CommandSummary) -> list[tuple[str, int, Style]]:
    return [
        ("timed out", found.timed_out, Style.FAULT),
        ("expired", found.expired, Style.FAULT),
        ("late", found.late, Style.WAITING),
    ]


def _counts(counts: Sequence[tuple[str, int, Style]], gap: str) -> Text:
    """Numbers with their names; what there is nothing of has no colour."""
    line = Text()
    for name, count, style in counts:
        line.append(gap if len(line) else "")
        line.append(f"{name} ", Style.FAINT)
        line.append(f"{count:,}", style if count else Style.PLAIN)
    return line


def _percentiles(found: Percentiles | None, gap: str) -> str:
    if found is None:
        return _NOTHING_YET
    return gap.join(f"{name} {format_latency(value)}" for name, value in zip(("p50", "p95", "p99"), found, strict=True))


def _worst(worst: WorstCharger | None) -> str:
    return "no command failed" if worst is None else f"{worst.serial}: {worst.failed:,} of {worst.sent:,} failed"


def _silent(silent: Silent) -> str:
    return f"{silent.devices:,}: {' '.join(silent.serials)}" if silent.devices else "nobody"


def _alert_cells(alert: Alert, room: Room, *, is_long: bool) -> list[tuple[str, Style]]:
    style = Style.FAULT if alert.active else Style.FAINT
    # The ref is 32 signs long; whoever wants it has it in the log and in the row.
    words = escape(alert.message.replace(f" (ref {alert.ref})", ""))
    about = [alert.kind, words] if is_long else [_subject(alert), alert.kind]
    return [
        (format_clock(alert.at, with_seconds=is_long), Style.FAINT),
        (_RAISED if alert.active else room.glyphs.yes, style),
        (about[0], Style.PLAIN),
        (about[1], style),
    ]


def _subject(alert: Alert) -> str:
    return "fleet" if alert.serial == _FLEET else escape(alert.serial)


def _labelled(label: str, value: str, style: Style = Style.PLAIN) -> Text:
    return Text.assemble((label.ljust(_LABEL), Style.FAINT), (value, style))


def _fitted(line: Text, room: Room) -> Text:
    """`line` with a sign where it is too long. A letter may be two columns wide."""
    if line.cell_len > room.width:
        line.truncate(max(room.width - 1, 0))
        line.append(shorten(room.glyphs.more, room.width, room.glyphs), Style.FAINT)
    return line
