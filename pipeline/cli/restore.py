"""`chargeline restore`: put a backup into DATA_DIR.

Owns what is said of it. Must not know how files are copied or moved.
"""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import click
import orjson

from pipeline.backup_manifest import BackupError, manifest_entry
from pipeline.cli.options import json_option, with_settings
from pipeline.cli.step_bar import showing_steps
from pipeline.restore import Restored, restore
from pipeline.settings import Settings
from pipeline.wires.folder_lock import FolderLockedError
from pipeline.wires.store import StoreUnavailableError

_TROUBLE = (BackupError, FolderLockedError, StoreUnavailableError)
_EXAMPLE = """\b
Examples:
  chargeline restore backups/2026-01-31
  CHARGELINE_DATA_DIR=elsewhere chargeline restore backups/2026-01-31"""


@click.command(epilog=_EXAMPLE)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--force", "is_forced", is_flag=True, help="Move aside what DATA_DIR holds already; nothing is deleted.")
@json_option
@with_settings
def command(settings: Settings, folder: Path, is_forced: bool, as_json: bool) -> None:
    """Put the backup in DIR into DATA_DIR.

    End the worker first. Every file is checked against the backup's manifest before anything is replaced. What came
    after the backup is not in it: replay a recording of that time; messages that come twice change nothing.
    """
    try:
        with showing_steps() as tell:
            restored = restore(folder, settings.data_dir, now=time.time_ns(), is_forced=is_forced, tell=tell)
    except _TROUBLE as fault:
        raise click.ClickException(str(fault)) from None
    except OSError as fault:
        raise click.ClickException(
            f"{fault.filename or f'{folder} to {settings.data_dir}'}: {fault.strerror}"
        ) from None
    if as_json:
        click.echo(orjson.dumps(restored_entry(restored, settings.data_dir), option=orjson.OPT_INDENT_2))
    else:
        click.echo("\n".join(restored_lines(restored, settings.data_dir)))


def restored_entry(restored: Restored, data_dir: Path) -> Mapping[str, object]:
    """What was restored, as JSON can hold it."""
    return {
        "data_dir": str(data_dir),
        "moved_aside": [str(path) for path in restored.moved_aside],
        "backup": manifest_entry(restored.manifest),
    }


def restored_lines(restored: Restored, data_dir: Path) -> Iterator[str]:
    """What was restored, in words."""
    manifest = restored.manifest
    for file in manifest.files:
        yield f"{file.bytes:15,} bytes  {file.name}"
    yield f"Restored to {data_dir}, as it was at {manifest.made_at[:19]}Z."
    for path in restored.moved_aside:
        yield f"Moved aside: {path}"
    if manifest.is_rows_elsewhere:
        yield "Rows are in InfluxDB: restore its bucket with `influx restore`."
