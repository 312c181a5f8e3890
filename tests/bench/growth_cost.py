"""Whether a large fleet costs more for each message than a small one, and what memory it takes.

`make bench` prints the figures. One simulated stream of 500 chargers is taken twice, in turns by batch, through the
whole journey but its ends: decode, rows, what follows, line protocol, gzip, a real state file, fsynced; no broker, no
server. The second time each charger is a hundred: its observations go round among them, a hundred times as fast, so
that 50,000 chargers say the same and each as often as any charger does. With --minutes the large fleet goes on alone,
and memory is shown after each of its minutes.
"""

import argparse
import gc
import re
import sys
import tempfile
import tracemalloc
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from time import process_time

from pipeline.core.decode import Decoder
from pipeline.core.derivation import Derivation
from pipeline.core.line_protocol import to_line
from pipeline.core.redaction import Personal, Redaction
from pipeline.core.rows import RowMaker
from pipeline.core.timestamps import NS_PER_MS, format_time, parse_time
from pipeline.garbage import GARBAGE
from pipeline.journey import Journey
from pipeline.simulator.fleet import Fleet, FleetPlan
from pipeline.simulator.quirks import Quirks
from pipeline.tracking import Tracking
from pipeline.wires.state import StateFile
from pipeline.wires.store import Refusal
from schemas.catalogue import shipped_catalogue
from schemas.delivery import Delivery
from schemas.row import Row
from tests.bench.command_cost import LIMITS, SPANS, S

CHARGERS = 500
TIMES = 100
BATCH = 5_000
MINUTE = 60 * S
START = FleetPlan().start
MIB = 1 << 20
KIB = 1 << 10
GOAL = 1.3
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT[0-9:.]+(?:Z|\+00:00)")


class Compressing:
    """A store that does all the work for a server but the asking."""

    def __init__(self) -> None:
        self.requests = 0
        self.sent_bytes = 0

    def write(self, rows: Sequence[Row]) -> Sequence[Refusal]:
        self.requests += 1
        self.sent_bytes += len(zlib.compress("\n".join(map(to_line, rows)).encode(), 1))
        return ()

    def reload(self) -> None:
        return

    def close(self) -> None:
        return


@contextmanager
def journey_in(folder: Path) -> Iterator[Journey]:
    folder.mkdir()
    catalogue = shipped_catalogue()
    with StateFile.open(folder / "state.sqlite3", LIMITS) as state:
        tracking = Tracking(Derivation(catalogue, SPANS), state)
        decoder = Decoder(catalogue, Redaction(Personal.DROP))
        yield Journey(decoder, RowMaker(catalogue), Compressing(), state, tracking)


def stream(seed: int) -> Iterator[list[Delivery]]:
    """Batches of the small fleet, for ever."""
    fleet = Fleet(FleetPlan(seed=seed, chargers=CHARGERS, keeps_history=False), Quirks.none())
    waiting: list[Delivery] = []
    for minute in count(1):
        waiting += fleet.advance(fleet.plan.start + minute * 60 * S)
        while len(waiting) >= BATCH:
            yield waiting[:BATCH]
            waiting = waiting[BATCH:]


class Crowd:
    """Makes a hundred chargers of each."""

    def __init__(self) -> None:
        self._said: dict[str, int] = {}

    def of(self, deliveries: Sequence[Delivery]) -> list[Delivery]:
        """The same messages, said by so many more and in so much less time."""
        return [self._renamed(delivery) for delivery in deliveries]

    def _renamed(self, delivery: Delivery) -> Delivery:
        serial, kind, number = delivery.routing_key.split(".")
        if kind == "O":
            said = self._said[serial] = self._said.get(serial, 0) + 1
            serial = f"{serial}x{said % TIMES}"
        headers = {
            name: _sooner(value, NS_PER_MS) if isinstance(value, str) else value
            for name, value in delivery.headers.items()
        }
        received_at = None if delivery.received_at is None else _compressed(delivery.received_at)
        body = _sooner(delivery.body.decode(), S).encode()
        return Delivery(f"{serial}.{kind}.{number}", headers, body, received_at, delivery.message_id)


def _sooner(text: str, step: int) -> str:
    """As fine as it is told: devices tell whole seconds, and the cloud milliseconds."""
    return _MOMENT.sub(lambda found: format_time(_compressed(parse_time(found[0]) or START) // step * step), text)


def _compressed(at: int) -> int:
    return START + (at - START) // TIMES


def cost_ratio(batches: Iterator[list[Delivery]], warm: int, rounds: int, folder: Path) -> tuple[float, float]:
    """CPU microseconds a message of the small and of the large fleet, after so many batches to warm up."""
    spent = [0.0, 0.0]
    crowd = Crowd()
    with journey_in(folder / "small") as small, journey_in(folder / "large") as large:
        for number in range(warm + rounds):
            deliveries = next(batches)
            for place, (journey, said) in enumerate(((small, deliveries), (large, crowd.of(deliveries)))):
                began = process_time()
                journey.take(said, said[-1].received_at or 0)
                if number >= warm:
                    spent[place] += process_time() - began
    small_us, large_us = (seconds / rounds / BATCH * 1e6 for seconds in spent)
    return small_us, large_us


def memory_of_a_charger(batches: Iterator[list[Delivery]], rounds: int, folder: Path) -> float:
    """Bytes that the program holds for each charger of the large fleet."""
    crowd, serials = Crowd(), set[str]()
    with journey_in(folder) as journey:
        tracemalloc.start()
        for _ in range(rounds):
            said = crowd.of(next(batches))
            serials.update(delivery.routing_key.partition(".")[0] for delivery in said)
            journey.take(said, said[-1].received_at or 0)
        del said
        gc.collect()
        taken, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return taken / len(serials)


def memory_by_the_minute(batches: Iterator[list[Delivery]], minutes: int, folder: Path) -> Iterator[tuple[int, int]]:
    """Messages so far and bytes of this process, after each minute of the fleet's time."""
    crowd, messages, minute = Crowd(), 0, 0
    with journey_in(folder) as journey:
        while minute < minutes:
            said = crowd.of(next(batches))
            at = said[-1].received_at or 0
            journey.take(said, at)
            messages += len(said)
            passed = (at - START) // MINUTE
            if passed > minute:
                minute = passed
                yield messages, resident_bytes()


def resident_bytes() -> int:
    """Memory of this process now."""
    pages = int(Path("/proc/self/statm").read_text("utf-8").split()[1])
    return pages * 4 * KIB


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--warm", type=int, default=100, help=f"batches of {BATCH} to begin with")
    parser.add_argument("--rounds", type=int, default=100, help="batches that count")
    parser.add_argument("--minutes", type=int, default=0, help="of the fleet's time, to see whether memory grows")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    gc.set_threshold(*GARBAGE)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        small, large = cost_ratio(stream(options.seed), options.warm, options.rounds, folder)
        sys.stdout.write(
            f"journey without broker and server, CPU µs a message: {small:.2f} with {CHARGERS} chargers, "
            f"{large:.2f} with {CHARGERS * TIMES:,}: {large / small:.2f} times (goal: {GOAL} at most)\n"
        )
        memory = memory_of_a_charger(stream(options.seed), options.rounds, folder / "memory")
        sys.stdout.write(f"memory: {memory:,.0f} bytes a charger\n")
        taken_after = memory_by_the_minute(stream(options.seed), options.minutes, folder / "minutes")
        for minute, (messages, taken) in enumerate(taken_after, 1):
            sys.stdout.write(f"after {minute:4} min, {messages:10,} messages: {taken / MIB:6.0f} MiB\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
