"""The dashboards and alert rules that are shipped keep every rule."""

from collections.abc import Mapping

import pytest

from schemas.measurement import Measurement
from tests.dashboards.alert_rules import SOURCE, faults_of_rules
from tests.dashboards.board_rules import faults_of_board
from tests.dashboards.boards import GRAFANA, PROVISIONING, Board, Query, read_boards, read_rules
from tests.dashboards.column_rules import faults_of_columns
from tests.dashboards.mapping_rules import faults_of_mappings
from tests.dashboards.nodes import Json, items, text, texts
from tests.dashboards.query_rules import all_measurements, faults_of_query
from tests.dashboards.schema import faults_of_schema
from tests.dashboards.yaml_subset import read_yaml

BOARDS = read_boards()
QUERIES = [*(query for board in BOARDS.values() for query in board.queries())]
QUERIES += [query for rule in read_rules() for query in rule.queries()]


@pytest.fixture(scope="module")
def measurements() -> Mapping[str, Measurement]:
    return all_measurements()


def test_the_dashboards_are_these() -> None:
    assert BOARDS.keys() == {"home", "fleet", "commands", "charger", "sessions", "pipeline"}


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_a_dashboard_keeps_the_rules(board: Board) -> None:
    assert faults_of_schema(board.content) == []
    assert [*faults_of_board(board, BOARDS), *faults_of_mappings(board), *faults_of_columns(board)] == []


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.where)
def test_a_query_keeps_the_rules(query: Query, measurements: Mapping[str, Measurement]) -> None:
    assert faults_of_query(query.influxql, measurements) == []


def test_the_alert_rules_keep_the_rules() -> None:
    assert faults_of_rules(read_rules(), BOARDS) == []


def test_the_alert_rules_are_these() -> None:
    chargers = {"charger-silent", "command-failures", "three-time-outs"}
    assert {rule.uid for rule in read_rules()} == chargers | {
        *("no-ingestion", "rejects", "backlog-growing", "worker-holding")
    }


def test_no_data_of_a_worker_is_an_alert() -> None:
    alarming = {rule.uid for rule in read_rules() if text(rule.content, "noDataState") == "Alerting"}
    assert alarming == {"no-ingestion"}


def provisioned(path: str) -> Json:
    return read_yaml((GRAFANA / path).read_text("utf-8"))


def test_the_data_source_takes_what_is_secret_from_the_environment() -> None:
    (source,) = items(provisioned("provisioning/datasources/chargeline.yaml"), "datasources")
    assert text(source, "uid") == SOURCE
    assert text(source, "secureJsonData", "httpHeaderValue1") == "Token $GRAFANA_INFLUX_TOKEN"
    assert text(source, "jsonData", "version") == "InfluxQL"


def test_where_alerts_go_is_left_to_the_operator() -> None:
    demo = provisioned("demo/alerting/contact.yaml")
    (contact,) = items(demo, "contactPoints")
    (policy,) = items(demo, "policies")
    assert text(policy, "receiver") == text(contact, "name")
    for path in PROVISIONING.rglob("*.yaml"):
        assert not {"contactPoints", "policies"} & set(path.read_text("utf-8").replace(":", " ").split())


def test_every_provisioning_file_is_read() -> None:
    for path in GRAFANA.rglob("*.yaml"):
        assert "apiVersion" in path.read_text("utf-8")
        assert list(texts(read_yaml(path.read_text("utf-8"))))
