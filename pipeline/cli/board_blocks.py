"""The blocks of the board: fleet, stream, oddities, chargers, answers.

Owns what each block says, and how it abbreviates where it has little room. Must not know where a block stands.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from rich.text import Text

from pipeline.board_state import OFFLINE, Answer, ChargerLine, ModeCount, SiteLine, Snapshot
from pipeline.board_windows import LatencySummary
from pipeline.cli.board_line import format_clock, format_latency
from pipeline.cli.board_text import Glyphs, Room, Style, bar, cells, curve, filled, heading, shorten
from schemas.reject import RejectReason
from schemas.surprise import Surprise

_Counts = Counter[RejectReason] | Counter[Surprise]

_NO_VALUE = "-"
_NOTHING_YET = "nothing yet"

MODES: Mapping[int | None, Style] = MappingProxyType(
    {
        3: Style.ACTIVE,
        6: Style.WAITING,
        2: Style.WAITING,
        7: Style.WAITING,
        8: Style.WAITING,
        4: Style.DONE,
        1: Style.IDLE,
        5: Style.FAULT,
        OFFLINE: Style.UNREACHABLE,
    }
)
"""The colour of each op mode, in the order in which they are shown; any other comes after them, plain."""

_LONG_NAMES = 40
_NAME, _SHORT_NAME = 23, 16
_COUNT = 5
_LABEL = 11
_LISTED = 20
_MS_PER_S = 1_000
_LONG_WAIT_MS = 10_000

_LONG_CHARGERS = 48
_CHARGER_TITLES = ("charger", "mode", "kW", "kWh", "dBm")
_CHARGER_WIDTHS = (8, 16, -5, -6, -9)
_SHORT_CHARGER_WIDTHS = (8, 12, -4, -4, -4)

_LONG_ANSWERS = 65
_ANSWER_TITLES = ("time", "charger", "command", "answer", "delivery", "response")
_ANSWER_WIDTHS = (8, 8, 0, 8, -8, -8)
_SHORT_ANSWER_TITLES = ("time", "charger", "command", "", "deliv", "resp")
_SHORT_ANSWER_WIDTHS = (5, 8, 0, 1, -5, -5)
_LONGEST_COMMAND = 32


def fleet(snapshot: Snapshot, room: Room) -> list[Text]:
    """Chargers by mode, and the power of all, now and before."""
    most = room.rows - 2
    names = _NAME if room.width >= _LONG_NAMES else _SHORT_NAME
    modes = shown_modes(snapshot.modes, most)
    largest = max((mode.chargers for mode in modes), default=0)
    lines = [_mode_line(mode, largest, names, room) for mode in modes]
    power = f"Power {snapshot.power_kw:,.0f} kW "
    history = curve(snapshot.power_history, room.width - len(power), room.glyphs)
    return [
        heading("Fleet", room),
        *filled(lines, most),
        Text.assemble((power, Style.STRONG), (history, Style.ACTIVE)),
    ]


def stream(snapshot: Snapshot, room: Room) -> list[Text]:
    """What came, what became of it, how old it was on arrival, and the sites' meters."""
    totals = snapshot.totals
    rejected, surprises = totals.rejected.total(), totals.surprises.total()
    lines = [
        _labelled("messages", f"{snapshot.messages_a_second:,.0f} a second", Style.STRONG),
        _labelled("delivered", f"{totals.delivered:,}"),
        _labelled("written", f"{totals.written:,}"),
        _labelled("rejected", f"{rejected:,}{_by_name(totals.rejected)}", Style.FAULT if rejected else Style.PLAIN),
        _labelled("surprises", f"{surprises:,}{_by_name(totals.surprises)}"),
        _labelled("latency", _latency(snapshot.latency)),
        _labelled("sites", f"{snapshot.equalizers}, importing {snapshot.import_kw:,.1f} kW"),
    ]
    if totals.commands:
        lines.insert(3, _labelled("commands", f"{totals.commands:,}"))
    lines += [_labelled("", line) for line in _packed(snapshot.sites, room.width - _LABEL)]
    return [heading("Stream", room), *(_cut(line, room) for line in lines[: room.rows - 1])]


def oddities(snapshot: Snapshot, room: Room) -> list[Text]:
    """Rejects by reason and surprises by kind, the most frequent first."""
    rejects = _listed(snapshot.totals.rejected, Style.FAULT)
    surprises = _listed(snapshot.totals.surprises, Style.PLAIN)
    return [heading("Rejects", room), *rejects, heading("Surprises", room), *surprises][: room.rows]


def chargers(snapshot: Snapshot, room: Room) -> list[Text]:
    """The busiest chargers."""
    is_long = room.width >= _LONG_CHARGERS
    widths = _CHARGER_WIDTHS if is_long else _SHORT_CHARGER_WIDTHS
    titles = _titles(_CHARGER_TITLES, widths, room.glyphs)
    lines = [cells(_charger_cells(line, is_long=is_long), widths, room.glyphs) for line in snapshot.busiest]
    return [heading("Busiest chargers", room), titles, *_or_nothing(lines)][: room.rows]


def answers(snapshot: Snapshot, room: Room) -> list[Text]:
    """The last command responses, their latencies in milliseconds."""
    is_long = room.width >= _LONG_ANSWERS
    widths = _with_rest(_ANSWER_WIDTHS if is_long else _SHORT_ANSWER_WIDTHS, room.width, _LONGEST_COMMAND)
    titles = _titles(_ANSWER_TITLES if is_long else _SHORT_ANSWER_TITLES, widths, room.glyphs)
    lines = [cells(_answer_cells(line, room.glyphs, is_long=is_long), widths, room.glyphs) for line in snapshot.answers]
    return [heading("Last command responses, ms", room), titles, *_or_nothing(lines)][: room.rows]


def shown_modes(modes: Sequence[ModeCount], most: int) -> list[ModeCount]:
    """The modes in the order of a board, `most` at most: empty ones go first, then the last ones become one line."""
    order = list(MODES)
    ordered = sorted(modes, key=lambda mode: order.index(mode.code) if mode.code in order else len(order))
    if len(ordered) > most:
        ordered = [mode for mode in ordered if mode.chargers]
    if len(ordered) > most:
        others = sum(mode.chargers for mode in ordered[most - 1 :])
        ordered = [*ordered[: most - 1], ModeCount(None, "Others", others)]
    return ordered


def _mode_line(mode: ModeCount, largest: int, names: int, room: Room) -> Text:
    style = MODES.get(mode.code, Style.PLAIN)
    dot = f"{room.glyphs.dot} "
    name = shorten(mode.name, names, room.glyphs).ljust(names)
    count = f"{mode.chargers:>{_COUNT},} "
    share = bar(mode.chargers / max(largest, 1), room.width - len(dot + name + count), room.glyphs)
    return Text.assemble(
        (dot, style),
        (name, Style.PLAIN if mode.chargers else Style.FAINT),
        (count, Style.STRONG if mode.chargers else Style.FAINT),
        (share, style),
    )


def _labelled(label: str, value: str, style: Style = Style.PLAIN) -> Text:
    return Text.assemble((label.ljust(_LABEL), Style.FAINT), (value, style))


def _by_name(counts: _Counts) -> str:
    return ": " + ", ".join(f"{name} {count:,}" for name, count in counts.most_common()) if counts else ""


def _listed(counts: _Counts, style: Style) -> list[Text]:
    return _or_nothing([Text(f"{name:<{_LISTED}}{count:>8,}", style) for name, count in counts.most_common()])


def _latency(latency: LatencySummary | None) -> str:
    if latency is None:
        return _NOTHING_YET
    return "  ".join(
        f"{name} {format_latency(value)}" for name, value in zip(("p50", "p95", "max"), latency, strict=True)
    )


def _packed(sites: Sequence[SiteLine], width: int) -> Iterable[str]:
    """Sites and their import, as many on a line as there is room for."""
    line = ""
    for site in sites:
        piece = f"{site.serial} {_figure(site.import_kw)} kW"
        if line and len(line) + len(piece) + 2 > width:
            yield line
            line = ""
        line += f"  {piece}" if line else piece
    if line:
        yield line


def _charger_cells(line: ChargerLine, *, is_long: bool) -> list[tuple[str, Style]]:
    signal = _NO_VALUE if line.signal_dbm is None else f"{line.signal_dbm:.0f}"
    if line.is_on_cellular:
        signal = f"cell {signal}" if is_long and line.signal_dbm is not None else "cell"
    return [
        (line.serial, Style.PLAIN),
        (line.mode, MODES.get(line.code, Style.PLAIN)),
        (_figure(line.power_kw), Style.STRONG if line.power_kw else Style.FAINT),
        (_figure(line.session_kwh), Style.PLAIN),
        (signal, Style.FAINT),
    ]


def _answer_cells(answer: Answer, glyphs: Glyphs, *, is_long: bool) -> list[tuple[str, Style]]:
    sign, word = (glyphs.yes, "accepted") if answer.accepted else (glyphs.no, "refused")
    return [
        (format_clock(answer.at, with_seconds=is_long), Style.FAINT),
        (answer.serial, Style.PLAIN),
        (answer.command, Style.PLAIN),
        (word if is_long else sign, Style.ACTIVE if answer.accepted else Style.FAULT),
        (_milliseconds(answer.delivery_ms, is_long=is_long), Style.PLAIN),
        (_milliseconds(answer.response_ms, is_long=is_long), Style.PLAIN),
    ]


def _with_rest(widths: Sequence[int], width: int, most: int) -> list[int]:
    """Widths whose 0 became what the others, and the gaps between them, leave over."""
    rest = width - sum(map(abs, widths)) - (len(widths) - 1)
    return [column or min(rest, most) for column in widths]


def _figure(value: float | None) -> str:
    return _NO_VALUE if value is None else f"{value:.1f}"


def _milliseconds(value: float | None, *, is_long: bool) -> str:
    if value is None:
        return _NO_VALUE
    return f"{value:.0f}" if is_long or abs(value) < _LONG_WAIT_MS else f"{value / _MS_PER_S:.0f} s"


def _titles(titles: Sequence[str], widths: Sequence[int], glyphs: Glyphs) -> Text:
    return cells([(title, Style.FAINT) for title in titles], widths, glyphs)


def _cut(line: Text, room: Room) -> Text:
    """`line` with a sign where it is too long."""
    if len(line) > room.width:
        line.right_crop(len(line) - room.width + 1)
        line.append(room.glyphs.more, Style.FAINT)
    return line


def _or_nothing(lines: list[Text]) -> list[Text]:
    return lines or [Text(_NOTHING_YET, Style.FAINT)]
