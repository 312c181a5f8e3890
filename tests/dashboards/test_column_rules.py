"""Each rule for columns passes a good panel, and sees a bad one."""

import pytest

from tests.dashboards import column_rules
from tests.dashboards.column_rules import faults_of_columns
from tests.dashboards.nodes import Json
from tests.dashboards.samples import Spoiled, edited, good_board, written_board

_STEPS: Json = [
    {"id": "filterFieldsByName", "options": {"exclude": {"names": ["Time"]}}},
    {"id": "calculateField", "options": {"alias": "both", "reduce": {"include": ["mode", "charger"]}}},
    {"id": "groupBy", "options": {"fields": {"both": {"operation": "groupby"}, "mode": {"aggregations": ["count"]}}}},
    {"id": "sortBy", "options": {"sort": [{"field": "mode (count)"}]}},
    {"id": "organize", "options": {"excludeByName": {"both": True}, "renameByName": {"mode (count)": "Count"}}},
]
_GOOD: dict[tuple[str | int, ...], Json] = {
    ("panels", 0, "targets", 0): {
        "query": 'SELECT last("op_mode") AS "mode" FROM "charger_snapshot" WHERE $timeFilter GROUP BY "charger"',
        "resultFormat": "table",
    },
    ("panels", 0, "transformations"): _STEPS,
    ("panels", 0, "fieldConfig", "overrides"): [{"matcher": {"id": "byName", "options": "Count"}, "properties": []}],
}
PANEL: Json = edited(good_board().content, _GOOD)
STEPS = ("panels", 0, "transformations")
MATCHER = ("panels", 0, "fieldConfig", "overrides", 0, "matcher", "options")
TARGET = ("panels", 0, "targets", 0)

BAD = [
    Spoiled("unknown_transformations", {(*STEPS, 0, "id"): "reduce"}, "no transformation reduce"),
    Spoiled("misspelt_transformations", {(*STEPS, 0, "options", "exclude", "names"): ["time"]}, "names time"),
    Spoiled("misspelt_transformations", {(*STEPS, 1, "options", "alias"): "sum"}, "groupBy names both"),
    Spoiled("misspelt_transformations", {(*STEPS, 3, "options", "sort", 0, "field"): "mode"}, "sortBy names mode"),
    Spoiled("misspelt_transformations", {(*STEPS, 4, "options", "renameByName"): {"a": "b"}}, "organize names a"),
    Spoiled(
        "misspelt_transformations",
        {(*STEPS, 0): {"id": "convertFieldType", "options": {"conversions": [{"targetField": "since"}]}}},
        "convertFieldType names since",
    ),
    Spoiled("misspelt_overrides", {MATCHER: "mode (count)"}, "overrides mode (count), of Count"),
    Spoiled("misspelt_overrides", {STEPS: [], MATCHER: "charge"}, "overrides charge, of Time, charger, mode"),
    Spoiled(
        "misspelt_overrides",
        {STEPS: [], (*TARGET, "resultFormat"): "time_series", (*TARGET, "alias"): "Mode"},
        "overrides Count, of Mode, Time",
    ),
]


def test_the_good_panel_has_no_fault() -> None:
    assert faults_of_columns(written_board(PANEL)) == []


def test_names_that_the_data_give_are_not_judged() -> None:
    content = edited(PANEL, {STEPS: [], (*TARGET, "resultFormat"): "time_series", (*TARGET, "alias"): "$tag_charger"})
    assert faults_of_columns(written_board(content)) == []


@pytest.mark.parametrize("sample", BAD, ids=lambda sample: sample.words)
def test_a_bad_panel_is_seen(sample: Spoiled) -> None:
    (rule,) = [rule for rule in column_rules.RULES if rule.__name__ == sample.rule]
    (panel, _) = written_board(edited(PANEL, sample.edits)).panels
    assert any(sample.words in fault for fault in rule(panel))


def test_every_rule_is_shown_a_bad_sample() -> None:
    assert {sample.rule for sample in BAD} == {rule.__name__ for rule in column_rules.RULES}
