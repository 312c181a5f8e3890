"""Memory stays flat: 5,000,000 deliveries of 10,000 chargers through decode and rows, in a process of its own."""

import subprocess
import sys

import pytest

PROGRAM = """
import gc, resource, sys
from pipeline.core.decode import Decoder
from pipeline.core.redaction import Personal, Redaction
from pipeline.core.rows import RowMaker
from pipeline.simulator.fleet import Fleet, FleetPlan
from pipeline.simulator.quirks import Quirks
from schemas.catalogue import shipped_catalogue
from schemas.command import CommandSent
from schemas.reject import Reject

def resident():
    with open("/proc/self/statm") as numbers:
        return int(numbers.read().split()[1]) * resource.getpagesize()

fleet = Fleet(FleetPlan(chargers=10_000, keeps_history=False), Quirks.all())
decoder, maker = Decoder(shipped_catalogue(), Redaction(Personal.DROP)), RowMaker(shipped_catalogue())
taken, now, at = 0, fleet.plan.start, []
while taken < 5_000_000:
    now += 10**10
    deliveries = fleet.advance(now)
    for outcome in decoder.decode(deliveries).outcomes:
        if not isinstance(outcome, (CommandSent, Reject)):
            maker.row(outcome)
    taken += len(deliveries)
    if len(at) < taken // 500_000:
        del deliveries
        gc.collect()
        at.append(sys.getallocatedblocks())
        print(f"{taken} deliveries: {at[-1]} blocks of memory, {resident() // 2**20} MiB resident", file=sys.stderr)
print(*at)
"""
GROWTH = 1.05


@pytest.mark.prove
def test_memory_is_flat_over_five_million_deliveries() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    print(done.stderr)
    blocks = [int(count) for count in done.stdout.split()]
    settled = blocks[len(blocks) // 2 - 1]
    assert blocks[-1] <= settled * GROWTH
