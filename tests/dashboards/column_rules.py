"""What a panel does with the columns of its answers: it names columns that there are.

Owns the names that columns have on their way: as they are selected, after each transformation, as they are shown. A
misspelt one is ignored by Grafana, and the panel shows something else than was meant. Must not know what columns hold
(`tests.dashboards.query_rules`).
"""

from collections.abc import Callable, Iterator

from tests.dashboards.boards import Board
from tests.dashboards.influxql import Item, QueryError, Select, parse
from tests.dashboards.nodes import Json, items, members, text

TRANSFORMATIONS = frozenset(
    {
        *("calculateField", "convertFieldType", "filterFieldsByName", "groupBy", "limit", "merge", "organize"),
        "sortBy",
    }
)
TIME = "Time"
ANY = "*"
"""Stands for names that only the data know: of a `*`, or of series that are called after a tag."""

Fault = Callable[[Json], Iterator[str]]


def faults_of_columns(board: Board) -> list[str]:
    """What panels say of columns that they do not have."""
    return [f"{text(panel, 'title')}: {fault}" for panel in board.panels for rule in RULES for fault in rule(panel)]


def unknown_transformations(panel: Json) -> Iterator[str]:
    """Those that are used here are known to whoever draws the panels."""
    for step in items(panel, "transformations"):
        if text(step, "id") not in TRANSFORMATIONS:
            yield f"there is no transformation {text(step, 'id')} here"


def misspelt_transformations(panel: Json) -> Iterator[str]:
    """A transformation of a column that does not exist does nothing."""
    columns = selected(panel)
    for step in items(panel, "transformations"):
        missing = _used(step) - columns
        if missing and ANY not in columns:
            yield f"{text(step, 'id')} names {', '.join(sorted(missing))}"
        columns = _after(step, columns)


def misspelt_overrides(panel: Json) -> Iterator[str]:
    """An override of a column that does not exist does nothing."""
    columns = selected(panel)
    for step in items(panel, "transformations"):
        columns = _after(step, columns)
    for override in items(panel, "fieldConfig", "overrides"):
        name = text(override, "matcher", "options")
        if text(override, "matcher", "id") == "byName" and name not in columns and ANY not in columns:
            yield f"overrides {name}, of {', '.join(sorted(columns))}"


def selected(panel: Json) -> frozenset[str]:
    """The names of the columns, or series, that a panel's queries answer with."""
    found = {TIME}
    for target in items(panel, "targets"):
        try:
            parsed = parse(text(target, "query"))
        except QueryError:
            continue
        alias = text(target, "alias")
        if isinstance(parsed, Select):
            columns = {*map(_name, parsed.items)}
            is_table = text(target, "resultFormat") == "table"
            found |= {*columns, *parsed.group} if is_table else columns if "$col" in alias else {alias or ANY}
            if "$tag_" in alias or ANY in columns:
                found.add(ANY)
    return frozenset(found)


def _name(item: Item) -> str:
    return item.alias or (item.calls[0].function if item.calls else item.names[0])


def _used(step: Json) -> frozenset[str]:
    options = members(step, "options")
    keys = ("excludeByName", "indexByName", "renameByName", "fields")
    listed = [*items(options, "exclude", "names"), *items(options, "reduce", "include")]
    sorted_by = [text(each, "field") for each in items(options, "sort")]
    converted = [text(each, "targetField") for each in items(options, "conversions")]
    return frozenset(
        [*(name for key in keys for name in members(options, key)), *map(str, listed), *sorted_by, *converted]
    )


def _after(step: Json, columns: frozenset[str]) -> frozenset[str]:
    """The names that there are behind a transformation."""
    options = members(step, "options")
    match text(step, "id"):
        case "filterFieldsByName":
            return columns - set(map(str, items(options, "exclude", "names")))
        case "calculateField":
            return columns | {text(options, "alias")}
        case "organize":
            hidden = {name for name, is_hidden in members(options, "excludeByName").items() if is_hidden}
            renamed = {name: str(to) for name, to in members(options, "renameByName").items()}
            return frozenset(renamed.get(name, name) for name in columns - hidden)
        case "groupBy":
            fields = members(options, "fields")
            counted = {f"{name} ({how})" for name, field in fields.items() for how in items(field, "aggregations")}
            kept = {name for name, field in fields.items() if text(field, "operation") == "groupby"}
            return frozenset(counted | kept)
        case _:
            return columns


RULES: tuple[Fault, ...] = (unknown_transformations, misspelt_transformations, misspelt_overrides)
