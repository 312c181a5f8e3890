"""Each rule for alert rules passes the good sample, and sees a bad one."""

import pytest

from tests.dashboards import alert_rules
from tests.dashboards.alert_rules import faults_of_rules
from tests.dashboards.boards import Rule
from tests.dashboards.samples import Spoiled, edited, good_board, good_rule

BAD_RULES = [
    Spoiled("unfinished", {("title",): ""}, "has no uid or title"),
    Spoiled("unfinished", {("annotations", "description"): "Look"}, "has no description"),
    Spoiled("unfinished", {("labels", "severity"): "bad"}, "has no severity"),
    Spoiled("unfinished", {("noDataState",): None}, "does not say what it means"),
    Spoiled("unfinished", {("for",): None}, "does not say for how long"),
    Spoiled("misdirected", {("panelId",): 7}, "there is no panel 7 on dashboard good"),
    Spoiled("misdirected", {("dashboardUid",): "gone"}, "on dashboard gone"),
    Spoiled("misdirected", {("panelId",): 2}, "its panel Where shows"),
    Spoiled("disconnected", {("condition",): "A"}, "its condition is not its last step"),
    Spoiled("disconnected", {("data", 1, "model", "expression"): "C"}, "C does not work on what stands above it"),
    Spoiled("disconnected", {("data", 1, "model", "refId"): "A"}, "is called otherwise inside"),
    Spoiled("disconnected", {("data", 0, "datasourceUid"): "other"}, "asks other, not chargeline"),
    Spoiled("disconnected", {("data", 0, "relativeTimeRange", "to"): 600}, "has no time range"),
    Spoiled("expanded", {("annotations", "summary"): "{{ $labels.charger }} is ill."}, "has a $ in"),
]


@pytest.mark.parametrize("sample", BAD_RULES, ids=lambda sample: sample.words)
def test_a_bad_alert_rule_is_seen(sample: Spoiled) -> None:
    (check,) = [check for check in alert_rules.RULES if check.__name__ == sample.rule]
    rule = Rule("sample", edited(good_rule().content, sample.edits))
    assert any(sample.words in fault for fault in check(rule, {"good": good_board()}))


def test_the_good_alert_rule_has_no_fault() -> None:
    boards = {"good": good_board()}
    assert faults_of_rules([good_rule()], boards) == []
    assert faults_of_rules([good_rule(), good_rule()], boards) == ["sample: is there twice"]


def test_every_rule_is_shown_a_bad_sample() -> None:
    assert {sample.rule for sample in BAD_RULES} == {rule.__name__ for rule in alert_rules.RULES}
