"""JSON bombs: each ends as a reject, or as a harmless row, in bounded memory and bounded time."""

import asyncio
import subprocess
import sys

import aiohttp
import pytest

from pipeline.core.body import MAX_BYTES
from tests.pipeline.wires.asking import BEARER, COMMANDS, JSON
from tests.pipeline.wires.memory_desk import MemoryDesk, serving
from tests.security.bombs import BOMBS

MEGABYTES = 512
SECONDS = 20
REFUSED = range(400, 500)
HANGS_S = 60.0


def test_all_of_them_are_taken_within_the_limits() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.security.bombs", str(MEGABYTES), str(SECONDS)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [f"{name}: {outcome}" for name, (_, outcome) in BOMBS.items()]


def test_limits_that_are_too_small_are_seen() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.security.bombs", "60", str(SECONDS)], capture_output=True, check=False
    )
    assert done.returncode != 0


@pytest.mark.parametrize("bomb", [name for name, (body, _) in BOMBS.items() if len(body) <= MAX_BYTES])
def test_sent_as_a_command_each_is_refused_in_words(bomb: str) -> None:
    desk = MemoryDesk()

    async def send() -> tuple[int, bytes]:
        async with (
            serving(desk) as base,
            aiohttp.ClientSession() as session,
            session.post(base + COMMANDS, data=BOMBS[bomb][0], headers=BEARER | JSON) as response,
        ):
            return response.status, await response.read()

    status, words = asyncio.run(asyncio.wait_for(send(), HANGS_S))

    assert status in REFUSED
    assert b"error" in words
    assert desk.published == 0
