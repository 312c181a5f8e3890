"""`chargeline send`: a command to a charger, through the worker.

Owns what is asked on the command line, what is shown of it, and the exit code. Must not know the rules of commands, or
how they are published: the worker alone does that, so that it knows every command of ours.
"""

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass

import click
import orjson

from pipeline.cli.options import WrongSettingsError, json_option, with_settings
from pipeline.command_steps import Step, follow
from pipeline.core.body import Json
from pipeline.core.command_life import CommandState
from pipeline.core.encode_command import CheckedCommand, CommandError, check_command, encode_command
from pipeline.core.timestamps import NS_PER_S
from pipeline.log import escape
from pipeline.setting_specs import SPECS
from pipeline.setting_types import duration
from pipeline.settings import Settings, SettingsError
from pipeline.wires.command_body import LONGEST_EXPIRY_S
from pipeline.wires.command_client import CommandClient, WorkerError
from schemas.catalogue import shipped_catalogue

_PAUSE_S = 0.25
_PAUSES_A_LOOK = 8
_KEY_BYTES = 16
_WIDTH = 13
_EXAMPLE = """\b
Examples:
  chargeline send EH123456 SetDynamicChargerCurrent 13 --ttl 5 --expires-in 60s --wait
  chargeline send EH123456 48 13 5 --dry-run"""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What stands on the command line; `expires_in` in nanoseconds."""

    serial: str
    command: str
    arguments: Sequence[str]
    ttl: str | None
    expires_in: int | None

    def check(self, now: int) -> CheckedCommand:
        """Raises CommandError."""
        return check_command(
            shipped_catalogue(),
            self.serial,
            self.command,
            self.arguments,
            ttl=self.ttl,
            expires_at=None if self.expires_in is None else now + self.expires_in,
            now=now,
        )

    def request(self) -> dict[str, Json]:
        """For the worker, which counts `expires_in` from when it has the request."""
        return {
            "serial": self.serial,
            "command": self.command,
            "arguments": list(self.arguments),
            "ttl": self.ttl,
            "expires_in_s": None if self.expires_in is None else self.expires_in / NS_PER_S,
        }


class _Pause:
    """Lets a moment pass between two looks; says once that the worker does not read its queue, where that is so."""

    def __init__(self, worker: CommandClient) -> None:
        self._worker = worker
        self._pauses = 0
        self._has_said = False

    def __call__(self) -> None:
        if not self._has_said and self._pauses % _PAUSES_A_LOOK == 0:
            self._look()
        self._pauses += 1
        time.sleep(_PAUSE_S)

    def _look(self) -> None:
        words = self._worker.unread()
        if words:
            self._has_said = True
            message = (
                f"The worker does not read its queue now ({escape(words)}), so no answer can be seen; still waiting."
            )
            click.echo(message, err=True)


def _read_duration(_: click.Context, __: click.Parameter, value: str | None) -> int | None:
    if value is None:
        return None
    try:
        nanoseconds = duration(value)
    except ValueError as fault:
        message = f"{value!r} must be {fault}"
        raise click.BadParameter(message) from None
    if nanoseconds > LONGEST_EXPIRY_S * NS_PER_S:
        message = "a command can expire within 366 days"
        raise click.BadParameter(message)
    return nanoseconds


@click.command(epilog=_EXAMPLE)
@click.argument("serial")
@click.argument("name", metavar="COMMAND")
@click.argument("arguments", nargs=-1, metavar="[ARG]...")
@click.option("--ttl", metavar="MINUTES", help="The argument TTL of a command that has one: it is the last.")
@click.option(
    "--expires-in", callback=_read_duration, metavar="DURATION", help="Not to be carried out after, say, 60s."
)
@click.option("--wait", is_flag=True, help="Wait for the charger's answer and the effect; a line for each step.")
@click.option("--dry-run", is_flag=True, help="Only show what would be published; no worker is asked.")
@json_option
@with_settings
def command(
    settings: Settings,
    serial: str,
    name: str,
    arguments: Sequence[str],
    ttl: str | None,
    expires_in: int | None,
    wait: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Send a command to a charger.

    COMMAND is a name in any letter case, or an id; `chargeline catalogue --commands` lists them with their arguments.
    The worker at CHARGELINE_HTTP publishes it, with CHARGELINE_HTTP_TOKEN. The exit code is 0 when the broker has taken
    it; with --wait, when the charger has accepted it.
    """
    asked = _Asked(serial, name, arguments, ttl, expires_in)
    try:
        checked = asked.check(time.time_ns())
    except CommandError as fault:
        raise click.UsageError(escape(str(fault))) from None
    if dry_run:
        _show_message(settings, checked, as_json=as_json)
        return
    try:
        has_failed = _send(settings, asked, wait=wait, as_json=as_json)
    except WorkerError as fault:
        raise click.ClickException(escape(str(fault))) from None
    if has_failed:
        raise SystemExit(1)


def worker_at(settings: Settings) -> CommandClient:
    """Who asks the worker of these settings. Raises WrongSettingsError where they do not say where it is, or how."""
    if settings.http is None:
        fault = f"{SPECS['HTTP'].variable} is off; set it to the address of the worker, as for the worker itself"
        raise WrongSettingsError(SettingsError((fault,)))
    if settings.http_token is None:
        fault = f"{SPECS['HTTP_TOKEN'].variable} must be set, to the same token as for the worker"
        raise WrongSettingsError(SettingsError((fault,)))
    return CommandClient(settings.http.host, settings.http.port, settings.http_token.reveal())


def _send(settings: Settings, asked: _Asked, *, wait: bool, as_json: bool) -> bool:
    """Send it, and show what comes of it; whether that is a failure. Raises WorkerError."""
    with worker_at(settings) as worker:
        sent = worker.send(asked.request(), secrets.token_hex(_KEY_BYTES))
        steps = follow(sent, lambda: worker.find(sent.ref), _Pause(worker))
        step = next(steps)
        _show(step, as_json=as_json)
        if not wait:
            return step.view.state is CommandState.UNCONFIRMED
        try:
            for step in steps:
                _show(step, as_json=as_json)
        except WorkerError as fault:
            raise WorkerError(f"{fault}; the command was sent: see `chargeline commands`") from None
    return step.is_failure


def _show(step: Step, *, as_json: bool) -> None:
    if as_json:
        click.echo(orjson.dumps({"step": step.name, "command": step.view.document}))
    else:
        click.echo(f"{step.name:{_WIDTH}}{escape(step.words)}")


def _show_message(settings: Settings, checked: CheckedCommand, *, as_json: bool) -> None:
    if settings.operator is None:
        fault = f"{SPECS['OPERATOR'].variable} must be set, as for the worker: it stands in a header of every command"
        raise WrongSettingsError(SettingsError((fault,)))
    message = encode_command(checked, settings.operator)
    if as_json:
        entry = {
            "routing_key": message.routing_key,
            "headers": dict(message.headers),
            "content_type": message.content_type,
            "body": message.body.decode(),
        }
        click.echo(orjson.dumps(entry))
        return
    lines = {
        "routing key": message.routing_key,
        **{f"{name}": value for name, value in message.headers.items()},
        "content type": message.content_type,
        "body": message.body.decode(),
    }
    width = max(map(len, lines)) + 2
    for name, value in lines.items():
        click.echo(f"{name:{width}}{escape(value)}")
    click.echo("Nothing was sent.", err=True)
