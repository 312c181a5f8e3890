"""Each rule for dashboards and for mappings passes the good sample, and sees a bad one."""

import pytest

from tests.dashboards import board_rules, mapping_rules
from tests.dashboards.board_rules import faults_of_board
from tests.dashboards.boards import Board
from tests.dashboards.mapping_rules import faults_of_mappings
from tests.dashboards.samples import (
    ANCHORED,
    DEFAULTS,
    LINK,
    MODE_QUERY,
    TARGET,
    Spoiled,
    edited,
    good_board,
    written_board,
)

BAD_BOARDS = [
    Spoiled("badly_written", {("uid",): "other"}, "its uid is not good"),
    Spoiled("badly_written", {("schemaVersion",): 36}, "its schemaVersion is not 42"),
    Spoiled("badly_written", {("__inputs",): []}, "has __inputs"),
    Spoiled("badly_opened", {("refresh",): ""}, "has no refresh"),
    Spoiled("badly_opened", {("time", "from"): "2026-01-01"}, "does not open with a range"),
    Spoiled("badly_opened", {("graphTooltip",): 0}, "does not share its cursor"),
    Spoiled("badly_opened", {("editable",): True}, "can be edited"),
    Spoiled("badly_opened", {("links", 0, "keepTime"): False}, "link Others loses time or variables"),
    Spoiled("silent_panels", {("panels", 0, "title"): ""}, "has no title"),
    Spoiled("silent_panels", {("panels", 0, "description"): "Modes"}, "Mode: has no description"),
    Spoiled("silent_panels", {(*DEFAULTS, "unit"): None}, "Mode: has no unit"),
    Spoiled("silent_panels", {(*DEFAULTS, "noValue"): ""}, "Mode: has no noValue"),
    Spoiled("silent_panels", {("panels", 0, "targets"): []}, "Mode: asks nothing"),
    Spoiled("same_numbers", {("panels", 1, "id"): 1}, "2 panels have the number 1"),
    Spoiled("same_numbers", {(*TARGET, "refId"): ""}, "or one has none"),
    Spoiled("badly_laid_out", {("panels", 1, "gridPos", "x"): 11}, "Where: lies on Mode"),
    Spoiled("badly_laid_out", {("panels", 1, "gridPos", "w"): 13}, "Where: lies outside"),
    Spoiled("other_sources", {("templating", "list", 0, "type"): "custom"}, "its first variable"),
    Spoiled("other_sources", {("panels", 0, "datasource"): None}, "Mode: does not ask"),
    Spoiled("other_sources", {(*TARGET, "datasource"): {"type": "influxdb", "uid": "chargeline"}}, "Mode: does not"),
    Spoiled("other_sources", {("annotations", "list", 0, "datasource"): None}, "Alerts: does not ask"),
    Spoiled("unknown_variables", {("panels", 0, "title"): "Mode of $device"}, "there is no variable device"),
    Spoiled("unchosen_chargers", {(*TARGET, "query"): MODE_QUERY.replace("$site$", "$")}, "does not obey $site"),
    Spoiled("broken_links", {(*DEFAULTS, "links", 0, "url"): LINK.replace("good", "gone")}, "no such dashboard"),
    Spoiled("broken_links", {(*DEFAULTS, "links", 0, "url"): LINK.replace("var-charger", "var-car")}, "no variable"),
    Spoiled("broken_links", {(*DEFAULTS, "links", 0, "url"): "/d/good?${datasource:queryparam}"}, "loses the time"),
    Spoiled("broken_links", {("panels", 1, "options", "content"): "[a](/d/good?from=1&to=2)"}, "the data source"),
]

BAD_MAPPINGS = [
    Spoiled("invented_codes", {(*DEFAULTS, "mappings", 0, "options", "3", "text"): "Loading"}, "is not as schemas"),
    Spoiled("bare_codes", {(*DEFAULTS, "mappings"): []}, "shows op_mode without its mapping"),
    Spoiled(
        "misnamed_modes",
        {
            (*TARGET, "query"): f'SELECT count("op_mode") FROM "charger_snapshot" WHERE "op_mode" = 3 AND {ANCHORED}',
            (*TARGET, "alias"): "Offline",
        },
        "op_mode 3 is called Offline",
    ),
    Spoiled(
        "misnamed_modes",
        {
            (*TARGET, "query"): f'SELECT sum("charging_s") AS "Error" FROM "charger_hour" WHERE {ANCHORED}',
            (*TARGET, "alias"): "$col",
        },
        "charging_s is called Error",
    ),
    Spoiled(
        "invented_states",
        {
            (*DEFAULTS, "mappings", 0, "options"): {
                "accepted": {"index": 0, "text": "Accepted"},
                "denied": {"index": 1, "text": "Denied"},
            }
        },
        "there is no command state denied",
    ),
    Spoiled(
        "forgotten_reasons",
        {(*TARGET, "query"): 'SELECT sum("rejected_json") FROM "pipeline" WHERE $timeFilter'},
        "leaves out rejected_clock",
    ),
]


def spoiled_board(sample: Spoiled) -> Board:
    return written_board(edited(good_board().content, sample.edits))


@pytest.mark.parametrize("sample", BAD_BOARDS, ids=lambda sample: sample.words)
def test_a_bad_dashboard_is_seen(sample: Spoiled) -> None:
    (rule,) = [rule for rule in board_rules.RULES if rule.__name__ == sample.rule]
    board = spoiled_board(sample)
    assert any(sample.words in fault for fault in rule(board, {"good": board}))


@pytest.mark.parametrize("sample", BAD_MAPPINGS, ids=lambda sample: sample.words)
def test_a_bad_mapping_is_seen(sample: Spoiled) -> None:
    (rule,) = [rule for rule in mapping_rules.RULES if rule.__name__ == sample.rule]
    assert any(sample.words in fault for fault in rule(spoiled_board(sample)))


def test_unsorted_keys_are_seen() -> None:
    board = good_board()
    (fault,) = board_rules.badly_written(board._replace(source=board.source.replace("  ", " ")), {})
    assert fault.startswith("its keys are not sorted")


def test_the_good_dashboard_has_no_fault() -> None:
    board = good_board()
    assert [*faults_of_board(board, {"good": board}), *faults_of_mappings(board)] == []


def test_every_rule_is_shown_a_bad_sample() -> None:
    assert {sample.rule for sample in BAD_BOARDS} == {rule.__name__ for rule in board_rules.RULES}
    assert {sample.rule for sample in BAD_MAPPINGS} == {rule.__name__ for rule in mapping_rules.RULES}
