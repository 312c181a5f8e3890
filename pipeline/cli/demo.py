"""`chargeline demo`: a simulated fleet to watch, stored like a real one.

Owns the real clock, the signals that end the demo, and which of the two ways it is shown in. Must not know what is on
the board, or how the fleet's time runs.
"""

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shlex import quote
from types import FrameType
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.live import Live

from pipeline.board_state import Board, Snapshot
from pipeline.board_totals import Totals
from pipeline.cli.board_line import board_line
from pipeline.cli.board_view import BoardView
from pipeline.cli.options import read_duration, with_settings
from pipeline.core.timestamps import NS_PER_S
from pipeline.deferred import deferred
from pipeline.garbage import seldom_looked_for
from pipeline.setting_specs import SPECS
from pipeline.settings import Settings
from pipeline.wires.sqlite_file import ForeignFileError
from pipeline.wires.state import RejectsFullError
from pipeline.wires.store import StoreUnavailableError
from schemas.catalogue import shipped_catalogue
from schemas.reject import MEANING

if TYPE_CHECKING:
    from pipeline import assembly, demo
else:
    # The whole way of a message; `--help` and completion do without.
    assembly = deferred("pipeline.assembly")
    demo = deferred("pipeline.demo")

FOLDER = "demo"
"""In DATA_DIR: what is simulated never mixes with an operator's own data."""

_Show = Callable[[Snapshot], None]

_TROUBLE = (StoreUnavailableError, ForeignFileError, RejectsFullError)
_ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_LINE_EVERY_NS = NS_PER_S
_MOST_CHARGERS = 10_000
_MOST_SPEED = 3_600
_MOST_DAYS = 366

_EPILOG = """\b
Examples:
  chargeline demo
  chargeline demo --duration 30s --plain
  chargeline demo --days 14 --chargers 200"""


class OurClock:
    """The real `pipeline.demo.Clock`."""

    def now(self) -> int:
        """See Clock.now."""
        return time.time_ns()

    def monotonic(self) -> int:
        """See Clock.monotonic."""
        return time.monotonic_ns()

    def sleep(self, nanoseconds: int) -> None:
        """See Clock.sleep."""
        if nanoseconds > 0:
            time.sleep(nanoseconds / NS_PER_S)


class Ending:
    """Whether somebody has asked for the end."""

    def __init__(self) -> None:
        """Nobody has."""
        self.is_asked = False

    def ask(self, _signal: int, _frame: FrameType | None) -> None:
        """Ask for it: a handler of signals. A second signal does not wait for anything."""
        self.is_asked = True
        for number in _ENDING_SIGNALS:
            signal.signal(number, signal.default_int_handler)


@click.command(epilog=_EPILOG)
@click.option("--duration", type=read_duration, metavar="TIME", help="End after this time, such as 30s or 5min.")
@click.option("--plain", is_flag=True, help="A line a second; what is done anyway where there is no terminal.")
@click.option("--chargers", type=click.IntRange(1, _MOST_CHARGERS), default=40, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed is the same fleet.")
@click.option(
    "--speed",
    type=click.FloatRange(1, _MOST_SPEED),
    help="How many times faster than ours the fleet's time runs.  [default: 60, less for a large fleet]",
)
@click.option(
    "--days",
    type=click.IntRange(1, _MOST_DAYS),
    help="Fill the store with the history of so many days, as fast as it can be, and end.",
)
@click.option("--to-bucket", is_flag=True, help="With --days: into the bucket of CHARGELINE_INFLUX_*, not into SQLite.")
@with_settings
def command(
    settings: Settings,
    duration: int | None,
    plain: bool,
    chargers: int,
    seed: int,
    speed: float | None,
    days: int | None,
    to_bucket: bool,
) -> None:
    """Watch a simulated fleet.

    Its messages take the way that real ones take, into SQLite in the folder `demo` of DATA_DIR. Ends after --duration,
    or with Ctrl-C or SIGTERM, and then says where the data is and how to ask it; the exit code is 0 either way.
    """
    if days is not None and (duration is not None or speed is not None):
        raise click.UsageError("--days is history alone; leave --duration and --speed out, or --days.")
    if to_bucket:
        _refuse_to_mix(settings, days)
    plan = demo.DemoPlan(chargers, seed, demo.usual_speed(chargers) if speed is None else speed, duration, days or 0)
    folder = settings.data_dir / FOLDER
    board, clock, console = Board(shipped_catalogue()), OurClock(), Console()
    is_plain = plain or not sys.stdout.isatty() or console.is_dumb_terminal
    target = assembly.describe_store(settings) if to_bucket else str(folder / assembly.STORE_FILE)
    display = _lines(clock) if is_plain else _screen(console, plan, target)
    try:
        with (
            seldom_looked_for(),
            assembly.open_journey(settings, None if to_bucket else folder, now=clock.now()) as journey,
            _ending_by_signal() as ending,
            display as show,
        ):
            for snapshot in demo.Demo(plan, journey.take, board, settings.batch, clock).run():
                show(snapshot)
                if ending.is_asked:
                    break
    except _TROUBLE as fault:
        taken = f"\n{board.totals.delivered:,} messages were taken before." if board.totals.delivered else ""
        raise click.ClickException(f"{fault}{taken}") from None
    click.echo("\n".join(counted_lines(board.totals, settings.data_dir if to_bucket else folder)))
    click.echo(f"The rows are in {target}." if to_bucket else "\n".join(question_lines(folder)))


def _refuse_to_mix(settings: Settings, days: int | None) -> None:
    """What is simulated must not end among what is real. Raises UsageError."""
    if days is None or assembly.bucket_of(settings) is None:
        raise click.UsageError("--to-bucket is for --days, and needs CHARGELINE_INFLUX_URL and its three others.")
    given = [
        spec.variable
        for spec in map(SPECS.__getitem__, ("AMQP_URL", "EASEE_CONNECTION_FILE"))
        if settings.sources[spec.name] != "default"
    ]
    if given:
        raise click.UsageError(
            f"{given[0]} is set: a bucket that a worker fills from there must not get simulated rows; use settings "
            "without it, and a bucket of its own."
        )


def counted_lines(totals: Totals, data_dir: Path) -> Iterator[str]:
    """What became of all messages."""
    rejected = totals.rejected.total()
    yield (
        f"{totals.delivered:,} messages delivered = {totals.written:,} written + {totals.commands:,} commands "
        f"+ {rejected:,} rejected"
    )
    for reason, count in totals.rejected.most_common():
        yield f"  {count:,} {reason}: {MEANING[reason]}"
    if rejected:
        yield f"  to look at them: CHARGELINE_DATA_DIR={quote(str(data_dir))} chargeline rejects list"


def question_lines(folder: Path) -> Iterator[str]:
    """Where the data is, and questions to it that can be copied into a shell."""
    store = folder / assembly.STORE_FILE
    yield f"The rows are in {store}. To ask them:"
    for meaning, query in demo.QUESTIONS.items():
        yield f'\n{meaning}\n  sqlite3 {quote(str(store))} "{query}"'


@contextmanager
def _lines(clock: "demo.Clock") -> Iterator[_Show]:
    """Shows a line a second."""
    due = clock.monotonic()

    def show(snapshot: Snapshot) -> None:
        nonlocal due
        if clock.monotonic() >= due:
            due = clock.monotonic() + _LINE_EVERY_NS
            click.echo(board_line(snapshot))

    yield show


@contextmanager
def _screen(console: Console, plan: "demo.DemoPlan", store: str) -> Iterator[_Show]:
    """Shows the board on a screen of its own; at the end the terminal is as it was."""
    pace = f"{plan.days} days" if plan.days else f"{plan.speed:g}x"
    footer = f"Ctrl-C ends it. The rows go to {store}"
    with Live(console=console, screen=True, auto_refresh=False) as live:
        yield lambda snapshot: live.update(BoardView(snapshot, "Chargeline demo", pace, footer), refresh=True)


@contextmanager
def _ending_by_signal() -> Iterator[Ending]:
    """While it is open, a signal only asks for the end, so that no batch is left half taken."""
    ending = Ending()
    before = {number: signal.signal(number, ending.ask) for number in _ENDING_SIGNALS}
    try:
        yield ending
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
