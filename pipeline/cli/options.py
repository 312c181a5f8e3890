"""Options that commands share.

Owns how a command gets its settings, and how wrong settings end it. Must not know any command.
"""

import logging
import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar, cast

import click

from pipeline.core.timestamps import parse_time
from pipeline.log import escape, set_up_logging
from pipeline.masked_words import masked_words
from pipeline.setting_types import duration
from pipeline.settings import Settings, SettingsError, load_settings

_LOG = logging.getLogger(__name__)
_FAILED = 1
_MEANT = (click.ClickException, click.Abort, click.exceptions.Exit, BrokenPipeError)
_P = ParamSpec("_P")
_R = TypeVar("_R")


class WrongSettingsError(click.ClickException):
    """Every fault of the settings, in one message; exit code 2."""

    exit_code = 2

    def __init__(self, error: SettingsError) -> None:
        """One line for each fault."""
        faults = "".join(f"\n  {escape(fault)}" for fault in error.faults)
        super().__init__(f"the settings cannot be used:{faults}\nThe README describes every setting.")


env_file_option = click.option(
    "--env-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Read settings from FILE; the environment wins over it.",
)
"""`--env-file FILE`, passed on as `env_file`; for a command that answers wrong settings in its own way."""


def with_settings(command: Callable[Concatenate[Settings, _P], _R]) -> Callable[..., _R]:
    """Give a command `--env-file FILE`, and the settings in force as its first argument.

    Logging is set up before the command begins. Wrong settings end it with WrongSettingsError before it begins. A fault
    of ours ends it with exit code 1 and is logged: Python would print it with the secrets that it may hold.
    """

    @env_file_option
    @wraps(command)
    def wrapped(*arguments: _P.args, **options: _P.kwargs) -> _R:
        env_file = cast("Path | None", options.pop("env_file", None))
        try:
            settings = load_settings(os.environ, env_file)
        except SettingsError as error:
            raise WrongSettingsError(error) from None
        set_up_logging(settings.log_level, settings.log_format, secrets=masked_words(settings))
        for warning in settings.warnings:
            _LOG.warning("%s", warning)
        try:
            return command(settings, *arguments, **options)
        except _MEANT:
            raise
        except Exception:
            _LOG.critical("a fault of this program ended it; please report this", exc_info=True)
            raise SystemExit(_FAILED) from None

    return wrapped


def read_duration(text: str) -> int:
    """A duration as settings have it, in nanoseconds. Raises BadParameter."""
    try:
        return duration(text)
    except ValueError as fault:
        raise click.BadParameter(f"{text!r} must be {fault}") from None


def read_moment(text: str) -> int:
    """A date, or a moment as ISO 8601 has it, UTC unless it says otherwise, in nanoseconds. Raises BadParameter."""
    moment = parse_time(text if "T" in text else f"{text}T00:00")
    if moment is None:
        raise click.BadParameter(f"{text!r} must be a date or a time, like 2026-01-31 or 2026-01-31T18:00:00+01:00")
    return moment


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for other programs.")
"""`--json`, passed on as `as_json`."""
