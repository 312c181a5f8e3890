"""Recordings of a simulated fleet, and the orders in which they may be replayed."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice
from random import Random

import orjson

from pipeline.replay_lines import to_line
from pipeline.simulator.fleet import Fleet, FleetPlan
from pipeline.simulator.quirks import Quirks
from tests.oracle.times import nanoseconds

STEP_NS = 60 * 10**9


def record(plan: FleetPlan, quirks: Quirks, count: int) -> tuple[list[bytes], Fleet]:
    """The first `count` or a few more lines of a fleet's stream, and the fleet, to ask for its truth."""
    fleet = Fleet(plan, quirks)
    lines: list[bytes] = []
    now = plan.start
    while len(lines) < count:
        now += STEP_NS
        lines += map(to_line, fleet.advance(now))
    return lines, fleet


def shuffle(lines: Sequence[bytes], seed: int) -> list[bytes]:
    """The lines in another order, but for those that share charger, id and stamp: these keep theirs.

    Of two such values the last one delivered may win (`same_stamp` replace), so their order is part of the stream.
    """
    order = list(range(len(lines)))
    Random(seed).shuffle(order)
    places: defaultdict[object, list[int]] = defaultdict(list)
    for place, line in enumerate(order):
        places[_identity(lines[line])].append(place)
    for shared in places.values():
        for place, line in zip(shared, sorted(order[place] for place in shared), strict=True):
            order[place] = line
    return [lines[line] for line in order]


def batches(lines: Sequence[bytes], seed: int) -> Iterator[list[bytes]]:
    """The lines in batches of all sizes from 1 to 9,000."""
    random = Random(seed)
    rest = iter(lines)
    while batch := list(islice(rest, random.choice((1, 7, 100, 999, 9_000)))):
        yield batch


def _identity(line: bytes) -> object:
    """Serial, id and the moment of a line, however it is written; as far as it has them."""
    members = orjson.loads(line)
    key = members["routing_key"].split(".")
    try:
        body = orjson.loads(members["body"].removeprefix("\ufeff"))
        body = body.get("Observation", body)
        return (key[0], key[2], nanoseconds(body["Timestamp"]))
    except (orjson.JSONDecodeError, KeyError, IndexError, AttributeError, TypeError):
        return members["routing_key"]
