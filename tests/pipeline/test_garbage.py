"""Garbage is looked for seldom for a while, and then as before."""

import gc
from contextlib import suppress

from pipeline.garbage import GARBAGE, seldom_looked_for


def test_it_is_looked_for_seldom_until_it_ends_however_it_ends() -> None:
    before = gc.get_threshold()
    with suppress(OSError), seldom_looked_for():
        assert gc.get_threshold() == GARBAGE != before
        raise OSError
    assert gc.get_threshold() == before
