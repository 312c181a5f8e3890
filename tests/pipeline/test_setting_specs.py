"""The table of settings: names, defaults and secrets are those that users rely on."""

import pytest

from pipeline.setting_specs import SPECS, Spec

FIXED = {
    "AMQP_URL": None,
    "AMQP_QUEUE": None,
    "AMQP_EXCHANGE": None,
    "AMQP_CA_FILE": None,
    "EASEE_CONNECTION_FILE": None,
    "AMQP_READER": "fast",
    "AMQP_SHARE": "off",
    "PREFETCH": "15000",
    "BATCH": "5000",
    "BATCH_AGE": "100ms",
    "COMMAND_AMQP_URL": None,
    "COMMAND_QUEUE": None,
    "OPERATOR": None,
    "INFLUX_URL": None,
    "INFLUX_TOKEN": None,
    "INFLUX_ORG": None,
    "INFLUX_BUCKET": None,
    "DATA_DIR": "./chargeline-data",
    "COMMAND_TIMEOUT": "60s",
    "SILENT_AFTER": "20min",
    "STREAM_SILENT_AFTER": "10min",
    "BACKLOG_ALERT": "100000",
    "REJECTS_ALERT": "100/min",
    "LATE_DATA": "6h",
    "PERSONAL": "drop",
    "PERSONAL_KEY": None,
    "REJECTS_MAX": "1GiB",
    "REJECTS_KEEP": "30d",
    "REJECTS_WHEN_FULL": "stop",
    "FLEET_FILE": None,
    "RETRY_ATTEMPTS": "0",
    "ALERT_WEBHOOK": None,
    "KEEP": "raw:forever,hour:forever",
    "HTTP": "127.0.0.1:8090",
    "HTTP_TOKEN": None,
    "KAFKA_BROKERS": None,
    "KAFKA_PARTITIONS": "12",
    "KAFKA_REPLICATION": "3",
    "KAFKA_RETENTION": "7d",
    "KAFKA_CONFIG_FILE": None,
    "LOG_LEVEL": "info",
    "LOG_FORMAT": "auto",
}
"""Every setting and its default, as the design fixes them."""

SECRETS = {"AMQP_URL", "COMMAND_AMQP_URL", "INFLUX_TOKEN", "PERSONAL_KEY", "ALERT_WEBHOOK", "HTTP_TOKEN"}
USED = {
    "AMQP_URL",
    "AMQP_QUEUE",
    "AMQP_EXCHANGE",
    "AMQP_CA_FILE",
    "EASEE_CONNECTION_FILE",
    "FLEET_FILE",
    "AMQP_READER",
    "AMQP_SHARE",
    "PREFETCH",
    "BATCH",
    "BATCH_AGE",
    "INFLUX_URL",
    "INFLUX_TOKEN",
    "INFLUX_ORG",
    "INFLUX_BUCKET",
    "DATA_DIR",
    "PERSONAL",
    "PERSONAL_KEY",
    "REJECTS_MAX",
    "REJECTS_KEEP",
    "REJECTS_WHEN_FULL",
    "HTTP",
    "HTTP_TOKEN",
    "COMMAND_AMQP_URL",
    "COMMAND_QUEUE",
    "OPERATOR",
    "COMMAND_TIMEOUT",
    "SILENT_AFTER",
    "STREAM_SILENT_AFTER",
    "BACKLOG_ALERT",
    "REJECTS_ALERT",
    "LATE_DATA",
    "RETRY_ATTEMPTS",
    "ALERT_WEBHOOK",
    "KAFKA_BROKERS",
    "KAFKA_PARTITIONS",
    "KAFKA_REPLICATION",
    "KAFKA_RETENTION",
    "KAFKA_CONFIG_FILE",
    "LOG_LEVEL",
    "LOG_FORMAT",
}


def test_names_and_defaults_are_the_fixed_ones() -> None:
    assert {name: spec.default for name, spec in SPECS.items()} == FIXED


def test_secrets_are_what_gives_access() -> None:
    assert {name for name, spec in SPECS.items() if spec.is_secret} == SECRETS


def test_what_has_an_effect_is_what_a_command_reads() -> None:
    assert {name for name, spec in SPECS.items() if spec.is_used} == USED


@pytest.mark.parametrize("spec", SPECS.values(), ids=lambda spec: spec.name)
def test_each_is_fit_to_be_shown(spec: Spec) -> None:
    assert spec.meaning.endswith(".")
    assert "|" not in spec.meaning
    assert spec.meaning.isprintable()
    assert spec.default is None or spec.parse(spec.default) is not None


def test_no_setting_is_anothers_file() -> None:
    files = {spec.file_variable for spec in SPECS.values() if spec.is_secret}
    assert files.isdisjoint(spec.variable for spec in SPECS.values())


def test_names_of_a_setting() -> None:
    spec = SPECS["HTTP_TOKEN"]
    assert (spec.variable, spec.file_variable) == ("CHARGELINE_HTTP_TOKEN", "CHARGELINE_HTTP_TOKEN_FILE")
    assert spec.attribute == "http_token"
