"""`chargeline replay`: take a recorded stream through the pipeline, or show what it would write.

Owns what is shown while it runs and when it ends. Must not know how lines are read or what becomes of them.
"""

import io
import stat
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from os import fstat

import click
import orjson
from rich.console import Console
from rich.progress import Progress

from pipeline.assembly import describe_store, make_decoder, make_derivation, open_journey
from pipeline.cli.options import json_option, with_settings
from pipeline.core.rows import RowMaker
from pipeline.core.timestamps import NS_PER_S
from pipeline.garbage import seldom_looked_for
from pipeline.replay import NOTHING, RefusedLine, Summary, preview_batches, take_batches
from pipeline.settings import Settings
from pipeline.wires.replay_file import LineTooLongError, NumberedLine, read_batches
from pipeline.wires.sqlite_file import ForeignFileError
from pipeline.wires.state import RejectsFullError
from pipeline.wires.store import StoreUnavailableError
from schemas.catalogue import shipped_catalogue
from schemas.reject import MEANING

_Batches = Iterator[Sequence[NumberedLine]]
_TROUBLE = (StoreUnavailableError, ForeignFileError, RejectsFullError, LineTooLongError, OSError)

_EXAMPLE = """\b
Examples:
  chargeline replay recorded.jsonl
  zcat recorded.jsonl.gz | chargeline replay - --json
  chargeline replay --dry-run recorded.jsonl > rows.lp 2> rejects.jsonl"""


@click.command(epilog=_EXAMPLE)
@click.argument("source", metavar="FILE|-", type=click.File("rb"))
@click.option("--dry-run", is_flag=True, help="Line protocol on stdout, rejects as JSON on stderr; nothing is written.")
@json_option
@with_settings
def command(settings: Settings, source: io.BufferedReader, dry_run: bool, as_json: bool) -> None:
    """Take a recorded stream through the pipeline.

    Each line of FILE, or of standard input for `-`, is one message as JSON. Its row goes to the store in DATA_DIR, or
    it is kept as a reject; both again where they were, if the same stream is replayed twice.
    """
    batches = read_batches(source, settings.batch, settings.batch_age / NS_PER_S)
    if not dry_run:
        _replay(settings, source, batches, as_json=as_json)
    elif as_json:
        message = "--json is for the summary, which a dry run does not have; leave one of the two away."
        raise click.UsageError(message)
    else:
        _preview(settings, batches)


def summary_entry(summary: Summary, store: str) -> Mapping[str, object]:
    """A summary as JSON can hold it."""
    return {
        **summary._asdict(),
        "rejected": {reason.value: count for reason, count in summary.rejected.most_common()},
        "surprises": {surprise.value: count for surprise, count in summary.surprises.most_common()},
        "store": store,
    }


def summary_lines(summary: Summary, store: str) -> Iterator[str]:
    """A summary in words."""
    yield f"lines     {summary.lines}" + (f", {summary.blank} of them blank" if summary.blank else "")
    yield f"written   {summary.written}, to {store}"
    if summary.commands:
        yield f"commands  {summary.commands}, each followed to its end"
    yield f"rejected  {summary.rejected.total()}" + (", kept: chargeline rejects list" if summary.rejected else "")
    for reason, count in summary.rejected.most_common():
        yield f"          {count} {reason}: {MEANING[reason]}"
    if summary.dropped:
        yield f"dropped   {summary.dropped} older rejects, for want of room (CHARGELINE_REJECTS_MAX)"
    if summary.surprises:
        counts = ", ".join(f"{count} {surprise}" for surprise, count in summary.surprises.most_common())
        yield f"surprises {counts}"


def _replay(settings: Settings, source: io.BufferedReader, batches: _Batches, *, as_json: bool) -> None:
    summary = NOTHING
    try:
        with seldom_looked_for(), open_journey(settings, now=time.time_ns()) as journey:
            for latest in _with_progress(take_batches(batches, journey, time.time_ns), source):
                summary = latest
    except _TROUBLE as fault:
        taken = f"\n{summary.lines} lines were taken before. Replay all of them again: nothing doubles."
        raise click.ClickException(str(fault) + (taken if summary.lines else "")) from None
    store = describe_store(settings)
    if as_json:
        click.echo(orjson.dumps(summary_entry(summary, store), option=orjson.OPT_INDENT_2))
    else:
        click.echo("\n".join(summary_lines(summary, store)))


def _preview(settings: Settings, batches: _Batches) -> None:
    rows, refusals = sys.stdout.buffer, sys.stderr.buffer
    decoder, derivation = make_decoder(settings), make_derivation(settings)
    preview = preview_batches(batches, decoder, RowMaker(shipped_catalogue()), derivation)
    try:
        for shown in preview:
            if isinstance(shown, RefusedLine):
                refusals.write(orjson.dumps(shown._asdict(), option=orjson.OPT_APPEND_NEWLINE))
            else:
                rows.write(f"{shown}\n".encode())
    except LineTooLongError as fault:
        raise click.ClickException(str(fault)) from None


def _with_progress(summaries: Iterator[Summary], source: io.BufferedReader) -> Iterator[Summary]:
    """The same summaries; while they come, a bar on stderr where that is a terminal and the end is known."""
    console = Console(stderr=True)
    size = _size_of_file(source)
    if not console.is_terminal or size is None:
        yield from summaries
        return
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("replaying", total=size)
        for summary in summaries:
            progress.update(task, completed=source.tell(), description=f"{summary.lines} lines")
            yield summary


def _size_of_file(source: io.BufferedReader) -> int | None:
    """Bytes of a file; None of a pipe and everything else whose end is not known."""
    try:
        status = fstat(source.fileno())
    except io.UnsupportedOperation:
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None
