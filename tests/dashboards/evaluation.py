"""Alert rules as Grafana evaluates them, as far as the shipped ones go: reduce, threshold, math, `for`, no data.

Owns the evaluation. The answers to queries are given. Must not know a server.
"""

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

from tests.dashboards.boards import EXPRESSION, Query, Rule
from tests.dashboards.filled import Range
from tests.dashboards.nodes import Json, items, number, text

Labels: TypeAlias = frozenset[tuple[str, str]]
Series: TypeAlias = Mapping[Labels, list[float]]
"""Numbers of each set of labels, in the order of the answer."""

Ask: TypeAlias = Callable[[Query, Range], Series]

NO_DATA: Labels = frozenset({("alertname", "DatasourceNoData")})
_S = 10**9
_UNIT_S = MappingProxyType({"s": 1, "m": 60, "h": 3_600})
_EVERY_S = 60
_REDUCERS: Mapping[str, Callable[[list[float]], float]] = MappingProxyType(
    {"last": lambda values: values[-1], "sum": math.fsum}
)
_THRESHOLDS = MappingProxyType({"gt": operator.gt, "lt": operator.lt})
_COMPARED = MappingProxyType({ast.Gt: operator.gt, ast.GtE: operator.ge, ast.Lt: operator.lt})
_REFERENCE = re.compile(r"\$([A-Z])\b")


def firing(rule: Rule, ask: Ask, now: int) -> frozenset[Labels]:
    """The sets of labels for which a rule fires at `now`: those for which it held at every evaluation of its `for`."""
    lasting = text(rule.content, "for")
    steps = int(lasting[:-1]) * _UNIT_S[lasting[-1]] // _EVERY_S
    held = [_held(rule, ask, now - step * _EVERY_S * _S) for step in range(steps + 1)]
    return frozenset.intersection(*held)


def _held(rule: Rule, ask: Ask, now: int) -> frozenset[Labels]:
    """The sets of labels for which the condition holds at one moment."""
    results: dict[str, Series] = {}
    has_data = False
    queries = {query.where.rpartition(" / ")[2]: query for query in rule.queries()}
    for part in items(rule.content, "data"):
        letter = text(part, "refId")
        if text(part, "datasourceUid") == EXPRESSION:
            results[letter] = _expression(part, results)
        else:
            begin, end = (int(number(part, "relativeTimeRange", key) or 0) for key in ("from", "to"))
            results[letter] = ask(queries[letter], Range(now - begin * _S, now - end * _S))
            has_data = has_data or bool(results[letter])
    if not has_data:
        return frozenset({NO_DATA}) if text(rule.content, "noDataState") == "Alerting" else frozenset()
    condition = results[text(rule.content, "condition")]
    return frozenset(labels for labels, values in condition.items() if values[-1])


def _expression(part: Json, results: Mapping[str, Series]) -> Series:
    kind, expression = text(part, "model", "type"), text(part, "model", "expression")
    if kind == "math":
        return _math(expression, results)
    series = results[expression]
    if kind == "reduce":
        reduce = _REDUCERS[text(part, "model", "reducer")]
        return {labels: [reduce(values)] for labels, values in series.items()}
    (condition,) = items(part, "model", "conditions")
    (limit,) = items(condition, "evaluator", "params")
    exceeds = _THRESHOLDS[text(condition, "evaluator", "type")]
    if not isinstance(limit, int):
        raise TypeError(f"{limit!r} is no limit")
    return {labels: [float(exceeds(values[-1], limit))] for labels, values in series.items()}


def _math(expression: str, results: Mapping[str, Series]) -> Series:
    """Of the sets of labels that all of its operands have."""
    letters = _REFERENCE.findall(expression)
    tree = ast.parse(_REFERENCE.sub(r"\1", expression).replace("&&", "and"), mode="eval").body
    shared = frozenset.intersection(*(frozenset(results[letter]) for letter in letters))
    return {labels: [_worth(tree, {letter: results[letter][labels][-1] for letter in letters})] for labels in shared}


def _worth(tree: ast.expr, values: Mapping[str, float]) -> float:
    match tree:
        case ast.Constant(value=int() | float() as constant):
            return float(constant)
        case ast.Name(id=name):
            return values[name]
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return _worth(left, values) * _worth(right, values)
        case ast.Compare(left=left, ops=[compared], comparators=[right]):
            return float(_COMPARED[type(compared)](_worth(left, values), _worth(right, values)))
        case ast.BoolOp(op=ast.And(), values=parts):
            return float(all(_worth(part, values) for part in parts))
        case _:
            raise ValueError(f"no rule uses {ast.unparse(tree)}")
