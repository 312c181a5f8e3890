"""A page for each dashboard: its panels where its file places them, as HTML that needs nothing else.

Owns the page, and the panels that are no charts: numbers, tables, texts. Must not know servers.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from html import escape
from importlib.resources import files

import orjson

from tests.dashboards.boards import Board
from tests.dashboards.nodes import Json, at, items, number, text
from tests.pictures.axes import Drawn
from tests.pictures.charts import CHARTS, Figure
from tests.pictures.frames import TIME, Column, Frame, Value

_PLOTLY = files("plotly") / "package_data" / "plotly.min.js"
Draw = Callable[[Json], Drawn]
"""From a panel to what it shows."""

_COLUMNS, _WIDTH, _ROW, _GAP = 24, 1_800, 38, 8
_ROWS_SHOWN = 40
_STYLE = """
body{margin:0;background:#111217;color:#ccccdc;font:13px sans-serif}
h1{font-size:18px;margin:12px 16px 0}h1 small{color:#8e8e99;font-weight:normal;margin-left:12px}
.board{position:relative;margin:8px}
.panel{position:absolute;background:#181b1f;border:1px solid #2c2f36;border-radius:2px;overflow:hidden}
.title{padding:6px 8px 0;font-weight:500;height:20px;white-space:nowrap}
.body{position:absolute;top:26px;left:4px;right:4px;bottom:4px;overflow:hidden}
.row{position:absolute;font-weight:500;padding-top:8px}
.stats{display:flex;height:100%}
.stat{flex:1;display:flex;flex-direction:column;align-items:center;justify-content:center;border-radius:2px}
.stat b{font-size:30px;font-weight:500}.stat.small b{font-size:20px}
table{border-collapse:collapse;width:100%;font-size:12px}
th{text-align:left;color:#6e9fff;font-weight:500}
th,td{padding:4px 8px;border-bottom:1px solid #2c2f36;white-space:nowrap}
.none{display:flex;height:100%;align-items:center;justify-content:center;color:#8e8e99;font-size:16px}
"""


def page(board: Board, draw: Draw, words: str) -> str:
    """The dashboard as HTML; `words` say what it is a picture of."""
    parts: list[str] = []
    charts: dict[str, Figure] = {}
    top = 0.0
    for panel in _all_panels(board):
        place = _place(panel)
        top = max(top, place["y"] + place["h"])
        style = f"left:{place['x']}px;top:{place['y']}px;width:{place['w']}px;height:{place['h']}px"
        if text(panel, "type") == "row":
            parts.append(f'<div class="row" style="{style}">▾ {escape(text(panel, "title"))}</div>')
            continue
        name = f"p{number(panel, 'id'):.0f}"
        body = _body(panel, draw(panel), name, charts)
        title = escape(text(panel, "title"))
        parts.append(
            f'<div class="panel" style="{style}" title="{escape(text(panel, "description"))}">'
            f'<div class="title">{title}</div><div class="body" id="{name}">{body}</div></div>'
        )
    script = "".join(
        f"Plotly.newPlot('{name}',{_json(figure.data)},{_json(figure.layout)},{{staticPlot:true}});"
        for name, figure in charts.items()
    )
    title = escape(text(board.content, "title"))
    return (
        f'<!doctype html><html><head><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
        f"<script>{_PLOTLY.read_text('utf-8') if charts else ''}</script></head><body>"
        f"<h1>{title}<small>{escape(words)}</small></h1>"
        f'<div class="board" style="width:{_WIDTH}px;height:{top:.0f}px">{"".join(parts)}</div>'
        f"<script>{script}</script></body></html>"
    )


def height_of(board: Board) -> int:
    """How high its page is, in pixels."""
    return int(max(place["y"] + place["h"] for place in map(_place, _all_panels(board)))) + 60


def _all_panels(board: Board) -> list[Json]:
    """Headings, too; panels of collapsed rows stand below their heading, as when it is opened."""
    found: list[Json] = []
    for panel in items(board.content, "panels"):
        found += [panel, *items(panel, "panels")]
    return found


def _place(panel: Json) -> Mapping[str, float]:
    x, y, w, h = (number(panel, "gridPos", key) or 0 for key in "xywh")
    column = _WIDTH / _COLUMNS
    return {"x": x * column, "y": y * _ROW, "w": w * column - _GAP, "h": h * _ROW - _GAP}


def _body(panel: Json, drawn: Drawn, name: str, charts: dict[str, Figure]) -> str:
    kind = text(panel, "type")
    if kind == "text":
        return _markdown(text(panel, "options", "content"))
    if not any(frame.length for frame in drawn.frames):
        return f'<div class="none">{escape(drawn.field("").no_value)}</div>'
    if kind in CHARTS:
        figure = CHARTS[kind](drawn)
        column = _place(panel)
        layout = {**figure.layout, "width": column["w"] - 8, "height": column["h"] - 32}
        charts[name] = figure._replace(layout=layout)
        return ""
    return {"stat": _stat, "table": _table}[kind](drawn)


def _stat(drawn: Drawn) -> str:
    """The last value of each field that the panel wants, large."""
    wanted = text(drawn.panel, "options", "reduceOptions", "fields")
    is_background = text(drawn.panel, "options", "colorMode") == "background"
    chosen = [column for frame in drawn.frames for column in _chosen(frame, wanted)]
    cells = []
    for column in chosen:
        value = next((each for each in reversed(column.values) if each is not None), None)
        field = drawn.field(column.name)
        shown = field.show(value, drawn.now)
        words = shown.text if value is not None else field.no_value
        colour = shown.colour or "#CCCCDC"
        style = f"background:{colour};color:#111217" if is_background else f"color:{colour}"
        label = f"<span>{escape(column.name)}</span>" if len(chosen) > 1 else ""
        small = " small" if len(words) > 12 or len(chosen) > 2 else ""
        cells.append(f'<div class="stat{small}" style="{style}">{label}<b>{escape(words)}</b></div>')
    return f'<div class="stats">{"".join(cells)}</div>'


def _chosen(frame: Frame, wanted: str) -> list[Column]:
    if wanted:
        return [column for column in frame.columns if re.search(wanted.strip("/"), column.name)]
    return [column for column in frame.columns if column.name != TIME and not _is_text(column.values)]


def _is_text(values: Sequence[Value]) -> bool:
    return all(isinstance(value, str) for value in values if value is not None)


def _table(drawn: Drawn) -> str:
    (frame,) = drawn.frames[:1]
    fields = [drawn.field(column.name) for column in frame.columns]
    head = "".join(f"<th>{escape(column.name)}</th>" for column in frame.columns)
    lines = []
    for row in list(zip(*(column.values for column in frame.columns), strict=True))[:_ROWS_SHOWN]:
        cells = []
        for column, field, value in zip(frame.columns, fields, row, strict=True):
            shown = field.show(value, drawn.now)
            is_time = column.name == TIME and isinstance(value, float) and field.unit in ("", "none", "short")
            words = field.show(value, drawn.now).text if not is_time else f"{value:.0f}"
            is_coloured = at(field.custom("cellOptions"), "type") == "color-text"
            style = f' style="color:{shown.colour}"' if is_coloured and shown.colour else ""
            cells.append(f"<td{style}>{escape(words)}</td>")
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return f"<table><tr>{head}</tr>{''.join(lines)}</table>"


def _json(node: object) -> str:
    """For a script of a page, which ends where `</` begins its end."""
    return orjson.dumps(node, default=dict).decode().replace("</", "<\\/")


def _markdown(content: str) -> str:
    """The tables that our texts are."""
    lines = []
    for place, line in enumerate(content.splitlines()):
        if place == 1:
            continue
        cells = [re.sub(r"\[([^\]]+)\]\([^)]*\)", r"<u>\1</u>", escape(cell)) for cell in line.strip("|").split("|")]
        tag = "td" if place else "th"
        lines.append("<tr>" + "".join(f"<{tag}>{cell.strip()}</{tag}>" for cell in cells) + "</tr>")
    return f"<table>{''.join(lines)}</table>"
