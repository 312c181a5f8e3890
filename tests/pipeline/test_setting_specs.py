"""The table of settings: names, defaults and secrets are those that users rely on."""

from pathlib import Path

import pytest

from pipeline.setting_specs import SPECS, Spec

PIPELINE = Path(__file__).parents[2] / "pipeline"

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
    "KAFKA_MIN_IN_SYNC": None,
    "KAFKA_RETENTION": "7d",
    "KAFKA_CONFIG_FILE": None,
    "LOG_LEVEL": "info",
    "LOG_FORMAT": "auto",
}
"""Every setting and its default, as the design fixes them."""

SECRETS = {"AMQP_URL", "COMMAND_AMQP_URL", "INFLUX_TOKEN", "PERSONAL_KEY", "ALERT_WEBHOOK", "HTTP_TOKEN"}


def test_names_and_defaults_are_the_fixed_ones() -> None:
    assert {name: spec.default for name, spec in SPECS.items()} == FIXED


def test_secrets_are_what_gives_access() -> None:
    assert {name for name, spec in SPECS.items() if spec.is_secret} == SECRETS


@pytest.mark.parametrize("spec", SPECS.values(), ids=lambda spec: spec.name)
def test_each_is_read_by_some_part_of_the_program(spec: Spec) -> None:
    others = [path for path in PIPELINE.rglob("*.py") if path.name != "settings.py"]
    assert any(f"settings.{spec.attribute}" in path.read_text("utf-8") for path in others)


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
