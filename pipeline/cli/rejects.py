"""`chargeline rejects`: look at refused deliveries, try them again, take them out.

Owns what is shown and asked. Must not know how rejects are kept.
"""

import json
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO

import click
from rich.console import Console
from rich.progress import Progress, TextColumn

from pipeline.assembly import STATE_FILE, Memory, open_journey, reject_limits
from pipeline.cli.options import json_option, with_settings
from pipeline.cli.printing import print_table
from pipeline.core.timestamps import format_time
from pipeline.log import escape
from pipeline.rejects import UnclearKeyError, of_device, only_one, reject_entry, retry
from pipeline.replay_lines import to_line
from pipeline.settings import Settings
from pipeline.wires.kept_reject import KeptReject
from pipeline.wires.private_file import replace_private
from pipeline.wires.sqlite_file import ForeignFileError
from pipeline.wires.state import RejectsFullError, StateFile
from pipeline.wires.store import StoreUnavailableError
from schemas.reject import MEANING, RejectReason

_TROUBLE = (StoreUnavailableError, ForeignFileError, RejectsFullError, UnclearKeyError)
_NONE = "There are no rejects."
_DETAIL_SHOWN = 60

_keys = click.argument("keys", nargs=-1, metavar="[KEY]...")
_reason = click.option("--reason", type=click.Choice([reason.value for reason in RejectReason]), help="Of one reason.")
_all = click.option("--all", "is_all", is_flag=True, help="All of them.")


@click.group(epilog="Example: chargeline rejects list --reason clock")
def command() -> None:
    """List, show, retry, discard or export refused deliveries.

    They are kept in DATA_DIR as they came, personal values included. Of a KEY its first digits are enough.
    """


@command.command("list", epilog="Example: chargeline rejects list --serial EH000281 --limit 20")
@_reason
@click.option("--serial", default="", help="Of one device.")
@click.option(
    "--limit", type=click.IntRange(min=1), default=50, show_default=True, help="At most so many, the oldest first."
)
@json_option
@with_settings
def list_rejects(settings: Settings, reason: str | None, serial: str, limit: int, *, as_json: bool) -> None:
    """List rejects, and how many there are of each reason."""
    with _opened(settings) as state:
        counts = state.counts() if state else {}
        found = list(islice(of_device(_rejects(state, reason), serial), limit))
    if as_json:
        for kept in found:
            click.echo(json.dumps(reject_entry(kept)))
        return
    if not counts:
        click.echo(_NONE)
        return
    if not found:
        click.echo("No reject is like that. There are:")
    else:
        _print_rejects(found)
    for kind, count in counts.items():
        click.echo(f"{count:8} {kind}: {MEANING[kind]}")


def _print_rejects(found: Sequence[KeptReject]) -> None:
    print_table(
        ("key", "reason", "routing key", "received", "detail"),
        [
            (kept.key[:12], kept.reason, kept.routing_key, _received(kept), kept.detail[:_DETAIL_SHOWN])
            for kept in found
        ],
    )


@command.command("show", epilog="Example: chargeline rejects show 3f2a")
@click.argument("key")
@json_option
@with_settings
def show_reject(settings: Settings, key: str, *, as_json: bool) -> None:
    """Show one reject whole: what came, and why it was refused. Its body is shown raw, personal values included."""
    with _opened(settings) as state:
        kept = only_one(key, state.find(key) if state else ())
    entry = reject_entry(kept)
    if as_json:
        click.echo(json.dumps(entry, indent=2))
        return
    for name, value in entry.items():
        click.echo(f"{name:12} {escape(str(value))}")
    click.echo(f"{'meaning':12} {MEANING[kept.reason]}")
    if kept.is_cut:
        click.echo(f"{'note':12} only the first {len(kept.body)} bytes were kept; it cannot be tried again")


@command.command("retry", epilog="Example: chargeline rejects retry --reason store")
@_keys
@_reason
@_all
@with_settings
def retry_rejects(settings: Settings, keys: Sequence[str], reason: str | None, *, is_all: bool) -> None:
    """Try rejects again, as this version reads them; those that become rows are taken out of the rejects."""
    _need_choice(keys, reason, is_all=is_all)
    with _opened(settings) as state:
        found = set(_chosen(state, keys, reason))
        if state is None or not found:
            click.echo(_NONE)
            return
        with open_journey(settings, now=time.time_ns(), memory=Memory.NONE) as journey:
            retried = retry((kept for kept in state.rejects() if kept.key in found), journey, time.time_ns())
        state.discard(retried.written)
    click.echo(f"{len(retried.written)} became rows and are no rejects any more; {len(retried.refused)} refused again.")
    if retried.commands:
        click.echo(f"{len(retried.commands)} are copies of commands: `rejects export`, then `replay`, follows them.")
    if retried.cut:
        click.echo(f"{len(retried.cut)} cannot be tried: their bodies were too long to be kept whole.")
    if expired := len(found) - sum(map(len, retried)):
        click.echo(f"{expired} were older than CHARGELINE_REJECTS_KEEP allows, and are gone.")


@command.command("discard", epilog="Example: chargeline rejects discard --reason kind --yes")
@_keys
@_reason
@_all
@click.option("--yes", "is_sure", is_flag=True, help="Do not ask.")
@with_settings
def discard_rejects(
    settings: Settings, keys: Sequence[str], reason: str | None, *, is_all: bool, is_sure: bool
) -> None:
    """Throw rejects away. What they held is gone, unless it was exported."""
    _need_choice(keys, reason, is_all=is_all)
    with _opened(settings) as state:
        found = _chosen(state, keys, reason)
        if state is None or not found:
            click.echo(_NONE)
            return
        if not is_sure:
            click.confirm(f"Throw {len(found)} rejects away?", abort=True, err=True)
        click.echo(f"{state.discard(found)} rejects thrown away.")


@command.command("export", epilog="Example: chargeline rejects export -o rejects.jsonl")
@_reason
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Not to stdout.")
@with_settings
def export_rejects(settings: Settings, reason: str | None, output: Path | None) -> None:
    """Write rejects as lines that `chargeline replay` takes.

    Bodies are raw, personal values included. FILE is replaced when the export is whole; only its owner can read it.
    """
    with _opened(settings) as state:
        rejects = _rejects(state, reason)
        if output or not sys.stdout.isatty():
            rejects = _with_progress(rejects)
        if output is None:
            written, cut = _write_lines(rejects, sys.stdout.buffer)
        else:
            with replace_private(output) as file:
                written, cut = _write_lines(rejects, file)
    if output is not None:
        click.echo(f"{written} rejects written to {output}.", err=True)
    if cut:
        click.echo(f"Of {cut} only the beginning of the body was kept; replayed, they are something else.", err=True)


@contextmanager
def _opened(settings: Settings) -> Iterator[StateFile | None]:
    """The state file, or None where there is none yet: whoever only looks makes no files."""
    path = settings.data_dir / STATE_FILE
    try:
        if not path.exists():
            yield None
            return
        with StateFile.open(path, reject_limits(settings)) as state:
            yield state
    except _TROUBLE as fault:
        raise click.ClickException(str(fault)) from None
    except BrokenPipeError:
        raise
    except OSError as fault:
        raise click.ClickException(f"{fault.filename}: {fault.strerror}") from None


def _rejects(state: StateFile | None, reason: str | None) -> Iterator[KeptReject]:
    return state.rejects(RejectReason(reason) if reason else None) if state else iter(())


def _chosen(state: StateFile | None, keys: Sequence[str], reason: str | None) -> Sequence[str]:
    """The whole keys of the rejects that are meant. Raises UnclearKeyError."""
    if keys:
        return list(dict.fromkeys(only_one(key, state.find(key) if state else ()).key for key in keys))
    return [kept.key for kept in _rejects(state, reason)]


def _write_lines(rejects: Iterable[KeptReject], file: IO[bytes]) -> tuple[int, int]:
    """Write a line for each; how many there were, and how many of these had been cut."""
    is_terminal = file.isatty()
    written = cut = 0
    for kept in rejects:
        line = to_line(kept.delivery)
        # JSON leaves some terminal codes as they are, unless it is held to ASCII.
        file.write((json.dumps(json.loads(line)).encode() if is_terminal else line) + b"\n")
        written += 1
        cut += kept.is_cut
    return written, cut


def _need_choice(keys: Sequence[str], reason: str | None, *, is_all: bool) -> None:
    if sum(map(bool, (keys, reason, is_all))) != 1:
        message = "say which rejects, in one way: by KEY, by --reason, or --all."
        raise click.UsageError(message)


def _received(kept: KeptReject) -> str:
    return "" if kept.received_at is None else format_time(kept.received_at)[:19]


def _with_progress(rejects: Iterator[KeptReject]) -> Iterator[KeptReject]:
    """The same rejects; while they are taken, a bar on stderr where that is a terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield from rejects
        return
    with Progress(TextColumn("{task.completed} rejects"), console=console, transient=True) as progress:
        yield from progress.track(rejects)
