"""The roles on a hostile day: Kafka's password stays secret, what is personal stays out, no port is open unasked."""

from collections.abc import Iterator

import pytest

from tests.campaigns.scaled import ROLES
from tests.security.hostile_day import PERSONAL, hostile_deliveries
from tests.security.hostile_roles import Evidence, live_through
from tests.security.test_hostile_day import CONTROL, FIRST_OF_A_LINE, files_of
from tests.services.kafka import Kafka
from tests.services.rabbitmq import RabbitMq

pytestmark = pytest.mark.services


@pytest.fixture(scope="module")
def evidence(rabbitmq: RabbitMq, kafka_node: Kafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evidence]:
    rabbitmq.settle()
    kafka_node.settle()
    kafka_node.delete_topics(kafka_node.topics())
    vhost = rabbitmq.add_vhost()
    yield live_through(tmp_path_factory.mktemp("roles"), rabbitmq, kafka_node, vhost)
    rabbitmq.delete_vhost(vhost)


def test_the_day_was_lived_through(evidence: Evidence) -> None:
    """Otherwise nothing is found below because nothing was looked at."""
    delivered = f"chargeline_delivered_total {len(hostile_deliveries())}.0".encode()
    assert delivered in evidence.outputs["metrics of bridge"]
    assert all(evidence.outputs.values())
    assert all(b" debug " in evidence.outputs[f"log of {role}"] for role in ROLES)
    assert b"CHARGELINE_KAFKA_CONFIG_FILE" in evidence.outputs["config"]
    assert b"please report this" in evidence.outputs["crash"]
    assert b"lets test in" in evidence.outputs["check --role track"]
    assert evidence.topics["chargeline.rejects"]


def test_no_password_is_shown(evidence: Evidence) -> None:
    assert [place for place, output in evidence.outputs.items() if evidence.password in output] == []


def test_a_login_is_not_logged_in_any_form(evidence: Evidence) -> None:
    """As its client library would write it, no mask could know every password."""
    assert b"SaslAuthenticate" not in evidence.outputs["log of track"]


def test_no_password_is_written(evidence: Evidence) -> None:
    assert [path for path in files_of(evidence.folder) if evidence.password in path.read_bytes()] == []


def test_nothing_personal_is_shown_or_in_a_topic(evidence: Evidence) -> None:
    found = {**evidence.outputs, **evidence.topics}
    assert [place for place, content in found.items() if PERSONAL.encode() in content] == []


def test_no_port_is_open_but_that_of_http(evidence: Evidence) -> None:
    """The library of `track` would open one by itself."""
    assert evidence.ports == {role: set() for role in ROLES}


def test_no_text_of_strangers_is_shown_raw(evidence: Evidence) -> None:
    shown = {place: output for place, output in evidence.outputs.items() if not place.startswith("arguments")}
    assert {place: CONTROL.findall(output) for place, output in shown.items() if CONTROL.search(output)} == {}


def test_nobody_writes_a_line_of_the_log_but_we(evidence: Evidence) -> None:
    logs = [output for place, output in evidence.outputs.items() if place.startswith("log") or place == "crash"]
    assert [line for log in logs for line in log.splitlines() if not FIRST_OF_A_LINE.match(line)] == []
