"""What every dashboard keeps: how it is written, what each panel says of itself, where its links go.

Owns the rules, each a function from one dashboard to its faults. Must not know what InfluxQL can answer
(`tests.dashboards.query_rules`) or which codes mean what (`tests.dashboards.mapping_rules`).
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import parse_qs, urlsplit

from tests.dashboards.boards import Board
from tests.dashboards.influxql import QueryError, Select, parse
from tests.dashboards.nodes import Json, at, items, members, number, text, texts
from tests.dashboards.schema import SCHEMA_VERSION

DATASOURCE = "${datasource}"
WIDTH = 24
BUILT_IN = frozenset(
    {"__all", "__field", "__interval", "__interval_ms", "__url_time_range", "__value", "col", "timeFilter"}
)
"""What stands behind a $ and is no variable of a dashboard; `col` and `tag_…` are parts of an alias."""
_VARIABLE = re.compile(r"\$(?:\{(?P<braced>\w+)[^}]*\}|(?P<bare>\w+))")
_LINKED = re.compile(r"\((/d/[^)]+)\)")
_UNWATCHED = frozenset({"pipeline"})
"""Measurements whose rows are about no charger."""

Boards = Mapping[str, Board]
Fault = Callable[[Board, Boards], Iterator[str]]


def faults_of_board(board: Board, boards: Boards) -> list[str]:
    """What is wrong with a dashboard, in words; `boards` are those that it may link to."""
    return [fault for rule in RULES for fault in rule(board, boards)]


def badly_written(board: Board, _boards: Boards) -> Iterator[str]:
    """A file that sorts its keys has readable differences; its name is what links say."""
    if board.source != json.dumps(board.content, indent=2, sort_keys=True, ensure_ascii=False) + "\n":
        yield "its keys are not sorted, or it is not indented by two"
    if text(board.content, "uid") != board.stem:
        yield f"its uid is not {board.stem}"
    if at(board.content, "schemaVersion") != SCHEMA_VERSION:
        yield f"its schemaVersion is not {SCHEMA_VERSION}"
    yield from (f"has {key}" for key in members(board.content) if key.startswith("__") or key == "id")


def badly_opened(board: Board, _boards: Boards) -> Iterator[str]:
    """How a dashboard opens: a title, what it answers, a range, how often it is drawn, one cursor for all panels."""
    for key in ("title", "description", "refresh"):
        if not text(board.content, key):
            yield f"has no {key}"
    if not text(board.content, "time", "from").startswith("now-"):
        yield "does not open with a range up to now"
    if at(board.content, "graphTooltip") != 1:
        yield "does not share its cursor"
    if at(board.content, "editable") is not False:
        yield "can be edited, though its file is what counts"
    for link in items(board.content, "links"):
        if at(link, "keepTime") is not True or at(link, "includeVars") is not True:
            yield f"link {text(link, 'title')} loses time or variables"


def silent_panels(board: Board, _boards: Boards) -> Iterator[str]:
    """A panel says what it shows, in which unit, and what it says when there is nothing."""
    for panel in board.panels:
        title = text(panel, "title")
        if not title:
            yield "a panel has no title"
        if not text(panel, "description").endswith("."):
            yield f"{title}: has no description that is a sentence"
        if text(panel, "type") != "text":
            for key in ("unit", "noValue"):
                if not text(panel, "fieldConfig", "defaults", key):
                    yield f"{title}: has no {key}"
            if not items(panel, "targets"):
                yield f"{title}: asks nothing"


def same_numbers(board: Board, _boards: Boards) -> Iterator[str]:
    """Alert rules name a panel by its number, expressions a query by its letter."""
    numbers = Counter(number(panel, "id") for panel in items(board.content, "panels"))
    yield from (f"{count} panels have the number {one}" for one, count in numbers.items() if count > 1 or one is None)
    for panel in board.panels:
        letters = [text(target, "refId") for target in items(panel, "targets")]
        if len(set(letters)) < len(letters) or "" in letters:
            yield f"{text(panel, 'title')}: two queries have one letter, or one has none"


def badly_laid_out(board: Board, _boards: Boards) -> Iterator[str]:
    """Panels that lie on each other are moved by Grafana, to where nobody looked at them."""
    taken: dict[tuple[int, int], str] = {}
    for panel in items(board.content, "panels"):
        title = text(panel, "title")
        x, y, w, h = (int(number(panel, "gridPos", key) or 0) for key in "xywh")
        if x < 0 or w < 1 or h < 1 or x + w > WIDTH:
            yield f"{title}: lies outside of the {WIDTH} columns"
        cells = [(column, line) for column in range(x, x + w) for line in range(y, y + h)]
        if on := {taken[cell] for cell in cells if cell in taken}:
            yield f"{title}: lies on {', '.join(sorted(on))}"
        taken |= dict.fromkeys(cells, title)


def other_sources(board: Board, _boards: Boards) -> Iterator[str]:
    """Whoever imports a dashboard chooses the data source once, at its top."""
    if text(next(iter(board.variables), None), "type") != "datasource":
        yield "its first variable is not the data source"
    askers = [(text(panel, "title"), panel) for panel in board.panels if text(panel, "type") != "text"]
    askers += [(text(panel, "title"), target) for panel in board.panels for target in items(panel, "targets")]
    askers += [(text(one, "name"), one) for one in board.variables if text(one, "type") == "query"]
    askers += [
        (text(one, "name"), one) for one in items(board.content, "annotations", "list") if at(one, "builtIn") is None
    ]
    for name, asker in askers:
        if members(asker, "datasource") != {"type": "influxdb", "uid": DATASOURCE}:
            yield f"{name}: does not ask {DATASOURCE}"


def unknown_variables(board: Board, _boards: Boards) -> Iterator[str]:
    """A variable that is not there stays as it is written, and matches nothing."""
    known = {text(variable, "name") for variable in board.variables} | BUILT_IN
    for words in texts(board.content):
        for match in _VARIABLE.finditer(words):
            name = match["braced"] or match["bare"]
            if name not in known and not name.startswith("tag_"):
                yield f"there is no variable {name}: {words}"


def unchosen_chargers(board: Board, _boards: Boards) -> Iterator[str]:
    """What has a choice of chargers obeys it in every query about chargers."""
    chosen = [name for name in ("site", "charger") if name in {text(one, "name") for one in board.variables}]
    for query in board.queries():
        try:
            parsed = parse(query.influxql)
        except QueryError:
            continue
        for select in parsed.selects() if isinstance(parsed, Select) else ():
            read = {source for source in select.sources if isinstance(source, str)} - _UNWATCHED
            written = [token.text for token in select.where]
            for name in chosen if read else ():
                if f"/^${name}$/" not in written:
                    yield f"{query.where}: does not obey ${name}"


def broken_links(board: Board, boards: Boards) -> Iterator[str]:
    """A link leads to a dashboard that there is, with a time, and sets variables that it has."""
    for url in _urls(board.content):
        split = urlsplit(url)
        target = boards.get(split.path.removeprefix("/d/"))
        if not split.path.startswith("/d/") or target is None:
            yield f"{url}: there is no such dashboard"
            continue
        names = {text(variable, "name") for variable in target.variables}
        for name in parse_qs(split.query):
            if name.startswith("var-") and name.removeprefix("var-") not in names:
                yield f"{url}: {target.stem} has no variable {name.removeprefix('var-')}"
        if "${__url_time_range}" not in url and not {"from", "to"} <= parse_qs(split.query).keys():
            yield f"{url}: loses the time"
        if "${datasource:queryparam}" not in url:
            yield f"{url}: loses the data source"


def _urls(content: Json) -> Iterator[str]:
    for words in texts(content):
        if words.startswith(("/", "http")) and not words.startswith("/^"):
            yield words
        yield from _LINKED.findall(words)


RULES: tuple[Fault, ...] = (
    badly_written,
    badly_opened,
    silent_panels,
    same_numbers,
    badly_laid_out,
    other_sources,
    unknown_variables,
    unchosen_chargers,
    broken_links,
)
