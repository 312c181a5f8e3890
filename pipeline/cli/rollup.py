"""`chargeline rollup`: work out hours, snapshots and sessions of the past anew.

Owns which span may be asked for, what is shown meanwhile, and where it goes on. Must not know how rows are worked out.
"""

import time
from collections.abc import Iterator

import click
import orjson
from rich.console import Console
from rich.progress import Progress

from pipeline.assembly import bucket_of, describe_store, open_past
from pipeline.cli.options import json_option, read_moment, with_settings
from pipeline.core.clock_offset import HOUR_NS, hour_of
from pipeline.core.recomputation import Recomputation
from pipeline.core.timestamps import format_time
from pipeline.rollup import REACH_NS, Span, Step, latest_hour, roll_up
from pipeline.settings import Settings
from pipeline.wires.rollup_progress import clear_progress, read_progress, write_progress
from pipeline.wires.sqlite_file import ForeignFileError
from pipeline.wires.store import StoreUnavailableError
from schemas.catalogue import shipped_catalogue

_TROUBLE = (StoreUnavailableError, ForeignFileError)
_EXAMPLE = """\b
Examples:
  chargeline rollup --from 2026-01-01 --to 2026-02-01
  chargeline rollup --from 2026-01-31T18:00:00+01:00 --to 2026-01-31T20:00:00+01:00 --json"""


@click.command(epilog=_EXAMPLE)
@click.option("--from", "first", metavar="T", required=True, help="The first hour: a date, or a time; UTC.")
@click.option("--to", "until", metavar="T", required=True, help="The end of the last hour, likewise.")
@json_option
@with_settings
def command(settings: Settings, first: str, until: str, as_json: bool) -> None:
    """Work out the past anew: the rows of hours, snapshots and sessions, from the facts in the store.

    For times from before there were such rows, or of which more became known later than CHARGELINE_LATE_DATA. A worker
    may go on meanwhile. One that was ended goes on where it was when it is given the same span again.
    """
    present = time.time_ns()
    span = _span(read_moment(first), read_moment(until), latest_hour(present, settings.late_data))
    _refuse_dropped(settings, span, present)
    done = read_progress(settings.data_dir, *span)
    rest = span if done is None else span._replace(first=done)
    recomputation = Recomputation(shipped_catalogue(), settings.silent_after, settings.late_data, *rest)
    step = None
    try:
        with open_past(settings) as past:
            for step in _with_progress(roll_up(past.source, past.store, recomputation, rest, present), rest):
                write_progress(settings.data_dir, *span, step.done)
            clear_progress(settings.data_dir)
    except _TROUBLE as fault:
        goes_on = (
            "" if step is None else f"\nUp to {format_time(step.done)} it is done. The same command goes on there."
        )
        raise click.ClickException(f"{fault}{goes_on}") from None
    except OSError as fault:
        raise click.ClickException(f"{fault.filename or settings.data_dir}: {fault.strerror}") from None
    if step is not None:
        _tell(step, describe_store(settings), as_json=as_json)


def _span(first: int, until: int, latest: int) -> Span:
    """Whole hours. Raises BadParameter."""
    if first % HOUR_NS or until % HOUR_NS:
        raise click.BadParameter("--from and --to must be full hours, UTC")
    if first >= until:
        raise click.BadParameter("--to must be later than --from")
    if until > latest:
        raise click.BadParameter(
            f"--to must be {format_time(latest)} at most: what is later, the worker still corrects by itself "
            "(CHARGELINE_LATE_DATA)"
        )
    return Span(first, until)


def _refuse_dropped(settings: Settings, span: Span, present: int) -> None:
    """What was worked out stays right: it is not worked out anew from facts of which a part is gone.

    Raises BadParameter.
    """
    age = settings.keep.raw_ns
    if age is None or bucket_of(settings) is not None:
        return
    earliest = hour_of(present - age) + REACH_NS
    if span.first < earliest:
        raise click.BadParameter(
            f"--from must be {format_time(earliest)} at least: CHARGELINE_KEEP lets facts go that earlier rows need"
        )


def _with_progress(steps: Iterator[Step], span: Span) -> Iterator[Step]:
    """The same steps; while they come, a bar on stderr where that is a terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield from steps
        return
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("reading", total=span.until - span.first)
        for step in steps:
            progress.update(task, completed=min(step.at, span.until) - span.first, description=f"{step.rows:,} rows")
            yield step


def _tell(step: Step, store: str, *, as_json: bool) -> None:
    """What was done. Rows that the store refused end it with exit code 1."""
    if as_json:
        entry = {"facts": step.facts, "rows": step.rows, "refused": len(step.refused), "store": store}
        click.echo(orjson.dumps(entry, option=orjson.OPT_INDENT_2))
    else:
        click.echo(f"facts    {step.facts:,} read")
        click.echo(f"rows     {step.rows:,} written, to {store}")
    if step.refused:
        raise click.ClickException(f"the store refused {len(step.refused):,} rows, the first with: {step.refused[0]}")
