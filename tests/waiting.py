"""Waiting in tests for what other tasks, threads and servers do: asked again and again, without a fixed time.

Whoever waits sets the time after which a test counts as hung.
"""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import count

_PAUSE_S = 0.02


async def until(holds: Callable[[], bool]) -> None:
    """Return when this holds."""
    for _ in count():
        if holds():
            return
        await asyncio.sleep(_PAUSE_S)


async def until_asked(holds: Callable[[], Awaitable[bool]]) -> None:
    """Return when this holds, which takes asking somebody."""
    for _ in count():
        if await holds():
            return
        await asyncio.sleep(_PAUSE_S)
