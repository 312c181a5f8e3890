"""Attempts at beginning with Kafka: how many failed in a row, and the pause before the next.

Owns the count and the pause. Must not know what is begun.
"""

import asyncio
import random

from pipeline.core.backoff import Backoff


class Attempts:
    """For one event loop."""

    def __init__(self, again: Backoff) -> None:
        """None failed yet."""
        self._again = again
        self._failures = 0
        self._woken = asyncio.Event()

    def failed(self, at_least: int = 1) -> None:
        """One more failed in a row; `at_least` so many, where somebody else counted more."""
        self._failures = max(self._failures + 1, at_least)

    def succeeded(self) -> None:
        """The next one that fails is the first."""
        self._failures = 0

    def wake(self) -> None:
        """Whoever pauses goes on at once, as if none had failed."""
        self._woken.set()

    async def pause(self) -> bool:
        """Wait for as long as the failures so far ask for; whether that was cut short by `wake`."""
        if not self._failures:
            return False
        self._woken.clear()
        try:
            async with asyncio.timeout(self._again.delay_s(self._failures, random.random())):
                await self._woken.wait()
        except TimeoutError:
            return False
        self._failures = 0
        return True
