"""`chargeline check`: what a worker with these settings would meet.

Owns how findings are shown, and the exit code: 3 where one failed. Must not know what is tried.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
import orjson

from pipeline.check_step import Finding, Result
from pipeline.cli.options import env_file_option, json_option
from pipeline.deferred import deferred
from pipeline.log import escape, set_up_logging
from pipeline.masked_words import masked_words
from pipeline.settings import SettingsError, load_settings

if TYPE_CHECKING:
    from pipeline import check
else:
    check = deferred("pipeline.check")

_FAILED = 3
_ROLES = ("all", "bridge", "track", "write")
_COLOURS = {Result.OK: "green", Result.WARNING: "yellow", Result.FAILED: "red", Result.SKIPPED: "bright_black"}
_WIDTH = max(map(len, Result)) + 2
_EXAMPLE = """\b
Examples:
  chargeline check --env-file chargeline.env
  chargeline check --json
  chargeline check --role track --env-file chargeline.env"""


@click.command(epilog=_EXAMPLE)
@click.option(
    "--role",
    type=click.Choice(_ROLES),
    default=_ROLES[0],
    show_default=True,
    help="Of a scale-out on Kafka, what this role needs: brokers, login and topics, beside the queue (bridge), the "
    "login of its own client (track), or the store (write).",
)
@json_option
@env_file_option
def command(env_file: Path | None, role: str, as_json: bool) -> None:
    """See whether a worker, or a role, could work.

    Tries settings, DATA_DIR, broker, login, queue, exchange, store, clock and HTTP address, one after the other, and
    changes nothing: no message is taken, no row written. Each line says what was tried and what was found; below it,
    what to do. The exit code is 3 where something failed; a warning is none.
    """
    findings = []
    for finding in _find(env_file, role):
        findings.append(finding)
        if not as_json:
            _show(finding)
    if as_json:
        click.echo(orjson.dumps([finding._asdict() for finding in findings], option=orjson.OPT_INDENT_2))
    if any(finding.result is Result.FAILED for finding in findings):
        raise SystemExit(_FAILED)


def _find(env_file: Path | None, role: str) -> Iterator[Finding]:
    try:
        settings = load_settings(os.environ, env_file)
    except SettingsError as error:
        return check.findings_of_wrong_settings(error, role)
    set_up_logging(settings.log_level, settings.log_format, secrets=masked_words(settings))
    return check.check(settings, time.time_ns, role)


def _show(finding: Finding) -> None:
    result = click.style(f"{finding.result:{_WIDTH}}", fg=_COLOURS[finding.result])
    click.echo(f"{result}{escape(finding.tried)}: {escape(finding.found)}")
    if finding.todo:
        click.echo(f"{'':{_WIDTH}}-> {escape(finding.todo)}")
