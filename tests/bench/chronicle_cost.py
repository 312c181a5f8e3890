"""What hours, snapshots and sessions add to the cost of a message.

`make bench` prints the figures. One simulated stream is taken twice, in turns by batch, through the journey of
`growth_cost`: once its derivation has a chronicle that does nothing. So both have all else to do. What part of the
whole way that is, from the broker to InfluxDB, shows `run_cost`: it has a contender without the chronicle.
"""

import argparse
import gc
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import process_time
from unittest.mock import patch

from pipeline.garbage import GARBAGE
from pipeline.journey import Journey
from schemas.delivery import Delivery
from tests.bench.growth_cost import BATCH, journey_in, stream
from tests.bench.no_chronicle import NoChronicle


@contextmanager
def journeys_in(folder: Path) -> Iterator[tuple[Journey, Journey]]:
    """One without the chronicle, and one with it."""
    with ExitStack() as journeys:
        with patch("pipeline.core.derivation.Chronicle", NoChronicle):
            without = journeys.enter_context(journey_in(folder / "without"))
        yield without, journeys.enter_context(journey_in(folder / "with"))


def costs(batches: Iterator[list[Delivery]], warm: int, rounds: int, folder: Path) -> tuple[float, float]:
    """CPU microseconds a message without and with the chronicle, after so many batches to warm up."""
    spent = [0.0, 0.0]
    with journeys_in(folder) as both:
        for number in range(warm + rounds):
            deliveries = next(batches)
            # In turns, each of them first: who comes second finds the messages in the processor's cache.
            for place in (number % 2, 1 - number % 2):
                began = process_time()
                both[place].take(deliveries, deliveries[-1].received_at or 0)
                if number >= warm:
                    spent[place] += process_time() - began
    without_us, with_us = (seconds / rounds / BATCH * 1e6 for seconds in spent)
    return without_us, with_us


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--warm", type=int, default=40, help=f"batches of {BATCH} to begin with")
    parser.add_argument("--rounds", type=int, default=200, help="batches that count")
    options = parser.parse_args()
    gc.set_threshold(*GARBAGE)
    with tempfile.TemporaryDirectory() as name:
        without, both = costs(stream(1), options.warm, options.rounds, Path(name))
    sys.stdout.write(
        f"journey without broker and server, CPU µs a message: {without:.2f} without hours, snapshots and sessions, "
        f"{both:.2f} with them: {both - without:.2f} more\n"
    )


if __name__ == "__main__":
    main()
