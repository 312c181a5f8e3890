"""What following commands costs: for each open one, and for each message on the main path.

`make bench` prints the tables. The first is about 100,000 commands that nobody has answered yet; what is kept of them
is kept in a real state file, fsynced, so those figures are of the wall clock. The second takes the same simulated
messages through decode and rows alone, and through all that follows as well, in turns; CPU time of this process only.
The commands of the operator's own, which the third way knows, come beside the messages and are not counted as such.
"""

import argparse
import gc
import sys
import tempfile
import tracemalloc
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

from pipeline.core.decode import Decoder
from pipeline.core.derivation import Derivation, Spans
from pipeline.core.redaction import Personal, Redaction
from pipeline.core.rows import RowMaker
from pipeline.garbage import GARBAGE
from pipeline.simulator.fleet import Fleet, FleetPlan
from pipeline.simulator.quirks import Quirks
from pipeline.tracking import Tracking
from pipeline.wires.state import RejectLimits, StateFile, WhenFull
from schemas.catalogue import shipped_catalogue
from schemas.command import Argument, CommandSent
from schemas.delivery import Delivery
from schemas.observation import Observation, Product
from schemas.reject import Reject
from tests.bench.core_cost import BATCHES, as_from_a_reader

S = 10**9
MS = 10**6
START = 1_750_000_000 * S
SPANS = Spans(timeout=60 * S, silent_after=1_200 * S, late_data=6 * 3_600 * S)
LIMITS = RejectLimits(10**12, 10**18, WhenFull.STOP)
A_CHARGER = 5
"""Open commands of one charger, ten seconds apart: all of them are sent within COMMAND_TIMEOUT."""
APART_NS = 10 * S
CHANGES = (10, 100, 1_000, 5_000)
IDLE = 1_000
BATCH = 5_000

Take = Callable[[Sequence[Delivery], Sequence[CommandSent]], None]


def commands(count: int, first: int = 0) -> Iterator[CommandSent]:
    """So many commands, of `A_CHARGER` to each charger; those from another `first` on are others, to other chargers."""
    arguments = (Argument(1, "16"), Argument(2, "5"))
    for number in range(first, first + count):
        published_at = START + number % A_CHARGER * APART_NS
        ref = f"{number:032x}"
        yield CommandSent(f"EH{number // A_CHARGER:06d}", 48, arguments, None, published_at, ref, published_at)


def heard(at: int) -> Observation:
    """A message that moves the watermark, and nothing else."""
    return Observation("EH999999", Product.CHARGER, 120, "TotalPower", 7.4, 0, at, at, at)


def follow(derivation: Derivation, outcomes: Iterable[CommandSent | Observation]) -> None:
    """One round."""
    derivation.take(outcomes)
    derivation.advance()
    derivation.progress()
    derivation.kept()


def in_batches(outcomes: Iterator[CommandSent], size: int) -> Iterator[list[CommandSent]]:
    """As they come."""
    batch: list[CommandSent] = []
    for outcome in outcomes:
        batch.append(outcome)
        if len(batch) == size:
            yield batch
            batch = []
    yield batch


def memory_of(count: int) -> float:
    """Bytes that an open command takes."""
    tracemalloc.start()
    derivation = Derivation(shipped_catalogue(), SPANS)
    for batch in in_batches(commands(count), BATCH):
        follow(derivation, batch)
    batch = []
    taken = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return taken / count


@contextmanager
def tracking_in(folder: Path) -> Iterator[Tracking]:
    """What a worker has, with its state file."""
    with StateFile.open(folder / "state.sqlite3", LIMITS) as state:
        yield Tracking(Derivation(shipped_catalogue(), SPANS), state)


def open_figures(count: int, rounds: int) -> Iterator[str]:
    """A line for each figure about so many open commands."""
    yield f"memory                                    {memory_of(count):10,.0f} bytes an open command"
    derivation = Derivation(shipped_catalogue(), SPANS)
    batches = list(in_batches(commands(count), BATCH))
    began = process_time()
    for batch in batches:
        follow(derivation, batch)
    yield f"to take one in, its row made              {(process_time() - began) / count * 1e6:10.1f} µs CPU"
    del batches
    idle = []
    for number in range(IDLE):
        derivation.take([heard(START + 50 * S + number * MS)])
        idle.append(timed(derivation.advance))
        derivation.kept()
    yield f"advance, when nothing is due              {median(idle) * 1e3:10.3f} ms, {max(idle) * 1e3:.3f} at most"
    derivation.take([heard(START + 200 * S)])
    yield f"advance, when all of them time out        {timed(derivation.advance) * 1e3:10,.0f} ms"
    with tempfile.TemporaryDirectory() as folder:
        with tracking_in(Path(folder)) as tracking:
            first = 0
            for batch in in_batches(commands(count), BATCH):
                tracking.begin(batch, START)
                tracking.keep((), START)
            first = count
            for changes in CHANGES:
                kept = []
                for _ in range(rounds):
                    tracking.begin(list(commands(changes, first)), START)
                    kept.append(timed(lambda: tracking.keep((), START)))
                    first += changes
                yield f"to keep {changes:5} changes of a batch            {in_ms(kept)}"
        with tracking_in(Path(folder)) as tracking:
            seconds = timed(tracking.restore)
        yield f"to restore {first:6,} of them                 {seconds * 1e3:10,.0f} ms"


def in_ms(seconds: Sequence[float]) -> str:
    """Median and extremes."""
    return f"{median(seconds) * 1e3:10.2f} ms ({min(seconds) * 1e3:.2f} to {max(seconds) * 1e3:.2f})"


def timed(act: Callable[[], object]) -> float:
    """Seconds by the wall clock."""
    began = perf_counter()
    act()
    return perf_counter() - began


def make_ways() -> Mapping[str, Callable[[], Take]]:
    """The ways that are compared: each makes a fresh start for a round, with a decoder that is warm."""
    catalogue = shipped_catalogue()
    maker = RowMaker(catalogue)

    def alone(decoder: Decoder) -> Callable[[], Take]:
        def take(deliveries: Sequence[Delivery], _: Sequence[CommandSent]) -> None:
            outcomes = decoder.decode(deliveries).outcomes
            [maker.row(fact) for fact in outcomes if not isinstance(fact, CommandSent | Reject)]

        return lambda: take

    def followed(decoder: Decoder, *, are_known: bool) -> Callable[[], Take]:
        def begin() -> Take:
            derivation = Derivation(catalogue, SPANS)

            def take(deliveries: Sequence[Delivery], sent: Sequence[CommandSent]) -> None:
                outcomes = decoder.decode(deliveries).outcomes
                [maker.row(fact) for fact in outcomes if not isinstance(fact, CommandSent | Reject)]
                if are_known:
                    derivation.take_copies(sent)
                derivation.take(outcomes)
                derivation.advance()
                derivation.progress()
                derivation.kept()

            return take

        return begin

    def decoder() -> Decoder:
        return Decoder(catalogue, Redaction(Personal.DROP))

    return {
        "decode + rows": alone(decoder()),
        "and all that follows": followed(decoder(), are_known=False),
        "and our own commands": followed(decoder(), are_known=True),
    }


def usual_stream(count: int, seed: int) -> list[Delivery | CommandSent]:
    """So many messages of a usual stream, each command of the operator's own where it was sent."""
    fleet = Fleet(FleetPlan(seed=seed, chargers=500), Quirks.none())
    stream: list[Delivery | CommandSent] = []
    now, messages = fleet.plan.start, 0
    while messages < count:
        now += 60 * S
        news = fleet.advance_with_commands(now)
        messages += sum(isinstance(item, Delivery) for item in news)
        stream += news
    return stream


def path_figures(stream: Sequence[Delivery | CommandSent], size: int, rounds: int) -> dict[str, list[float]]:
    """CPU microseconds a message of each way, one figure a round; within a round they take turns by batch."""
    ways = make_ways()
    figures: dict[str, list[float]] = {name: [] for name in ways}
    messages = sum(isinstance(item, Delivery) for item in stream)
    for _ in range(rounds + 1):
        spent = dict.fromkeys(ways, 0.0)
        takes = {name: begin() for name, begin in ways.items()}
        for start in range(0, len(stream), size):
            batch = stream[start : start + size]
            sent = [item for item in batch if isinstance(item, CommandSent)]
            deliveries = [item for item in batch if isinstance(item, Delivery)]
            for name, take in takes.items():
                fresh = as_from_a_reader(deliveries)
                began = process_time()
                take(fresh, sent)
                spent[name] += process_time() - began
        for name, seconds in spent.items():
            figures[name].append(seconds / messages * 1e6)
    return {name: values[1:] for name, values in figures.items()}


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--messages", type=int, default=200_000)
    parser.add_argument("--open", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    gc.set_threshold(*GARBAGE)
    sys.stdout.write(f"{options.open:,} open commands, {A_CHARGER} to a charger\n")
    for line in open_figures(options.open, options.rounds):
        sys.stdout.write(f"  {line}\n")
        sys.stdout.flush()
    stream = usual_stream(options.messages, options.seed)
    ours = sum(isinstance(item, CommandSent) for item in stream)
    gc.collect()
    gc.freeze()
    sys.stdout.write(f"{len(stream) - ours:,} messages, {ours:,} commands, {options.rounds} rounds, CPU µs a message\n")
    for size in BATCHES:
        figures = path_figures(stream, size, options.rounds)
        alone = median(next(iter(figures.values())))
        sys.stdout.write(f"in batches of {size}\n")
        for name, values in figures.items():
            spread = f"{min(values):.2f} to {max(values):.2f}"
            ratio = f"{median(values) / alone:5.2f} of decode + rows"
            sys.stdout.write(f"  {name:28} {median(values):6.2f}   {spread:16} {ratio}\n")


if __name__ == "__main__":
    main()
