"""`chargeline run`: the worker, from the operator's queue to the store.

Owns how it ends: the exit code, and words for what keeps it from starting. Must not know how it works.
"""

import os
import signal
from pathlib import Path

import click

from pipeline.cli.options import WrongSettingsError, with_settings
from pipeline.secret import UnreadableSecretError
from pipeline.service import serve
from pipeline.settings import Settings, SettingsError
from pipeline.wires.folder_lock import FolderLockedError
from pipeline.wires.http import ListenError
from pipeline.wires.sqlite_file import ForeignFileError
from pipeline.wires.store import StoreUnavailableError

_INTERRUPTED = 130
_TROUBLE = (UnreadableSecretError, FolderLockedError, ForeignFileError, StoreUnavailableError, ListenError)
_EXAMPLE = """\b
Examples:
  chargeline run --env-file /etc/chargeline.env
  chargeline run --record stream.jsonl"""


@click.command(epilog=_EXAMPLE)
@click.option(
    "--record",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Also append every message to FILE, raw, as lines that `chargeline replay` takes.",
)
@with_settings
def command(settings: Settings, record: Path | None) -> None:
    """Take the operator's queue into the store.

    A message is acknowledged when its row, or its reject, is durable. Runs until SIGTERM (exit code 0) or Ctrl-C
    (130), which finish what is at hand; SIGHUP reads secrets again. Another one on the same queue stands by and takes
    over when this one is gone.
    """
    try:
        ended_by = serve(settings, os.environ, record)
    except SettingsError as error:
        raise WrongSettingsError(error) from None
    except _TROUBLE as fault:
        raise click.ClickException(str(fault)) from None
    except OSError as fault:
        raise click.ClickException(f"{fault.filename}: {fault.strerror}" if fault.filename else str(fault)) from None
    if ended_by == signal.SIGINT:
        raise SystemExit(_INTERRUPTED)
