"""Who looks on: fed with batches and alerts, it shows a board until it is cancelled."""

import asyncio
from collections import Counter

import pytest

from pipeline import onlooker
from pipeline.board_state import Board, Snapshot
from pipeline.journey import BatchReport
from pipeline.onlooker import Onlooker
from schemas.alert import Alert, AlertKind
from schemas.catalogue import shipped_catalogue
from tests.pipeline.working import HANGS_S
from tests.waiting import until

NOW = 1_700_000_000 * 10**9
SILENT = Alert("EH1", AlertKind.CHARGER_SILENT, "-", NOW, NOW, active=True, value=1_200.0, message="silent")
REPORT = BatchReport(3, 2, 1, Counter(), Counter(), ())


class Shown:
    """What was shown, and how often it was closed."""

    def __init__(self) -> None:
        self.frames: list[tuple[Snapshot, str]] = []
        self.closed = 0

    def show(self, snapshot: Snapshot, words: str) -> None:
        self.frames.append((snapshot, words))

    def close(self) -> None:
        self.closed += 1


async def test_what_it_is_told_is_shown_with_the_words_of_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onlooker, "_FRAME_S", 0.001)
    shown = Shown()
    looking = Onlooker(Board(shipped_catalogue()), shown.show, shown.close)
    looking.begin([SILENT])
    looking.batch(REPORT)
    looking.alerts([SILENT._replace(serial="EH2")])

    showing = asyncio.create_task(looking.run(lambda: f"consuming {len(shown.frames)}"))
    async with asyncio.timeout(HANGS_S):
        await until(lambda: len(shown.frames) >= 3)
        looking.batch(REPORT)
        await until(lambda: shown.frames[-1][0].totals.delivered == 6)
    showing.cancel()

    first, words = shown.frames[0]
    assert (first.totals.delivered, first.totals.commands) == (3, 1)
    assert [alert.serial for alert in first.alerts] == ["EH2", "EH1"]
    assert first.silent.serials == ["EH1"]
    assert first.now > NOW
    assert first.messages_a_second == 3.0
    assert words == "consuming 0"


def test_closing_is_passed_on() -> None:
    shown = Shown()
    Onlooker(Board(shipped_catalogue()), shown.show, shown.close).close()

    assert shown.closed == 1
