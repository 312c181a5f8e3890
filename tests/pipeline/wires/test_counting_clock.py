"""The counting clock counts, whatever the wall clock shows."""

import time

from pipeline.wires.counting_clock import counted_ns


def test_it_counts_as_fast_as_the_monotonic_clock() -> None:
    first, began = counted_ns(), time.monotonic_ns()
    time.sleep(0.01)
    last, ended = counted_ns(), time.monotonic_ns()
    assert 10**7 <= last - first <= ended - began + 10**9
