"""`chargeline backup`: copy what DATA_DIR holds, also while a worker writes to it.

Owns what is said of it. Must not know how files are copied.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from shlex import quote

import click
import orjson

from pipeline.backup import back_up
from pipeline.backup_manifest import BackupError, Manifest, manifest_entry
from pipeline.cli.options import json_option, with_settings
from pipeline.cli.step_bar import showing_steps
from pipeline.settings import Settings
from pipeline.wires.sqlite_file import ForeignFileError
from pipeline.wires.store import StoreUnavailableError

_TROUBLE = (BackupError, ForeignFileError, StoreUnavailableError)
_EXAMPLE = """\b
Examples:
  chargeline backup backups/2026-01-31
  chargeline backup /mnt/usb/chargeline --json"""


@click.command(epilog=_EXAMPLE)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@json_option
@with_settings
def command(settings: Settings, folder: Path, as_json: bool) -> None:
    """Copy the SQLite files of DATA_DIR to DIR.

    A worker may go on writing meanwhile: the copy is what was there when it began. DIR must be empty or not exist. What
    it holds is for its owner alone, personal values and the bodies of rejects included.
    """
    try:
        with showing_steps() as tell:
            manifest = back_up(
                settings.data_dir,
                folder,
                now=time.time_ns(),
                is_rows_elsewhere=settings.influx_url is not None,
                tell=tell,
            )
    except _TROUBLE as fault:
        raise click.ClickException(str(fault)) from None
    except OSError as fault:
        raise click.ClickException(f"{fault.filename or folder}: {fault.strerror}") from None
    if as_json:
        entry = {"folder": str(folder), **manifest_entry(manifest)}
        click.echo(orjson.dumps(entry, option=orjson.OPT_INDENT_2))
    else:
        click.echo("\n".join(backup_lines(manifest, folder)))


def backup_lines(manifest: Manifest, folder: Path) -> Iterator[str]:
    """A backup in words."""
    for file in manifest.files:
        yield f"{file.bytes:15,} bytes  {file.name}"
    yield f"Backed up to {folder}. To restore it: chargeline restore {quote(str(folder))}"
    if manifest.is_rows_elsewhere:
        yield "Rows are in InfluxDB: back up its bucket with `influx backup`."
