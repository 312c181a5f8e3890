"""`chargeline run`: the worker, from the operator's queue to the store.

Owns how it ends: the exit code, and words for what keeps it from starting. Must not know how it works.
"""

import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import click

from pipeline.cli.options import WrongSettingsError, with_settings
from pipeline.deferred import deferred
from pipeline.log import set_up_logging
from pipeline.masked_words import masked_words
from pipeline.secret import UnreadableSecretError
from pipeline.settings import Settings, SettingsError
from pipeline.wires.folder_lock import FolderLockedError
from pipeline.wires.sqlite_file import ForeignFileError
from pipeline.wires.store import StoreUnavailableError

if TYPE_CHECKING:
    from rich import console

    from pipeline import assembly, board_state, cluster, onlooker, service
    from pipeline.cli import run_screen
    from pipeline.scale import bridge_assembly, track_assembly, write_assembly
    from schemas import catalogue
else:
    # `chargeline run --help` and completion need none of these, and a worker without a board draws nothing.
    console = deferred("rich.console")
    assembly = deferred("pipeline.assembly")
    board_state = deferred("pipeline.board_state")
    bridge_assembly = deferred("pipeline.scale.bridge_assembly")
    cluster = deferred("pipeline.cluster")
    catalogue = deferred("schemas.catalogue")
    onlooker = deferred("pipeline.onlooker")
    run_screen = deferred("pipeline.cli.run_screen")
    service = deferred("pipeline.service")
    track_assembly = deferred("pipeline.scale.track_assembly")
    write_assembly = deferred("pipeline.scale.write_assembly")

_INTERRUPTED = 130
_TROUBLE = (UnreadableSecretError, FolderLockedError, ForeignFileError, StoreUnavailableError)
_ALL = "all"
_ROLES: Mapping[str, Callable[[Settings], int]] = MappingProxyType(
    {
        "bridge": lambda settings: bridge_assembly.serve_bridge(settings, os.environ),
        "track": lambda settings: track_assembly.serve_track(settings, os.environ),
        "write": lambda settings: write_assembly.serve_write(settings, os.environ),
    }
)
"""What does only a part, the parts joined by Kafka."""
_EXAMPLE = """\b
Examples:
  chargeline run --env-file /etc/chargeline.env
  chargeline run --record stream.jsonl
  chargeline run --board 2>>chargeline.log
  chargeline run --role bridge
  chargeline run --role write"""


@click.command(epilog=_EXAMPLE)
@click.option(
    "--record",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Also append every message to FILE, raw, as lines that `chargeline replay` takes.",
)
@click.option(
    "--board",
    is_flag=True,
    help="Show a live board on the terminal. The log has its last lines on it, and prints them when the board ends; "
    "send standard error to a file to keep all of it there instead.",
)
@click.option(
    "--role",
    type=click.Choice([_ALL, *_ROLES]),
    default=_ALL,
    show_default=True,
    help="Do all of it, or only a part, the parts joined by Kafka: `bridge` takes the queue to Kafka's topics, `write` "
    "takes what is in them to the store. Any number of each may run; with SQLite only one `write`.",
)
@with_settings
def command(settings: Settings, record: Path | None, board: bool, role: str) -> None:
    """Take the operator's queue into the store.

    A message is acknowledged when its row, or its reject, is durable. Runs until SIGTERM (exit code 0) or Ctrl-C
    (130), which finish what is at hand; SIGHUP reads secrets and the fleet file again. Another one on the same queue
    stands by and takes over when this one is gone.
    """
    if board and (not sys.stdout.isatty() or console.Console().is_dumb_terminal):
        raise click.UsageError("--board needs a terminal to draw on; without one leave it away: the log says how it is")
    if role != _ALL and (board or record is not None):
        raise click.UsageError("--record and --board are for a worker that does all of it: leave --role away")
    try:
        if role != _ALL:
            ended_by = _serve_role(settings, role)
        else:
            ended_by = _serve_and_show(settings, record) if board else service.serve(settings, os.environ, record)
    except SettingsError as error:
        raise WrongSettingsError(error) from None
    except _TROUBLE as fault:
        raise click.ClickException(str(fault)) from None
    except OSError as fault:
        raise click.ClickException(f"{fault.filename}: {fault.strerror}" if fault.filename else str(fault)) from None
    if ended_by == signal.SIGINT:
        raise SystemExit(_INTERRUPTED)


def _serve_role(settings: Settings, role: str) -> int:
    try:
        return _ROLES[role](settings)
    except ImportError:
        raise click.ClickException(cluster.MISSING) from None


def _serve_and_show(settings: Settings, record: Path | None) -> int:
    """The same with a board. What is logged would tear it, unless standard error goes elsewhere."""
    lines = run_screen.LogLines() if sys.stderr.isatty() else None
    if lines is not None:
        set_up_logging(settings.log_level, settings.log_format, lines, masked_words(settings))
    try:
        footer = f"Ctrl-C ends it. The rows go to {assembly.describe_store(settings)}"
        with run_screen.RunScreen(sys.stdout, footer, lines) as screen:
            looking = onlooker.Onlooker(board_state.Board(catalogue.shipped_catalogue()), screen.show, screen.close)
            return service.serve(settings, os.environ, record, onlooker=looking)
    finally:
        set_up_logging(settings.log_level, settings.log_format, secrets=masked_words(settings))
