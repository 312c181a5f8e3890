"""`chargeline config`: every setting in force, its source, and no secret."""

import json
import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipeline.cli.config import command, settings_entry
from pipeline.setting_specs import SPECS
from pipeline.settings import load_settings
from tests.pipeline.setting_values import EVERY, PASSWORD, environ


@pytest.fixture(autouse=True)
def _root_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def run(*arguments: str, env: Mapping[str, str]) -> Result:
    result = CliRunner().invoke(command, arguments, env=env, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result


def row_of(output: str, variable: str) -> list[str]:
    (row,) = [line.split() for line in output.splitlines() if line.split()[0] == variable]
    return row


def test_each_setting_is_a_line_with_value_and_source() -> None:
    output = run(env=environ(BATCH="7", KEEP="raw:90d,hour:forever")).stdout

    assert [line.split()[0] for line in output.splitlines()[1:]] == [spec.variable for spec in SPECS.values()]
    assert row_of(output, "CHARGELINE_BATCH") == ["CHARGELINE_BATCH", "7", "environment"]
    assert row_of(output, "CHARGELINE_PERSONAL") == ["CHARGELINE_PERSONAL", "drop", "default"]
    assert row_of(output, "CHARGELINE_KEEP")[1:] == ["raw:90d,hour:forever", "environment"]
    assert row_of(output, "CHARGELINE_HTTP_TOKEN")[1:3] == ["none", "default"]


def test_json_says_the_same_for_programs(tmp_path: Path) -> None:
    (tmp_path / "env").write_text("CHARGELINE_BATCH=7\n", "utf-8")
    (tmp_path / "token").write_text(PASSWORD, "utf-8")
    (tmp_path / "token").chmod(0o600)
    environment = environ(PERSONAL="keep", HTTP_TOKEN_FILE=str(tmp_path / "token"))
    shown = json.loads(run("--json", "--env-file", str(tmp_path / "env"), env=environment).stdout)

    assert list(shown) == [spec.variable for spec in SPECS.values()]
    assert shown["CHARGELINE_BATCH"] == {
        "value": "7",
        "source": str(tmp_path / "env"),
        "default": "5000",
        "secret": False,
    }
    assert shown["CHARGELINE_PERSONAL"]["source"] == "environment"
    assert shown["CHARGELINE_LOG_LEVEL"]["source"] == "default"
    assert shown["CHARGELINE_AMQP_URL"] == {
        "value": None,
        "source": "default",
        "default": None,
        "secret": True,
    }
    assert shown["CHARGELINE_HTTP_TOKEN"]["value"] == "***"
    assert shown["CHARGELINE_HTTP_TOKEN"]["source"] == f"environment (file {tmp_path / 'token'})"


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_no_secret_is_shown(arguments: tuple[str, ...]) -> None:
    secrets = {name: f"https://u:{PASSWORD * 3}@h" for name, spec in SPECS.items() if spec.is_secret}
    amqp = dict.fromkeys(("AMQP_URL", "COMMAND_AMQP_URL"), f"amqps://u:{PASSWORD}@h")
    result = run(*arguments, env=environ(**EVERY | secrets | amqp, LOG_LEVEL="debug"))

    assert PASSWORD not in result.output
    assert result.stdout.count("***") == len(secrets)


def test_values_that_no_terminal_or_json_can_take_are_written_out() -> None:
    folder = os.fsdecode(b"/data/\xff\x1b[31m")
    environment = environ(DATA_DIR=folder)

    assert row_of(run(env=environment).stdout, "CHARGELINE_DATA_DIR")[1] == r"/data/\udcff\x1b[31m"
    assert settings_entry(load_settings(environment))["CHARGELINE_DATA_DIR"]["value"] == "/data/\\udcff\x1b[31m"
    assert "CHARGELINE_DATA_DIR" in json.loads(run("--json", env=environment).stdout)


def test_help_ends_with_examples() -> None:
    assert "chargeline config --env-file .env --json" in run("--help", env={}).stdout
