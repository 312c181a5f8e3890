"""Each rule for queries passes a good one, and sees a bad one."""

from collections.abc import Mapping

import pytest

from schemas.measurement import Measurement
from tests.dashboards import query_rules
from tests.dashboards.influxql import Select, parse
from tests.dashboards.query_rules import all_measurements, columns_of, faults_of_query
from tests.dashboards.samples import MODE_QUERY


@pytest.fixture(scope="module")
def measurements() -> Mapping[str, Measurement]:
    return all_measurements()


GROUPED = 'FROM "charger_power" WHERE $timeFilter GROUP BY time($__interval)'
QUERY_SAMPLES = [
    ("unknown_names", 'SELECT "op_mode" FROM "charger_mode" WHERE $timeFilter', ("op_mode", "mode"), "mode is neither"),
    (
        "unknown_names",
        'SELECT count("m") FROM (SELECT last("op_mode") AS "m" FROM "charger_mode" WHERE $timeFilter)',
        ('count("m")', 'count("op_mode")'),
        "op_mode is neither",
    ),
    (
        "groups_by_fields",
        'SELECT count("accepted") FROM "command_response" WHERE $timeFilter GROUP BY "command"',
        ('BY "command"', 'BY "result_code"'),
        "groups by result_code, which is no tag",
    ),
    (
        "counts_with_text",
        'SELECT sum("ok") FROM "command" WHERE $timeFilter',
        ('"ok"', '"state"'),
        "sum() of state, which is text",
    ),
    (
        "counts_with_text",
        'SELECT mean("m") FROM (SELECT last("op_mode") AS "m" FROM "charger_mode" WHERE $timeFilter)',
        ("op_mode", "pilot_mode"),
        "mean() of m, which is text",
    ),
    ("counts_with_text", 'SELECT last("ok") FROM "command" WHERE $timeFilter', ("last", "newest"), "newest() is not"),
    ("untimed", 'SELECT last("ok") FROM "command" WHERE $timeFilter', ("$timeFilter", '"ok" = 1'), "no $timeFilter"),
    ("badly_spaced", f'SELECT mean("total_power_kw") {GROUPED} fill(none)', ("none", "previous"), "fills gaps"),
    (
        "badly_spaced",
        f'SELECT mean("total_power_kw") {GROUPED} fill(none)',
        (" fill(none)", ""),
        "fills gaps with null",
    ),
    (
        "badly_spaced",
        f'SELECT mean("total_power_kw") {GROUPED} fill(none)',
        ("$__interval", "7m"),
        "groups by time(7m)",
    ),
    (
        "counts_what_is_taken_back",
        'SELECT mean("failed") FROM "command_outcome" WHERE "refuted" = 0 AND $timeFilter',
        ('"refuted" = 0 AND ', ""),
        "does not leave refuted outcomes out",
    ),
    (
        "counts_what_is_taken_back",
        'SELECT count("energy_kwh") FROM "session" WHERE "source" != \'none\' AND $timeFilter',
        ("none", "json"),
        "does not leave sessions out",
    ),
    ("loosely_matched", MODE_QUERY, ("/^$charger$/", "/$charger/"), "matches /$charger/, which has no anchors"),
    (
        "unheard_of_kinds",
        'SELECT last("active") FROM "alert" WHERE "kind" = \'holding\' AND $timeFilter',
        ("holding", "waiting"),
        "there is no alert of kind waiting",
    ),
]


@pytest.mark.parametrize(("rule", "good", "change", "words"), QUERY_SAMPLES)
def test_a_bad_query_is_seen(
    rule: str, good: str, change: tuple[str, str], words: str, measurements: Mapping[str, Measurement]
) -> None:
    (check,) = [check for check in query_rules.RULES if check.__name__ == rule]
    assert faults_of_query(good, measurements) == []
    parsed = parse(good.replace(*change))
    assert isinstance(parsed, Select)
    found = [fault for select in parsed.selects() for fault in check(select, columns_of(select, measurements))]
    assert any(words in fault for fault in found)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ('SELECT last("x") FROM "nothing" WHERE $timeFilter', "there is no measurement nothing"),
        ('SELECT last(ok) FROM "command" WHERE $timeFilter', "a name needs double quotes: ok"),
        ('SELECT last("ok") FROM "command" WHERE ok = 1', "a name needs double quotes: ok"),
        ('SELECT last("ok") FROM "command" WHERE $timeFilter GROUP "charger"', "BY was expected"),
        ('SELECT last("ok") FROM "command" WHERE $timeFilter; DROP', "cannot be read from here"),
        ('SELECT last("ok") FROM "command" LIMIT', "ends too early"),
        ('SHOW TAG VALUES FROM "command" WITH KEY = "state"', "command has no tag state"),
        ('SHOW TAG VALUES FROM "command" WITH KEY = "site" WHERE "charger" =~ /$charger/', "has no anchors"),
    ],
)
def test_what_is_no_query_is_seen(query: str, words: str, measurements: Mapping[str, Measurement]) -> None:
    assert any(words in fault for fault in faults_of_query(query, measurements))


def test_every_rule_is_shown_a_bad_sample() -> None:
    assert {rule for rule, *_ in QUERY_SAMPLES} == {rule.__name__ for rule in query_rules.RULES}
