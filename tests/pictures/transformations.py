"""Transformations of frames, as Grafana does them: the few that our dashboards use.

Owns each of them. One that is not here raises, so that no picture leaves out what Grafana would do.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from tests.dashboards.nodes import Json, at, items, members, number, text
from tests.pictures.frames import Column, Frame, Value

_MISSING = float("-inf")
_NS = 10**9

Frames = Sequence[Frame]


def transform(frames: Frames, transformations: Sequence[Json]) -> Frames:
    """All of them in their order. Raises KeyError for one that is not known here."""
    for each in transformations:
        frames = _KNOWN[text(each, "id")](frames, at(each, "options"))
    return frames


def _filter(frames: Frames, options: Json) -> Frames:
    names = items(options, "exclude", "names")
    return [Frame(tuple(column for column in frame.columns if column.name not in names)) for frame in frames]


def _merge(frames: Frames, _: Json) -> Frames:
    """One frame; rows that agree in all columns that every frame has are one row."""
    frames = [frame for frame in frames if frame.length]
    if not frames:
        return []
    names = list(dict.fromkeys(column.name for frame in frames for column in frame.columns))
    shared = [name for name in names if all(frame.column(name) for frame in frames)]
    rows: dict[tuple[Value, ...], dict[str, Value]] = {}
    for frame in frames:
        for row in _rows(frame):
            rows.setdefault(tuple(row[name] for name in shared), {}).update(row)
    return [_frame(names, list(rows.values()))]


def _organize(frames: Frames, options: Json) -> Frames:
    hidden, place, named = (members(options, key) for key in ("excludeByName", "indexByName", "renameByName"))

    def order(column: Column) -> float:
        found = place.get(column.name)
        return found if isinstance(found, int | float) else len(place)

    return [
        Frame(
            tuple(
                column._replace(name=str(named.get(column.name, column.name)))
                for column in sorted(frame.columns, key=order)
                if not hidden.get(column.name)
            )
        )
        for frame in frames
    ]


def _sort(frames: Frames, options: Json) -> Frames:
    (by,) = items(options, "sort")
    name, is_down = text(by, "field"), at(by, "desc") is True

    def key(row: Mapping[str, Value]) -> tuple[float, str]:
        value = row.get(name)
        return (value, "") if isinstance(value, float) else (_MISSING, value or "")

    return [
        _frame([column.name for column in frame.columns], sorted(_rows(frame), key=key, reverse=is_down))
        for frame in frames
    ]


def _limit(frames: Frames, options: Json) -> Frames:
    most = int(number(options, "limitField") or 0)
    return [Frame(tuple(column._replace(values=column.values[:most]) for column in frame.columns)) for frame in frames]


def _group(frames: Frames, options: Json) -> Frames:
    fields = members(options, "fields")
    by = [name for name, field in fields.items() if text(field, "operation") == "groupby"]
    found = []
    for frame in frames:
        groups: dict[tuple[Value, ...], list[Mapping[str, Value]]] = {}
        for row in _rows(frame):
            groups.setdefault(tuple(row.get(name) for name in by), []).append(row)
        rows: list[dict[str, Value]] = []
        for key, rows_of_it in groups.items():
            counted: dict[str, Value] = dict(zip(by, key, strict=True))
            for name, field in fields.items():
                values = [member.get(name) for member in rows_of_it]
                for how in items(field, "aggregations"):
                    size = len(values) if how == "count" else len(Counter(values))
                    counted[f"{name} ({how})"] = float(size)
            rows.append(counted)
        found.append(_frame(list(dict.fromkeys(name for row in rows for name in row)), rows))
    return found


def _calculate(frames: Frames, options: Json) -> Frames:
    """The sum of some columns, in a column of its own."""
    names, alias = items(options, "reduce", "include"), text(options, "alias")
    if (text(options, "mode"), text(options, "reduce", "reducer")) != ("reduceRow", "sum"):
        raise KeyError(f"calculateField {options}")
    found = []
    for frame in frames:
        sums = [
            sum(value for name, value in row.items() if name in names and isinstance(value, float))
            for row in _rows(frame)
        ]
        found.append(Frame((*frame.columns, Column(alias, sums))))
    return found


def _convert(frames: Frames, options: Json) -> Frames:
    """Texts to times."""
    names = [text(each, "targetField") for each in items(options, "conversions")]
    return [
        Frame(
            tuple(
                column._replace(values=[_moment(value) for value in column.values]) if column.name in names else column
                for column in frame.columns
            )
        )
        for frame in frames
    ]


def _moment(value: Value) -> Value:
    if not isinstance(value, str) or not value:
        return None
    return datetime.fromisoformat(value[:26].rstrip("Z") + "+00:00").timestamp() * _NS


def _rows(frame: Frame) -> list[dict[str, Value]]:
    names = [column.name for column in frame.columns]
    return [dict(zip(names, row, strict=True)) for row in zip(*(c.values for c in frame.columns), strict=True)]


def _frame(names: Sequence[str], rows: Sequence[Mapping[str, Value]]) -> Frame:
    return Frame(tuple(Column(name, [row.get(name) for row in rows]) for name in names))


_KNOWN: Mapping[str, Callable[[Frames, Json], Frames]] = MappingProxyType(
    {
        "filterFieldsByName": _filter,
        "merge": _merge,
        "organize": _organize,
        "sortBy": _sort,
        "limit": _limit,
        "groupBy": _group,
        "calculateField": _calculate,
        "convertFieldType": _convert,
    }
)
