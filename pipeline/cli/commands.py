"""`chargeline commands`: the commands that the worker knows, and how they stand.

Owns how they are shown. Must not know what a state means, or how a worker knows.
"""

import time
from collections.abc import Callable, Sequence

import click
import orjson

from pipeline.cli.options import json_option, with_settings
from pipeline.cli.printing import print_table
from pipeline.cli.send import worker_at
from pipeline.command_steps import changes
from pipeline.log import escape
from pipeline.settings import Settings
from pipeline.wires.command_client import CommandClient, CommandView, NoWorkerError, WorkerError

_PAUSE_S = 1.0
_MOST = 1_000
_COLUMNS = ("published", "serial", "command", "arguments", "state", "response", "effect", "ref")
_SHORT_TIME = len("2023-05-04T16:55:23")
_SHORT_REF = 12
_EXAMPLE = """\b
Examples:
  chargeline commands --open
  chargeline commands --watch"""


@click.command(epilog=_EXAMPLE)
@click.option("--open", "open_only", is_flag=True, help="Only those that wait for an answer.")
@click.option("--limit", type=click.IntRange(1, _MOST), default=50, show_default=True, help="At most so many.")
@click.option("--watch", is_flag=True, help="Go on: a line for each that is new or changes, until Ctrl-C.")
@json_option
@with_settings
def command(settings: Settings, open_only: bool, limit: int, watch: bool, as_json: bool) -> None:
    """List the commands that were sent, the newest first.

    Asks the worker at CHARGELINE_HTTP, with CHARGELINE_HTTP_TOKEN.
    """
    try:
        with worker_at(settings) as worker:
            if watch:
                _watch(worker, limit, open_only=open_only, as_json=as_json)
            else:
                _list(worker.list(open_only=open_only, limit=limit), as_json=as_json)
    except WorkerError as fault:
        raise click.ClickException(escape(str(fault))) from None


def _list(found: Sequence[CommandView], *, as_json: bool) -> None:
    if as_json:
        for view in found:
            click.echo(orjson.dumps(view.document))
    elif found:
        print_table(_COLUMNS, [_cells(view) for view in found])
    else:
        click.echo("There are no such commands.")


def _watch(worker: CommandClient, limit: int, *, open_only: bool, as_json: bool) -> None:
    looks = _Patient(lambda: worker.list(open_only=open_only, limit=limit))
    for view in changes(looks.look, lambda: time.sleep(_PAUSE_S)):
        click.echo(orjson.dumps(view.document) if as_json else escape("  ".join(filter(None, _cells(view)))))


class _Patient:
    """Looks that survive a worker that is away for a while, as when it is started anew; never the first."""

    def __init__(self, look: Callable[[], Sequence[CommandView]]) -> None:
        self._look = look
        self._last: Sequence[CommandView] | None = None
        self._is_away = False

    def look(self) -> Sequence[CommandView]:
        try:
            self._last = self._look()
        except NoWorkerError as fault:
            if self._last is None:
                raise
            if not self._is_away:
                click.echo(escape(str(fault)), err=True)
            self._is_away = True
        else:
            self._is_away = False
        return self._last


def _cells(view: CommandView) -> tuple[str, ...]:
    return (
        view.published_at[:_SHORT_TIME],
        view.serial,
        view.command,
        " ".join(view.arguments),
        ", ".join([view.state.value, *sorted(view.flags & {"late", "superseded", "confirmed"})]),
        _latency(view, "response_ms"),
        _latency(view, "effect_ms"),
        view.ref[:_SHORT_REF],
    )


def _latency(view: CommandView, name: str) -> str:
    return f"{view.latencies[name]:,.0f} ms" if name in view.latencies else ""
