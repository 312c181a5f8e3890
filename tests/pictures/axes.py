"""What charts have in common: what they are drawn of, and their axes.

Owns ticks, limits, threshold lines and colours of the paper. Must not know any kind of panel.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from math import ceil, floor, log10
from types import MappingProxyType
from typing import NamedTuple

from tests.dashboards.nodes import Json, at, items, number, text
from tests.pictures.fields import COLOURS, Field, write
from tests.pictures.frames import TIME, Column, Frame, Value

_GRID = "rgba(204,204,220,0.12)"

BARE: Mapping[str, object] = MappingProxyType(
    {
        "paper_bgcolor": "#181B1F",
        "plot_bgcolor": "#181B1F",
        "margin": {"l": 8, "r": 8, "t": 4, "b": 4},
        "font": {"color": COLOURS["text"], "size": 11, "family": "sans-serif"},
        "showlegend": False,
    }
)
PLAIN_AXIS: Mapping[str, object] = MappingProxyType(
    {"gridcolor": _GRID, "color": COLOURS["text"], "automargin": True, "zerolinecolor": _GRID}
)


class Drawn(NamedTuple):
    """What a panel shows: its frames after all transformations, over a span of time; `now` is its end, nanoseconds."""

    panel: Json
    frames: Sequence[Frame]
    begin: float
    now: float

    def field(self, name: str) -> Field:
        """The settings of a field."""
        return Field(at(self.panel, "fieldConfig"), name)

    def series(self) -> list[tuple[Sequence[Value], Column]]:
        """Times and values of each field that is not time."""
        return [
            (times.values, column)
            for frame in self.frames
            if (times := frame.column(TIME)) is not None
            for column in frame.columns
            if column.name != TIME
        ]


def axes(drawn: Drawn) -> dict[str, object]:
    """The layout of a chart over time."""
    lines = [
        {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": value, "y1": value, "line": {"color": colour}}
        for value, colour in _threshold_lines(drawn.panel)
    ]
    span = [date_of(drawn.begin), date_of(drawn.now)]
    has_right = any(drawn.field(column.name).custom("axisPlacement") == "right" for _, column in drawn.series())
    right = {"yaxis2": {**PLAIN_AXIS, "overlaying": "y", "side": "right", "showgrid": False}} if has_right else {}
    return {
        **BARE,
        "xaxis": {**PLAIN_AXIS, "type": "date", "range": span},
        "yaxis": axis(drawn),
        "legend": {"orientation": "h", "y": -0.18, "font": {"size": 10}},
        "shapes": lines,
        **right,
    }


def axis(drawn: Drawn) -> dict[str, object]:
    """Ticks are written in the panel's unit."""
    defaults = at(drawn.panel, "fieldConfig", "defaults")
    unit, least = text(defaults, "unit"), number(defaults, "min")
    values = [value for _, column in drawn.series() for value in column.values if isinstance(value, float)]
    top, low = max(values, default=1.0), min(values, default=0.0)
    low = least if least is not None else low
    ticks = [low + (top - low) * part / 4 for part in range(5)]
    words = [write(tick, unit, None, drawn.now) for tick in ticks]
    most = number(defaults, "max")
    margin = (top - low) * 0.05
    limits: dict[str, object] = {"range": [low if least is not None else low - margin, most or top + margin]}
    if text(defaults, "custom", "stacking", "mode") == "normal":
        limits = {"rangemode": "tozero"}
    is_stacked = text(defaults, "custom", "stacking", "mode") == "normal"
    shown: dict[str, object] = {} if is_stacked else {"tickvals": ticks, "ticktext": words}
    return {**PLAIN_AXIS, **limits, **shown}


def log_axis(drawn: Drawn) -> dict[str, object]:
    """A tick for each power of ten."""
    unit = text(drawn.panel, "fieldConfig", "defaults", "unit")
    values = [
        value for _, column in drawn.series() for value in column.values if isinstance(value, float) and value > 0
    ]
    powers = range(floor(log10(min(values, default=1.0))), ceil(log10(max(values, default=1.0))) + 1)
    ticks = [10.0**power for power in powers]
    return {
        **PLAIN_AXIS,
        "type": "log",
        "tickvals": ticks,
        "ticktext": [write(tick, unit, None, drawn.now) for tick in ticks],
    }


def _threshold_lines(panel: Json) -> list[tuple[float, str]]:
    if text(panel, "fieldConfig", "defaults", "custom", "thresholdsStyle", "mode") != "line":
        return []
    steps = items(panel, "fieldConfig", "defaults", "thresholds", "steps")
    return [
        (value, COLOURS.get(text(step, "color"), text(step, "color")))
        for step in steps
        if (value := number(step, "value")) is not None
    ]


def float_of(value: Value) -> float:
    """A number; 0 for what is none."""
    return value if isinstance(value, float) else 0.0


def date_of(time: Value) -> str:
    """A time as plotly reads it."""
    return datetime.fromtimestamp(float_of(time) / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
