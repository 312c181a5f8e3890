"""`chargeline simulate`: a simulated fleet against a real broker.

Owns the real clock, the signals that end it, and what is shown. Must not know when a message is due, or how it is
published.
"""

import asyncio
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import click
import orjson

from pipeline.cli.options import WrongSettingsError, json_option, read_duration, with_settings
from pipeline.core.timestamps import NS_PER_S, format_time
from pipeline.deferred import deferred
from pipeline.secret import UnreadableSecretError
from pipeline.settings import Settings, SettingsError
from pipeline.simulate import Counts, Simulation, SimulationPlan
from pipeline.simulator.quirks import Quirks

if TYPE_CHECKING:
    from pipeline import broker
    from pipeline.wires import amqp_address, amqp_publish, simulated_queue
else:
    # What speaks to brokers is slow to import; `--help` and completion do without.
    broker = deferred("pipeline.broker")
    amqp_address = deferred("pipeline.wires.amqp_address")
    amqp_publish = deferred("pipeline.wires.amqp_publish")
    simulated_queue = deferred("pipeline.wires.simulated_queue")

QUIRKS: Mapping[str, Callable[[], Quirks]] = MappingProxyType(
    {"none": Quirks.none, "everyday": Quirks.everyday, "all": Quirks.all}
)

_INTERRUPTED = 130
_ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_CLEAR_LINE = "\r\x1b[K"
_GRACE_S = 5.0
_SHOW_EVERY_S = 0.5
_MOST_CHARGERS = 10_000
_MOST_SPEED = 3_600

_EPILOG = """\b
Examples:
  chargeline simulate --chargers 200
  chargeline simulate --count 10000 --rate 5000 --quirks all --record stream.jsonl"""


class Summary(NamedTuple):
    """What became of a simulation. `published` counts what the broker has confirmed."""

    counts: Counts
    published: int
    reconnects: int
    inlet: str
    queue: str
    is_interrupted: bool


class _OurClock:
    """The real `pipeline.simulate.Clock`."""

    def now(self) -> int:
        return time.time_ns()

    def monotonic(self) -> int:
        return time.monotonic_ns()

    async def sleep(self, nanoseconds: int) -> None:
        await asyncio.sleep(nanoseconds / NS_PER_S)


class Ending:
    """Whether somebody has asked for the end, and how. `task` is ended by force where it does not end itself."""

    def __init__(self, task: "asyncio.Task[object]") -> None:
        """Nobody has."""
        self._task = task
        self.signal: signal.Signals | None = None

    def ask(self, number: signal.Signals) -> None:
        """Ask for it; a second time, or some seconds later, nothing is waited for."""
        if self.signal is None:
            self.signal = number
            asyncio.get_running_loop().call_later(_GRACE_S, self._task.cancel)
        else:
            self._task.cancel()


@click.command(epilog=_EPILOG)
@click.option("--chargers", type=click.IntRange(1, _MOST_CHARGERS), default=40, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed is the same fleet.")
@click.option("--quirks", type=click.Choice(list(QUIRKS)), default="everyday", show_default=True)
@click.option(
    "--speed",
    type=click.FloatRange(1, _MOST_SPEED),
    help="How many times faster than ours the fleet's time runs.  [default: 1]",
)
@click.option(
    "--rate",
    type=click.FloatRange(0, min_open=True),
    help="Messages a second at most, in place of --speed; the same seed is then the same stream, byte for byte.",
)
@click.option("--count", type=click.IntRange(1), help="End after exactly so many messages.")
@click.option("--duration", type=read_duration, metavar="TIME", help="End after this time, such as 30s or 5min.")
@click.option(
    "--record", type=click.Path(path_type=Path), metavar="FILE", help="Write the stream to a new FILE, for `replay`."
)
@click.option("--plain", is_flag=True, help="No progress line; what is done anyway where there is no terminal.")
@json_option
@with_settings
def command(
    settings: Settings,
    chargers: int,
    seed: int,
    quirks: str,
    speed: float | None,
    rate: float | None,
    count: int | None,
    duration: int | None,
    record: Path | None,
    plain: bool,
    as_json: bool,
) -> None:
    """Be a fleet, at a broker of your own.

    Declares the queue CHARGELINE_AMQP_QUEUE, publishes what a fleet says to it, and answers the commands that come to
    CHARGELINE_AMQP_EXCHANGE. A queue that exists and was not declared by this command is left alone. Ends with
    --count or --duration, or with Ctrl-C or SIGTERM.
    """
    if rate is not None and speed is not None:
        message = "--rate and --speed are two ways to set the pace; leave one of them away."
        raise click.UsageError(message)
    plan = SimulationPlan(chargers, seed, QUIRKS[quirks](), speed or 1.0, rate, count, duration)
    where = _where(settings)
    try:
        with ExitStack() as stack:
            lines = stack.enter_context(record.open("xb")) if record else None
            show = not plain and not as_json and sys.stderr.isatty()
            simulation = Simulation(plan, _OurClock(), lines.write if lines else None)
            summary = asyncio.run(_simulate(simulation, where, show=show))
    except (simulated_queue.ForeignQueueError, amqp_publish.PublishingError) as fault:
        raise click.ClickException(str(fault)) from None
    except OSError as fault:
        message = f"{record}: {fault.strerror}; --record writes a new file, and needs room for it"
        raise click.ClickException(message) from None
    if as_json:
        click.echo(orjson.dumps(summary_entry(summary), option=orjson.OPT_INDENT_2))
    else:
        click.echo("\n".join(summary_lines(summary)))
    if summary.is_interrupted:
        raise click.exceptions.Exit(_INTERRUPTED)


def summary_entry(summary: Summary) -> Mapping[str, object]:
    """A summary as JSON can hold it."""
    counts = summary.counts
    return {
        "published": summary.published,
        "commands": counts.commands,
        "understood": counts.understood,
        "reconnects": summary.reconnects,
        "seconds": round(counts.elapsed / NS_PER_S, 3),
        "fleet_from": format_time(counts.began_at),
        "fleet_to": format_time(counts.fleet_at),
        "exchange": summary.inlet,
        "queue": summary.queue,
    }


def summary_lines(summary: Summary) -> Iterator[str]:
    """A summary in words."""
    counts = summary.counts
    seconds = counts.elapsed / NS_PER_S
    yield f"published  {summary.published}, {_per_second(summary.published, seconds)}, to {summary.queue}"
    if counts.due != summary.published:
        yield f"           {counts.due - summary.published} more were not confirmed when it ended"
    yield f"commands   {counts.commands}, {counts.understood} of them understood"
    yield f"fleet      from {format_time(counts.began_at)} to {format_time(counts.fleet_at)}"
    if summary.reconnects:
        yield f"reconnects {summary.reconnects}; messages without a confirmation were published again"


def progress_line(counts: Counts, published: int) -> str:
    """How far it is, on one line."""
    pace = _per_second(published, counts.elapsed / NS_PER_S)
    return (
        f"{published:,} published, {pace}, {counts.commands:,} commands, fleet at {format_time(counts.fleet_at)[:19]}"
    )


def _per_second(number: int, seconds: float) -> str:
    return f"{number / seconds:,.0f} a second" if seconds else "at once"


def _where(settings: Settings) -> "simulated_queue.SimulatedQueue":
    try:
        address, queue, exchange = broker.read_broker(settings)
        context = amqp_address.tls_context(address, settings.amqp_ca_file)
        return simulated_queue.SimulatedQueue(address, queue, exchange, context)
    except SettingsError as error:
        raise WrongSettingsError(error) from None
    except (UnreadableSecretError, ValueError) as fault:
        raise click.ClickException(str(fault)) from None


async def _simulate(simulation: Simulation, where: "simulated_queue.SimulatedQueue", *, show: bool) -> Summary:
    async with amqp_publish.Publisher(where, simulation.take_command) as publisher:
        drive = asyncio.create_task(simulation.run(publisher.publish, lambda: ending.signal is not None))
        ending = Ending(drive)
        progress = asyncio.create_task(_show_progress(simulation, publisher)) if show else None
        with _ending_by_signal(ending), suppress(asyncio.CancelledError):
            await drive
        if progress:
            progress.cancel()
            click.echo(_CLEAR_LINE, err=True, nl=False)
    is_interrupted = ending.signal is signal.SIGINT
    return Summary(
        simulation.counts, publisher.confirmed, publisher.reconnects, where.inlet, where.queue, is_interrupted
    )


async def _show_progress(simulation: Simulation, publisher: "amqp_publish.Publisher") -> None:
    while True:
        click.echo(f"{_CLEAR_LINE}{progress_line(simulation.counts, publisher.confirmed)}", err=True, nl=False)
        await asyncio.sleep(_SHOW_EVERY_S)


@contextmanager
def _ending_by_signal(ending: Ending) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    for number in _ENDING_SIGNALS:
        loop.add_signal_handler(number, ending.ask, number)
    try:
        yield
    finally:
        for number in _ENDING_SIGNALS:
            loop.remove_signal_handler(number)
