"""What numbers and words on a dashboard mean: the same as in `schemas`.

Owns the comparison of value mappings, series named after modes, command states and reasons of rejects with the
program's own tables. Must not know how a dashboard is laid out (`tests.dashboards.board_rules`).
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise

from pipeline.core.command_life import CommandState
from schemas.catalogue import shipped_catalogue
from schemas.enumerations import BY_OBSERVATION, OP_MODE
from schemas.reject import RejectReason
from tests.dashboards.boards import Board
from tests.dashboards.influxql import Item, QueryError, Select, Token, parse
from tests.dashboards.nodes import Json, items, members, text

_SHOWING = frozenset({"last"})
"""Functions that hand a code on as it is."""
_FEW = 2
"""Codes of a mapping that is of no enumeration: no and yes."""

Fault = Callable[[Board], Iterator[str]]


def coded_fields() -> Mapping[str, Mapping[int, str]]:
    """The code table of each coded field of chargers."""
    observations = shipped_catalogue().observations
    return {observations[key].field: table for key, table in BY_OBSERVATION.items()}


def faults_of_mappings(board: Board) -> list[str]:
    """What a dashboard calls otherwise than the program does."""
    return [fault for rule in RULES for fault in rule(board)]


def mappings_of(panel: Json) -> Iterator[Mapping[str, str]]:
    """Each mapping of values to words that a panel has."""
    config = members(panel, "fieldConfig")
    lists = [items(config, "defaults", "mappings")]
    for override in items(config, "overrides"):
        lists += [items(each, "value") for each in items(override, "properties") if text(each, "id") == "mappings"]
    for mapping in (mapping for each in lists for mapping in each):
        if text(mapping, "type") == "value":
            yield {key: text(value, "text") for key, value in members(mapping, "options").items()}


def invented_codes(board: Board) -> Iterator[str]:
    """A mapping of codes is one of the program's tables, whole."""
    tables = [_written(table) for table in coded_fields().values()]
    for panel in board.panels:
        for mapping in mappings_of(panel):
            is_of_codes = all(key.lstrip("-").isdigit() for key in mapping) and len(mapping) > _FEW
            if is_of_codes and mapping not in tables:
                yield f"{text(panel, 'title')}: {mapping} is not as schemas/enumerations.py has it"


def bare_codes(board: Board) -> Iterator[str]:
    """A panel that shows a code shows what it means."""
    coded = coded_fields()
    for panel in board.panels:
        mappings = list(mappings_of(panel))
        for select in _selects_of(panel):
            for item in select.items:
                for name in _shown(item) & coded.keys():
                    if _written(coded[name]) not in mappings:
                        yield f"{text(panel, 'title')}: shows {name} without its mapping"


def misnamed_modes(board: Board) -> Iterator[str]:
    """A series of one mode has that mode's name; so has the time spent in it."""
    seconds = {f"{name.lower().replace(' ', '_').replace('-', '_')}_s": name for name in OP_MODE.values()}
    for panel in board.panels:
        for target in items(panel, "targets"):
            alias = text(target, "alias")
            for select in _parsed(text(target, "query")):
                codes = [value for name, value in _conditions(select) if name == "op_mode"]
                if codes and alias != OP_MODE.get(int(codes[0])):
                    yield f"{text(panel, 'title')}: op_mode {codes[0]} is called {alias}"
                for item in select.items if alias == "$col" else ():
                    if len(item.names) == 1 and item.names[0] in seconds and item.alias != seconds[item.names[0]]:
                        yield f"{text(panel, 'title')}: {item.names[0]} is called {item.alias}"


def invented_states(board: Board) -> Iterator[str]:
    """A mapping of command states names states that there are."""
    states = {state.value for state in CommandState}
    for panel in board.panels:
        for mapping in mappings_of(panel):
            if states & mapping.keys() and mapping.keys() - states:
                yield f"{text(panel, 'title')}: there is no command state {', '.join(mapping.keys() - states)}"


def forgotten_reasons(board: Board) -> Iterator[str]:
    """Who shows rejects by reason shows all reasons."""
    reasons = {f"rejected_{reason.value}" for reason in RejectReason}
    for panel in board.panels:
        shown = {name for select in _selects_of(panel) for item in select.items for name in item.names}
        if shown & reasons and reasons - shown:
            yield f"{text(panel, 'title')}: leaves out {', '.join(sorted(reasons - shown))}"


def _written(table: Mapping[int, str]) -> Mapping[str, str]:
    return {str(code): word for code, word in table.items()}


def _shown(item: Item) -> frozenset[str]:
    handed_on = all(call.function in _SHOWING for call in item.calls)
    return frozenset(item.names) if handed_on else frozenset()


def _conditions(select: Select) -> Iterator[tuple[str, str]]:
    words = [token for token in select.where if token != Token("sign", "=")]
    for name, value in pairwise(words):
        if name.kind == "name" and value.kind == "number":
            yield name.text, value.text


def _selects_of(panel: Json) -> Iterator[Select]:
    """The outermost SELECT of each query of a panel: what it shows."""
    for target in items(panel, "targets"):
        yield from list(_parsed(text(target, "query")))[:1]


def _parsed(influxql: str) -> Iterator[Select]:
    try:
        parsed = parse(influxql)
    except QueryError:
        return
    if isinstance(parsed, Select):
        yield from parsed.selects()


RULES: tuple[Fault, ...] = (invented_codes, bare_codes, misnamed_modes, invented_states, forgotten_reasons)
