"""What decode and rows cost, next to the plain way, over the same simulated messages in one interleaved run.

`make bench` prints the table. The plain way is what most consumers do: `orjson.loads`, one `Point` of
influxdb-client with a tag, a field and a time, `to_line_protocol()`. It knows no catalogue, checks nothing, keeps
one field, and loses the 7th digit; Chargeline's side does all of its work. CPU time of this process only.
"""

import argparse
import gc
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from statistics import median
from time import process_time
from typing import Protocol

import orjson
from influxdb_client.client.write import point as untyped

from pipeline.core.decode import Decoder
from pipeline.core.line_protocol import to_line
from pipeline.core.redaction import Personal, Redaction
from pipeline.core.rows import RowMaker
from pipeline.simulator.fleet import Fleet, FleetPlan
from pipeline.simulator.quirks import Quirks
from schemas.catalogue import shipped_catalogue
from schemas.command import CommandSent
from schemas.delivery import Delivery
from schemas.reject import Reject

BATCHES = (500, 5_000)
"""A tenth of a second of a busy stream, and the full batch of a backlog, which no longer fits in a core's cache."""


class PlainPoint(Protocol):
    """What is used of influxdb-client's Point, which has no types."""

    def tag(self, key: str, value: str) -> "PlainPoint": ...
    def field(self, field: str, value: object) -> "PlainPoint": ...
    def time(self, time: datetime) -> "PlainPoint": ...
    def to_line_protocol(self) -> str: ...


Point: Callable[[str], PlainPoint] = untyped.Point
Contender = Callable[[Sequence[Delivery]], int]


def plain_way() -> Contender:
    """One Point a message."""

    def take(deliveries: Sequence[Delivery]) -> int:
        lines = 0
        for delivery in deliveries:
            serial, kind, number = delivery.routing_key.split(".")
            body = orjson.loads(delivery.body)
            point = Point("observation" if kind == "O" else "response").tag("charger", serial).tag("id", number)
            value = body["Value"] if kind == "O" else body["WasAccepted"]
            point.field("value", str(value) if isinstance(value, dict) else value)
            point.time(datetime.fromisoformat(body["Timestamp"])).to_line_protocol()
            lines += 1
        return lines

    return take


def decode_and_rows() -> Contender:
    """Typed records and rows, as every store gets them."""
    decoder = Decoder(shipped_catalogue(), Redaction(Personal.DROP))
    maker = RowMaker(shipped_catalogue())

    def take(deliveries: Sequence[Delivery]) -> int:
        outcomes = decoder.decode(deliveries).outcomes
        return len([maker.row(fact) for fact in outcomes if not isinstance(fact, CommandSent | Reject)])

    return take


def decode_rows_and_lines() -> Contender:
    """The same, and the text that InfluxDB takes."""
    decoder = Decoder(shipped_catalogue(), Redaction(Personal.DROP))
    maker = RowMaker(shipped_catalogue())

    def take(deliveries: Sequence[Delivery]) -> int:
        outcomes = decoder.decode(deliveries).outcomes
        return len([to_line(maker.row(fact)) for fact in outcomes if not isinstance(fact, CommandSent | Reject)])

    return take


CONTENDERS: dict[str, Callable[[], Contender]] = {
    "orjson + Point + to_line_protocol": plain_way,
    "decode + rows": decode_and_rows,
    "decode + rows + line protocol": decode_rows_and_lines,
}


def usual_messages(count: int, seed: int) -> list[Delivery]:
    """A day's ordinary stream of observations and responses, without anything that the plain way would fall over."""
    fleet = Fleet(FleetPlan(seed=seed, chargers=500), Quirks.none())
    messages: list[Delivery] = []
    hour = 3_600 * 10**9
    now = fleet.plan.start
    while len(messages) < count:
        now += hour // 6
        messages += fleet.advance(now)
    return messages[:count]


def as_from_a_reader(batch: Sequence[Delivery]) -> list[Delivery]:
    """The batch in new objects, which lie close together and in the caches, as they do when they were just received."""
    return [
        Delivery(str(key.encode(), "ascii"), dict(headers), bytes(bytearray(body)), received_at)
        for key, headers, body, received_at, _ in batch
    ]


def measure(messages: Sequence[Delivery], size: int, rounds: int) -> dict[str, list[float]]:
    """CPU microseconds a message of each contender, one figure a round; within a round they take turns by batch."""
    figures: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    contenders = {name: make() for name, make in CONTENDERS.items()}
    for _ in range(rounds + 1):
        spent = dict.fromkeys(CONTENDERS, 0.0)
        for start in range(0, len(messages), size):
            batch = messages[start : start + size]
            for name, take in contenders.items():
                fresh = as_from_a_reader(batch)
                began = process_time()
                assert take(fresh) == len(fresh)
                spent[name] += process_time() - began
        for name, seconds in spent.items():
            figures[name].append(seconds / len(messages) * 1e6)
    return {name: values[1:] for name, values in figures.items()}


def main() -> None:
    """Print one line for each contender: median, spread, ratio to the plain way."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    messages = usual_messages(options.messages, options.seed)
    gc.collect()
    gc.freeze()
    sys.stdout.write(f"{len(messages)} messages, {options.rounds} rounds, CPU µs a message\n")
    for size in BATCHES:
        figures = measure(messages, size, options.rounds)
        plain = median(next(iter(figures.values())))
        sys.stdout.write(f"in batches of {size}\n")
        for name, values in figures.items():
            middle = median(values)
            spread = f"{min(values):.2f} to {max(values):.2f}"
            sys.stdout.write(f"  {name:36} {middle:6.2f}   {spread:16} {middle / plain:5.2f} of the plain way\n")


if __name__ == "__main__":
    main()
