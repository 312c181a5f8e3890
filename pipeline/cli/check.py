"""`chargeline check`: what a worker with these settings would meet.

Owns how findings are shown, and the exit code: 3 where one failed. Must not know what is tried.
"""

import time

import click
import orjson

from pipeline.check import Finding, Result, check
from pipeline.cli.options import json_option, with_settings
from pipeline.log import escape
from pipeline.settings import Settings

_FAILED = 3
_COLOURS = {Result.OK: "green", Result.WARNING: "yellow", Result.FAILED: "red", Result.SKIPPED: "bright_black"}
_EXAMPLE = """\b
Examples:
  chargeline check --env-file chargeline.env
  chargeline check --json"""


@click.command(epilog=_EXAMPLE)
@json_option
@with_settings
def command(settings: Settings, as_json: bool) -> None:
    """See whether a worker could work.

    Tries settings, DATA_DIR, broker, login, queue, exchange, store and clock, one after the other, and changes nothing:
    no message is taken, no row written. Each line says what was tried and what was found; below it, what to do. The
    exit code is 3 where something failed; a warning is none.
    """
    findings = []
    for finding in check(settings, time.time_ns()):
        findings.append(finding)
        if not as_json:
            _show(finding)
    if as_json:
        click.echo(orjson.dumps([finding._asdict() for finding in findings], option=orjson.OPT_INDENT_2))
    if any(finding.result is Result.FAILED for finding in findings):
        raise SystemExit(_FAILED)


def _show(finding: Finding) -> None:
    result = click.style(f"{finding.result:8}", fg=_COLOURS[finding.result])
    click.echo(f"{result} {escape(finding.tried)}: {escape(finding.found)}")
    if finding.todo:
        click.echo(f"         -> {escape(finding.todo)}")
