"""Attempts in a row: the pause grows with what failed, and is cut short by whoever wakes them."""

import asyncio

import pytest

from pipeline.core.backoff import Backoff
from pipeline.scale.attempts import Attempts
from tests.heard_backoff import HeardBackoff

LONG = Backoff(3_600.0, 3_600.0)


async def test_the_first_one_is_made_at_once() -> None:
    attempts = Attempts(LONG)
    assert not await attempts.pause()
    attempts.failed()
    attempts.succeeded()
    assert not await attempts.pause()


async def test_a_pause_is_cut_short_and_what_failed_is_forgotten() -> None:
    attempts = Attempts(LONG)
    attempts.failed()
    pausing = asyncio.create_task(attempts.pause())
    await asyncio.sleep(0)
    assert not pausing.done()
    attempts.wake()
    assert await pausing
    assert not await attempts.pause()


async def test_waking_nobody_shortens_no_later_pause() -> None:
    attempts = Attempts(LONG)
    attempts.wake()
    attempts.failed()
    pausing = asyncio.create_task(attempts.pause())
    for _ in range(3):
        await asyncio.sleep(0)
    assert not pausing.done()
    pausing.cancel()


@pytest.mark.parametrize(("at_least", "failures"), [(1, 3), (7, 7)])
async def test_what_failed_counts_and_so_does_what_another_counted(at_least: int, failures: int) -> None:
    heard = HeardBackoff.begun()
    attempts = Attempts(heard)
    attempts.failed()
    attempts.failed()
    attempts.failed(at_least)
    assert not await attempts.pause()
    assert heard.asked == [failures]
