"""Charts: panels that are drawn by the chart library, each as its figure (traces and layout, as plotly has them).

Owns what each kind of panel looks like. Must not know pages, servers, or how an answer became frames.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from math import floor, log2
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from tests.dashboards.nodes import at, number, text
from tests.pictures.axes import BARE, PLAIN_AXIS, Drawn, axes, date_of, float_of, log_axis
from tests.pictures.fields import PALETTE, write
from tests.pictures.frames import Value

Trace: TypeAlias = dict[str, object]

_MS = 1e6


class Figure(NamedTuple):
    """What plotly draws."""

    data: list[Trace]
    layout: dict[str, object]


def timeseries(drawn: Drawn) -> Figure:
    """Lines or bars, a legend below, thresholds as lines."""
    traces: list[Trace] = []
    for place, (times, column) in enumerate(drawn.series()):
        field = drawn.field(column.name)
        colour = field.fixed_colour or PALETTE[place % len(PALETTE)]
        is_bar = field.custom("drawStyle") == "bars"
        trace: Trace = {
            "x": [date_of(time) for time in times],
            "y": list(column.values),
            "name": field.name(column.name),
            "yaxis": "y2" if field.custom("axisPlacement") == "right" else "y",
        }
        opacity = field.custom("fillOpacity")
        fill = float(opacity) / 100 if isinstance(opacity, int | float) else 0.0
        if is_bar:
            trace |= {"type": "bar", "marker": {"color": colour}}
        else:
            is_step = field.custom("lineInterpolation") == "stepAfter"
            dash = "dash" if field.custom("lineStyle") else "solid"
            points = "lines+markers" if field.custom("showPoints") == "always" else "lines"
            trace |= {
                "type": "scatter",
                "mode": points,
                "line": {"color": colour, "width": 1.5, "dash": dash, "shape": "hv" if is_step else "linear"},
                "marker": {"size": 4},
                "fill": "tozeroy" if fill else "none",
                "fillcolor": _faded(colour, fill),
            }
            if at(field.custom("stacking"), "mode") == "normal":
                trace |= {"stackgroup": "one", "fill": "tonexty" if traces else "tozeroy"}
        traces.append(trace)
    is_stacked = at(drawn.panel, "fieldConfig", "defaults", "custom", "stacking", "mode") == "normal"
    layout = axes(drawn) | {"barmode": "stack" if is_stacked else "group", "showlegend": True}
    scale = text(drawn.panel, "fieldConfig", "defaults", "custom", "scaleDistribution", "type")
    if scale == "log":
        layout["yaxis"] = log_axis(drawn)
    return Figure(traces, layout)


def state_timeline(drawn: Drawn) -> Figure:
    """A row for each series, a bar for each stay in a state; a state lasts until the next value."""
    bars: dict[tuple[str, str], Trace] = {}
    step = _step(drawn)
    for times, column in reversed(drawn.series()):
        field = drawn.field(column.name)
        ends = [*times[1:], min(drawn.now, float_of(times[-1]) + step)]
        for time, end, value in zip(times, ends, column.values, strict=True):
            if value is None:
                continue
            shown = field.show(value, drawn.now)
            until = min(float_of(end), float_of(time) + 2 * step)
            bar = bars.setdefault(
                (shown.text, shown.colour),
                {
                    "type": "bar",
                    "orientation": "h",
                    "name": shown.text,
                    "marker": {"color": shown.colour or PALETTE[0], "line": {"width": 0}},
                    "base": [],
                    "x": [],
                    "y": [],
                },
            )
            for key, each in (("base", date_of(time)), ("x", (until - float_of(time)) / _MS), ("y", column.name)):
                values = bar[key]
                assert isinstance(values, list)
                values.append(each)
    names = [column.name for _, column in drawn.series()]
    axis = {"type": "category", "categoryorder": "array", "categoryarray": names[::-1], **PLAIN_AXIS}
    layout = axes(drawn) | {"barmode": "overlay", "yaxis": axis, "bargap": 0.1, "showlegend": True}
    return Figure(list(bars.values()), layout)


def histogram(drawn: Drawn) -> Figure:
    """How many values lie in each bucket of the panel's size."""
    size = number(drawn.panel, "options", "bucketSize") or 1.0
    traces: list[Trace] = []
    unit = text(drawn.panel, "fieldConfig", "defaults", "unit")
    for _, column in drawn.series():
        counts: dict[int, int] = {}
        for value in column.values:
            if isinstance(value, float):
                counts[floor(value / size)] = counts.get(floor(value / size), 0) + 1
        places = range(min(counts, default=0), max(counts, default=0) + 1)
        words = [write(place * size, unit, None, drawn.now) for place in places]
        traces.append(
            {
                "type": "bar",
                "x": words,
                "y": [counts.get(place, 0) for place in places],
                "marker": {"color": PALETTE[0]},
                "name": column.name,
            }
        )
    return Figure(traces, {**BARE, "bargap": 0.02, "xaxis": PLAIN_AXIS, "yaxis": PLAIN_AXIS})


def heatmap(drawn: Drawn) -> Figure:
    """Values over time, in buckets each twice as high as the one below."""
    buckets = int(text(drawn.panel, "options", "calculation", "xBuckets", "value") or 48)
    width = (drawn.now - drawn.begin) / buckets
    counts: dict[tuple[int, int], int] = {}
    for times, column in drawn.series():
        for time, value in zip(times, column.values, strict=True):
            if isinstance(value, float) and value > 0:
                place = (int((float_of(time) - drawn.begin) / width), floor(log2(value)))
                counts[place] = counts.get(place, 0) + 1
    rows = range(min((row for _, row in counts), default=0), max((row for _, row in counts), default=0) + 1)
    unit = text(drawn.panel, "options", "yAxis", "unit")
    trace: Trace = {
        "type": "heatmap",
        "x": [date_of(drawn.begin + place * width) for place in range(buckets)],
        "y": [write(2.0**row, unit, 0, drawn.now) for row in rows],
        "z": [[counts.get((place, row)) for place in range(buckets)] for row in rows],
        "colorscale": "Blues",
        "reversescale": True,
        "showscale": False,
        "xgap": 1,
        "ygap": 1,
    }
    return Figure([trace], {**axes(drawn), "yaxis": {**PLAIN_AXIS, "type": "category"}})


def pie(drawn: Drawn) -> Figure:
    """A slice for the last value of each field."""
    named = [(column.name, _last(column.values)) for _, column in drawn.series()]
    colours = [drawn.field(name).fixed_colour or PALETTE[place % len(PALETTE)] for place, (name, _) in enumerate(named)]
    trace: Trace = {
        "type": "pie",
        "labels": [name for name, _ in named],
        "values": [value for _, value in named],
        "marker": {"colors": colours},
        "hole": 0.5 if text(drawn.panel, "options", "pieType") == "donut" else 0,
        "sort": False,
        "textinfo": "percent",
    }
    return Figure([trace], {**BARE, "showlegend": True})


CHARTS: Mapping[str, Callable[[Drawn], Figure]] = MappingProxyType(
    {
        "timeseries": timeseries,
        "state-timeline": state_timeline,
        "histogram": histogram,
        "heatmap": heatmap,
        "piechart": pie,
    }
)


def _step(drawn: Drawn) -> float:
    """The usual time between two values."""
    gaps = sorted(
        float_of(after) - float_of(before) for times, _ in drawn.series() for before, after in pairwise(times)
    )
    return gaps[len(gaps) // 2] if gaps else drawn.now - drawn.begin


def _last(values: Sequence[Value]) -> Value:
    return next((value for value in reversed(values) if value is not None), None)


def _faded(colour: str, opacity: float) -> str:
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"
