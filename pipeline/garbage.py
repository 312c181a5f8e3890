"""Garbage: how seldom Python looks for rings of objects that nobody holds.

Owns the thresholds, for every way on which messages are taken by the thousand. Most objects live for one batch, and
the tracker's for hours; hardly any are in rings, which alone need looking for. Looking seldom saves a tenth of the
worker's CPU time (`make bench`) and a fifth of a long demo's, and memory stays the same. Must not know what is taken.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

GARBAGE = (200_000, 20, 100)
"""Thresholds for `gc.set_threshold`: more objects than a full window and the batches under way are made of."""


@contextmanager
def seldom_looked_for() -> Iterator[None]:
    """While it is open, rings are looked for seldom; afterwards as before."""
    before = gc.get_threshold()
    gc.set_threshold(*GARBAGE)
    try:
        yield
    finally:
        gc.set_threshold(*before)
