"""Memory stays flat: 5,000,000 deliveries of 10,000 chargers through decode and rows.

The fleet is simulated in one process and read in another, so that what is measured is the reading alone.
"""

import subprocess
import sys

import pytest

FLEET = """
import sys
from pipeline.replay_lines import to_line
from pipeline.simulator.fleet import Fleet, FleetPlan
from pipeline.simulator.quirks import Quirks

fleet = Fleet(FleetPlan(chargers=10_000, keeps_history=False), Quirks.all())
sent, now = 0, fleet.plan.start
while sent < 5_000_000:
    now += 10**10
    deliveries = fleet.advance(now)
    sys.stdout.buffer.writelines(to_line(delivery) + b"\\n" for delivery in deliveries)
    sent += len(deliveries)
"""
READER = """
import gc, resource, sys
from itertools import islice
from pipeline.core.decode import Decoder
from pipeline.core.redaction import Personal, Redaction
from pipeline.core.rows import RowMaker
from pipeline.replay_lines import from_line
from schemas.catalogue import shipped_catalogue
from schemas.command import CommandSent
from schemas.reject import Reject

def resident():
    with open("/proc/self/statm") as numbers:
        return int(numbers.read().split()[1]) * resource.getpagesize()

decoder, maker = Decoder(shipped_catalogue(), Redaction(Personal.DROP)), RowMaker(shipped_catalogue())
taken = told = 0
while batch := [from_line(line) for line in islice(sys.stdin.buffer, 5_000)]:
    for outcome in decoder.decode(batch).outcomes:
        if not isinstance(outcome, (CommandSent, Reject)):
            maker.row(outcome)
    taken += len(batch)
    if taken // 500_000 > told:
        told = taken // 500_000
        del batch, outcome
        gc.collect()
        print(taken, sys.getallocatedblocks(), resident(), flush=True)
"""
GROWTH = 1.05


@pytest.mark.prove
def test_memory_is_flat_over_five_million_deliveries() -> None:
    with subprocess.Popen([sys.executable, "-c", FLEET], stdout=subprocess.PIPE) as fleet:
        done = subprocess.run(
            [sys.executable, "-c", READER], stdin=fleet.stdout, capture_output=True, text=True, check=True
        )
    figures = [[int(figure) for figure in line.split()] for line in done.stdout.splitlines()]
    for taken, blocks, resident in figures:
        print(f"{taken} deliveries: {blocks} blocks of memory in use, {resident / 2**20:.1f} MiB resident")
    assert figures[-1][0] >= 5_000_000
    middle, last = figures[len(figures) // 2 - 1], figures[-1]
    assert last[1] <= middle[1] * GROWTH
    assert last[2] <= middle[2] * GROWTH
