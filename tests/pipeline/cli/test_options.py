"""Options that commands share: settings reach the command, or end it with every fault in one message."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from pipeline.cli.options import WrongSettingsError, json_option, with_settings
from pipeline.settings import Settings, SettingsError

LOG = logging.getLogger("tests.options")


@click.command()
@click.argument("word")
@json_option
@with_settings
def probe(settings: Settings, word: str, as_json: bool) -> None:
    """Show what arrived."""
    if word == "stumble":
        raise RuntimeError(f"\x1b[31m{settings.http_token and settings.http_token.reveal()}")
    LOG.debug("token is %s", settings.http_token.reveal() if settings.http_token else None)
    click.echo(f"{word} {as_json} {settings.batch}")


@pytest.fixture(autouse=True)
def _root_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def run(*arguments: str, **environ: str) -> Result:
    given = {f"CHARGELINE_{name}": value for name, value in environ.items()}
    return CliRunner().invoke(probe, arguments, env=given, catch_exceptions=False)


def test_settings_come_before_the_commands_own_arguments() -> None:
    assert run("word", "--json", BATCH="7").output == "word True 7\n"


def test_settings_come_from_an_env_file(tmp_path: Path) -> None:
    (tmp_path / "env").write_text("CHARGELINE_BATCH=7\n", "utf-8")

    assert run("word", "--env-file", str(tmp_path / "env")).output == "word False 7\n"
    assert run("word", "--env-file", str(tmp_path / "env"), BATCH="8").output == "word False 8\n"


def test_wrong_settings_are_one_message_and_exit_code_2(tmp_path: Path) -> None:
    result = run("word", "--env-file", str(tmp_path / "missing"), BATCH="\x1b[31m", BACH="x")

    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        "Error: the settings cannot be used:",
        f"  --env-file {tmp_path / 'missing'} cannot be read: No such file or directory",
        r"  CHARGELINE_BATCH=\x1b[31m (environment) must be a whole number from 1 to 65535; without it, 5000 holds",
        "  CHARGELINE_BACH (environment) is no setting; the nearest name is CHARGELINE_BATCH",
        "The README describes every setting.",
    ]


def test_logging_is_as_the_settings_say_and_masks_secrets() -> None:
    result = run("word", LOG_LEVEL="debug", LOG_FORMAT="json", HTTP_TOKEN="s3cret-token")

    assert json.loads(result.stderr)["message"] == "token is ***"
    assert run("word", LOG_FORMAT="json", HTTP_TOKEN="s3cret-token").stderr == ""


@pytest.mark.parametrize("line_format", ["json", "text"])
def test_a_fault_of_ours_is_logged_without_the_secrets_in_it(line_format: str) -> None:
    result = run("stumble", LOG_FORMAT=line_format, HTTP_TOKEN="s3cret-token")

    assert result.exit_code == 1
    assert "please report this" in result.stderr
    assert "in probe" in result.stderr
    assert "***" in result.stderr
    assert "s3cret-token" not in result.output
    assert "\x1b" not in result.output


def test_what_should_be_mended_is_a_warning_and_the_command_runs(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret-token", "utf-8")
    (tmp_path / "token").chmod(0o644)
    result = run("word", HTTP_TOKEN_FILE=str(tmp_path / "token"), LOG_FORMAT="json")

    assert result.exit_code == 0
    assert json.loads(result.stderr)["level"] == "warning"
    assert "chmod 600" in json.loads(result.stderr)["message"]


def test_help_needs_no_settings() -> None:
    result = run("--help", BATCH="wrong")

    assert result.exit_code == 0
    assert "--env-file FILE" in result.output
    assert "--json" in result.output


def test_wrong_settings_found_later_end_the_same_way() -> None:
    error = WrongSettingsError(SettingsError(("CHARGELINE_X is wrong",)))

    assert error.exit_code == 2
    assert "\n  CHARGELINE_X is wrong\n" in error.format_message()
