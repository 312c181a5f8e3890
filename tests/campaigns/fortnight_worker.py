"""A worker that takes a recorded stream from a queue that is a file; it may be killed at any moment, and started again.

Owns what is acknowledged: after each batch, once it is durable, a count of lines in a file. Everything behind the way
of a batch is the program's own, as `chargeline run` has it: state that is kept, and restored at the start.

    python -m tests.campaigns.fortnight_worker LINES FOLDER
"""

import sys
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from pipeline.assembly import Memory, open_journey
from pipeline.journey import Journey
from pipeline.replay_lines import from_line
from pipeline.settings import Settings, load_settings
from schemas.delivery import Delivery

BATCH = 2_000
ACKNOWLEDGED = "acknowledged"


def take_all(lines: Path, settings: Settings, memory: Memory) -> None:
    """Everything that is not acknowledged yet, until nothing follows from it any more."""
    acknowledged = settings.data_dir / ACKNOWLEDGED
    count = int(acknowledged.read_text()) if acknowledged.exists() else 0
    with open_journey(settings, now=time.time_ns(), memory=memory) as journey, lines.open("rb") as file:
        for deliveries in _batches(islice(file, count, None)):
            journey.take(deliveries, time.time_ns())
            count += len(deliveries)
            _replace(acknowledged, str(count))
        _settle(journey)


def _settle(journey: Journey) -> None:
    while journey.has_news(time.time_ns()):
        journey.take([], time.time_ns())


def _batches(lines: Iterator[bytes]) -> Iterator[Sequence[Delivery]]:
    while batch := [from_line(line) for line in islice(lines, BATCH)]:
        yield batch


def _replace(path: Path, text: str) -> None:
    new = path.with_suffix(".new")
    new.write_text(text)
    new.replace(path)


if __name__ == "__main__":
    take_all(Path(sys.argv[1]), load_settings({"CHARGELINE_DATA_DIR": sys.argv[2]}), Memory.KEPT)
