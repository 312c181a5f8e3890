"""Alert rules are evaluated as Grafana does: labels, `for`, no data, and arithmetic."""

import pytest

from tests.dashboards.boards import Query, Rule
from tests.dashboards.evaluation import NO_DATA, Labels, Series, firing
from tests.dashboards.filled import Range
from tests.dashboards.nodes import Json, items
from tests.dashboards.samples import edited, good_rule

S = 10**9
NOW = 1_700_000_000 * S
ONE: Labels = frozenset({("charger", "EH1")})
OTHER: Labels = frozenset({("charger", "EH2")})
_REDUCE: Json = {
    "refId": "B",
    "datasourceUid": "__expr__",
    "model": {"type": "reduce", "expression": "A", "reducer": "last"},
}
_THRESHOLD: Json = {
    "refId": "C",
    "datasourceUid": "__expr__",
    "model": {"type": "threshold", "expression": "B", "conditions": [{"evaluator": {"type": "gt", "params": [2]}}]},
}


def rule(**edits: str) -> Rule:
    """More than 2."""
    content = good_rule().content
    steps: Json = [items(content, "data")[0], _REDUCE, _THRESHOLD]
    return Rule(
        "sample",
        edited(content, {("data",): steps, ("condition",): "C", **{(key,): value for key, value in edits.items()}}),
    )


def test_each_set_of_labels_is_judged_by_itself() -> None:
    def ask(_query: Query, _span: Range) -> Series:
        return {ONE: [9.0, 1.0], OTHER: [1.0, 9.0]}

    assert firing(rule(), ask, NOW) == {OTHER}


def test_it_fires_only_after_it_held_all_the_time() -> None:
    def ask(_query: Query, span: Range) -> Series:
        return {ONE: [9.0], OTHER: [9.0 if span.end > NOW - 120 * S else 1.0]}

    assert firing(rule(**{"for": "2m"}), ask, NOW) == {ONE}
    assert firing(rule(**{"for": "1m"}), ask, NOW) == {ONE, OTHER}


def test_no_data_is_what_the_rule_says_it_is() -> None:
    def ask(_query: Query, _span: Range) -> Series:
        return {}

    assert firing(rule(noDataState="OK"), ask, NOW) == frozenset()
    assert firing(rule(noDataState="Alerting"), ask, NOW) == {NO_DATA}


@pytest.mark.parametrize(
    ("expression", "holds"),
    [("$A > 5 && $A >= 6", True), ("$A > 6 && $A >= 6", False), ("$A > $A * 1.2", False), ("$A * 2 > 11", True)],
)
def test_arithmetic(expression: str, holds: bool) -> None:
    def ask(_query: Query, _span: Range) -> Series:
        return {ONE: [6.0]}

    content = edited(
        good_rule().content,
        {("data", 1, "model", "type"): "math", ("data", 1, "model", "expression"): expression},
    )
    assert firing(Rule("sample", content), ask, NOW) == ({ONE} if holds else frozenset())


def test_an_unknown_operation_is_refused() -> None:
    def ask(_query: Query, _span: Range) -> Series:
        return {ONE: [6.0]}

    content = edited(
        good_rule().content,
        {("data", 1, "model", "type"): "math", ("data", 1, "model", "expression"): "$A / 2"},
    )
    with pytest.raises(ValueError, match="no rule uses A / 2"):
        firing(Rule("sample", content), ask, NOW)
