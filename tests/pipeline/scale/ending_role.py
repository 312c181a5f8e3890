"""A role for tests of a process's end: it works until it is told to stop, and then ends, or never does.

Run as a module: `python -m tests.pipeline.scale.ending_role orderly|endless`. It prints what it is told.
"""

import asyncio
import os
import sys

from pipeline.log import set_up_logging
from pipeline.meters import Meters
from pipeline.scale.role_service import serve_role
from pipeline.settings import load_settings


class EndingRole:
    """See Role."""

    def __init__(self, meters: Meters, *, ends: bool) -> None:
        self._meters = meters
        self._ends = ends
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        _say("run")
        await self._stopping.wait()

    async def stop(self) -> None:
        _say("stop")
        if self._ends:
            self._stopping.set()

    def reload(self) -> None:
        _say("reload")


def _say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    settings = load_settings(os.environ)
    set_up_logging(settings.log_level, settings.log_format)
    ended_by = serve_role(settings, os.environ, lambda meters: EndingRole(meters, ends=sys.argv[1] == "orderly"))
    _say(f"ended by {ended_by}")
