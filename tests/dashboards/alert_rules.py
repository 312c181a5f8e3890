"""What every alert rule keeps: it is whole, and leads to the panel that shows what it is about.

Owns the rules for rules. Must not know what InfluxQL can answer (`tests.dashboards.query_rules`).
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from tests.dashboards.boards import EXPRESSION, Board, Rule, panel_of
from tests.dashboards.influxql import QueryError, Select, parse
from tests.dashboards.nodes import at, items, number, text, texts

SOURCE = "chargeline"
"""The uid of the provisioned data source: an alert rule has no variables to choose one by."""
SEVERITIES = frozenset({"warning", "critical"})
NO_DATA = frozenset({"OK", "Alerting"})
ON_ERROR = frozenset({"Error", "Alerting"})
EXPRESSIONS = frozenset({"reduce", "threshold", "math"})
_DURATION = re.compile(r"[0-9]+[smh]")
_REFERENCE = re.compile(r"\$([A-Z])\b")

Boards = Mapping[str, Board]
Fault = Callable[[Rule, Boards], Iterator[str]]


def faults_of_rules(rules: Sequence[Rule], boards: Boards) -> list[str]:
    """What is wrong with alert rules, in words, each with the rule's uid."""
    twice = [uid for uid, count in Counter(rule.uid for rule in rules).items() if count > 1]
    return [
        *(f"{uid}: is there twice" for uid in twice),
        *(f"{rule.uid}: {fault}" for rule in rules for check in RULES for fault in check(rule, boards)),
    ]


def measurements_of(influxql: str) -> frozenset[str]:
    """The measurements that a query reads; none where it cannot be read."""
    try:
        parsed = parse(influxql)
    except QueryError:
        return frozenset()
    selects = parsed.selects() if isinstance(parsed, Select) else ()
    return frozenset(source for select in selects for source in select.sources if isinstance(source, str))


def unfinished(rule: Rule, _boards: Boards) -> Iterator[str]:
    """A rule says what is wrong, what to do, how bad it is, and what it means when there is no data."""
    if not text(rule.content, "uid") or not text(rule.content, "title"):
        yield "has no uid or title"
    for key in ("summary", "description"):
        if not text(rule.content, "annotations", key).endswith("."):
            yield f"has no {key} that is a sentence"
    if text(rule.content, "labels", "severity") not in SEVERITIES:
        yield f"has no severity of {', '.join(sorted(SEVERITIES))}"
    if text(rule.content, "noDataState") not in NO_DATA or text(rule.content, "execErrState") not in ON_ERROR:
        yield "does not say what it means that there is no data, or no answer"
    if not _DURATION.fullmatch(text(rule.content, "for")):
        yield "does not say for how long"


def misdirected(rule: Rule, boards: Boards) -> Iterator[str]:
    """Whoever is woken opens a panel that shows the same."""
    uid, panel_id = text(rule.content, "dashboardUid"), number(rule.content, "panelId")
    board = boards.get(uid)
    panel = panel_of(board, panel_id) if board else None
    if panel is None:
        yield f"there is no panel {panel_id} on dashboard {uid}"
        return
    shown = frozenset[str]().union(*(measurements_of(text(target, "query")) for target in items(panel, "targets")))
    asked = frozenset[str]().union(*(measurements_of(query.influxql) for query in rule.queries()))
    if not asked & shown:
        yield f"reads {', '.join(sorted(asked))}; its panel {text(panel, 'title')} shows {', '.join(sorted(shown))}"


def disconnected(rule: Rule, _boards: Boards) -> Iterator[str]:
    """Each step is of a known kind, works on what stands above it, and the last is the condition."""
    above: set[str] = set()
    for part in items(rule.content, "data"):
        letter = text(part, "refId")
        if letter in above or text(part, "model", "refId") != letter:
            yield f"step {letter or '-'} has a letter that is taken, or is called otherwise inside"
        if text(part, "datasourceUid") == EXPRESSION:
            expression = text(part, "model", "expression")
            used = set(_REFERENCE.findall(expression)) if "$" in expression else {expression}
            if text(part, "model", "type") not in EXPRESSIONS or not used or used - above:
                yield f"step {letter}: {expression or 'nothing'} does not work on what stands above it"
        elif text(part, "datasourceUid") != SOURCE:
            yield f"step {letter}: asks {text(part, 'datasourceUid')}, not {SOURCE}"
        elif (number(part, "relativeTimeRange", "from") or 0) <= (number(part, "relativeTimeRange", "to") or 0):
            yield f"step {letter}: has no time range"
        above.add(letter)
    if not above or text(rule.content, "condition") != text(items(rule.content, "data")[-1], "refId"):
        yield "its condition is not its last step"


def expanded(rule: Rule, _boards: Boards) -> Iterator[str]:
    """Grafana puts variables of its environment in place of a $ in what people read."""
    for words in (text(rule.content, "title"), *texts(at(rule.content, "annotations"))):
        if "$" in words:
            yield f"has a $ in: {words}"


RULES: tuple[Fault, ...] = (unfinished, misdirected, disconnected, expanded)
