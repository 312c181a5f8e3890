"""What every query keeps: the names exist, and InfluxQL can answer it.

Owns the rules, each a function from one SELECT to its faults. What InfluxQL does not refuse, and answers wrongly, is
the reason for most of them. Must not know where a query stands (`tests.dashboards.boards`).
"""

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from itertools import pairwise

from schemas.alert import AlertKind
from schemas.catalogue import shipped_catalogue
from schemas.measurement import (
    COMMAND_OUTCOME,
    SESSION,
    FieldType,
    Measurement,
    derived_measurements,
    fact_measurements,
    operational_measurements,
)
from tests.dashboards.influxql import QueryError, Select, ShowTagValues, Token, parse

ARITHMETIC = frozenset(
    {"bottom", "cumulative_sum", "derivative", "max", "mean", "median", "min", "percentile", "spread", "sum", "top"}
)
"""Functions that fail, or answer nothing, on text."""
FUNCTIONS = ARITHMETIC | {"count", "last"}
TAGS_OF_ALL = ("charger", "site")
INTERVALS = frozenset({"$__interval", "5m", "1h", "1d"})
"""The dashboard's, the grid of snapshots, the hours, and days."""
FILLS = frozenset({"none", "0"})
KINDS = frozenset(kind.value for kind in AlertKind)


class Column(StrEnum):
    """What a column of a source holds."""

    NUMBER = "number"
    TEXT = "text"
    TAG = "tag"


Columns = Mapping[str, Column]
Fault = Callable[[Select, Columns], Iterator[str]]


def all_measurements() -> Mapping[str, Measurement]:
    """Every measurement that there is."""
    facts = fact_measurements(shipped_catalogue())
    return {**facts, **derived_measurements(), **operational_measurements()}


def faults_of_query(influxql: str, measurements: Mapping[str, Measurement]) -> list[str]:
    """What is wrong with a query, in words; nothing where it is right."""
    try:
        query = parse(influxql)
        if isinstance(query, ShowTagValues):
            return list(_faults_of_show(query, measurements))
        return [
            fault
            for select in query.selects()
            for rule in RULES
            for fault in rule(select, columns_of(select, measurements))
        ]
    except QueryError as fault:
        return [str(fault)]


def columns_of(select: Select, measurements: Mapping[str, Measurement]) -> Columns:
    """What a SELECT may name. Raises QueryError where a measurement does not exist."""
    found: dict[str, Column] = {}
    for source in select.sources:
        found |= _outcome(source, measurements) if isinstance(source, Select) else _stored(source, measurements)
    return found


def _stored(name: str, measurements: Mapping[str, Measurement]) -> Columns:
    measurement = measurements.get(name)
    if measurement is None:
        raise QueryError(f"there is no measurement {name}")
    fields = {
        field: Column.NUMBER if kind is FieldType.NUMBER else Column.TEXT for field, kind in measurement.fields.items()
    }
    open_fields = {"*": Column.TEXT} if measurement.open_fields else {}
    return {**fields, **open_fields, **dict.fromkeys((*TAGS_OF_ALL, *measurement.tags), Column.TAG)}


def _outcome(select: Select, measurements: Mapping[str, Measurement]) -> Columns:
    """The columns of a subquery: what it selects, and the tags it groups by."""
    inside = columns_of(select, measurements)
    found = {name: inside[name] for name in select.group if name in inside}
    for item in select.items:
        name = item.alias or (item.calls[0].function if item.calls else item.names[0])
        kept = not item.calls or item.calls[0].function == "last"
        found[name] = inside.get(item.names[0], Column.NUMBER) if kept and item.names else Column.NUMBER
    return found


def _faults_of_show(query: ShowTagValues, measurements: Mapping[str, Measurement]) -> Iterator[str]:
    columns = _stored(query.measurement, measurements)
    for name in (query.key, *(token.text for token in query.where if token.kind == "name")):
        if columns.get(name) is not Column.TAG:
            yield f"{query.measurement} has no tag {name}"
    yield from _unanchored(query.where)


def unknown_names(select: Select, columns: Columns) -> Iterator[str]:
    """Of a name that does not exist InfluxDB answers nothing, and says nothing."""
    for name in (*select.filtered, *(name for item in select.items for name in item.names)):
        if name not in columns:
            yield f"{name} is neither a tag nor a field of what it is selected from"


def groups_by_fields(select: Select, columns: Columns) -> Iterator[str]:
    """All rows fall into one group, without a word."""
    for name in select.group:
        if columns.get(name) is not Column.TAG:
            yield f"groups by {name}, which is no tag"


def counts_with_text(select: Select, columns: Columns) -> Iterator[str]:
    """Refused, or answered with nothing."""
    for item in select.items:
        for call in item.calls:
            if call.function not in FUNCTIONS:
                yield f"{call.function}() is not among the functions that are known here"
            for name in call.names[:1] if call.function in ARITHMETIC else ():
                if columns.get(name) is not Column.NUMBER and name in columns:
                    yield f"{call.function}() of {name}, which is {columns[name]}"


def untimed(select: Select, _columns: Columns) -> Iterator[str]:
    """The whole past would be read; a grouping by time would begin in 1970."""
    reads_rows = any(isinstance(source, str) for source in select.sources)
    if (reads_rows or select.interval) and not select.is_timed:
        yield "has no $timeFilter"


def badly_spaced(select: Select, _columns: Columns) -> Iterator[str]:
    """`fill(previous)` does not look before the range; without any, each gap is a row of nothing."""
    if select.interval and select.interval not in INTERVALS:
        yield f"groups by time({select.interval}), which is none of {', '.join(sorted(INTERVALS))}"
    if select.interval and select.fill not in FILLS:
        yield f"fills gaps with {select.fill or 'null'}; none and 0 are the choices"


def counts_what_is_taken_back(select: Select, _columns: Columns) -> Iterator[str]:
    """Rows cannot be deleted: those that proved wrong say so, and do not count."""
    if COMMAND_OUTCOME in select.sources and not _has(select.where, ("refuted", "=", "0")):
        yield "does not leave refuted outcomes out"
    if SESSION in select.sources and not _has(select.where, ("source", "!=", "none")):
        yield "does not leave sessions out that proved to be none"


def _has(where: tuple[Token, ...], words: tuple[str, ...]) -> bool:
    texts = [token.text for token in where]
    return any(tuple(texts[place : place + len(words)]) == words for place in range(len(texts)))


def loosely_matched(select: Select, _columns: Columns) -> Iterator[str]:
    """Without anchors, EH1 takes EH10 along."""
    yield from _unanchored(select.where)


def _unanchored(where: tuple[Token, ...]) -> Iterator[str]:
    for token in where:
        if token.kind == "regex" and not (token.text.startswith("/^") and token.text.endswith("$/")):
            yield f"matches {token.text}, which has no anchors"


def unheard_of_kinds(select: Select, _columns: Columns) -> Iterator[str]:
    """An alert of no kind that there is: answered with nothing."""
    words = [token for token in select.where if token.kind != "sign"]
    for name, value in pairwise(words):
        if name == Token("name", "kind") and value.kind == "text" and value.text not in KINDS:
            yield f"there is no alert of kind {value.text}"


RULES: tuple[Fault, ...] = (
    unknown_names,
    groups_by_fields,
    counts_with_text,
    untimed,
    badly_spaced,
    counts_what_is_taken_back,
    loosely_matched,
    unheard_of_kinds,
)
