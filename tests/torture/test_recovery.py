"""Who counts as being back: each process by what it tells itself, not by what others do."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.torture.folder import MESSAGES, Message, to_line, wait_for
from tests.torture.recovery import IDLE_S, AtWork, Progress, Said
from tests.torture.shells import Part
from tests.torture.test_tortured import PAGES, SERVER
from tests.torture.tortured import Tortured

LAG = 'chargeline_kafka_lag{partition="0",topic="chargeline.track"} 3.0\n'
PATIENCE_S = 30.0


class Pages:
    """What a process tells of itself, and the process."""

    def __init__(self, folder: Path, *, takes_partitions: bool) -> None:
        self._folder = folder / "pages"
        self._folder.mkdir()
        part = Part("one-0", "one", (), stores=True, takes_partitions=takes_partitions)
        self.process = Tortured(part, folder, SERVER, {PAGES: str(self._folder)}, has_clock=False)

    def tell(self, delivered: int, others: str = "") -> None:
        (self._folder / "metrics").write_text(f"chargeline_delivered_total {delivered}.0\n{others}", "ascii")

    def be_ready(self, *, is_ready: bool = True) -> None:
        page = self._folder / "readyz"
        page.touch() if is_ready else page.unlink()


@contextmanager
def pages(folder: Path, *, takes_partitions: bool = True) -> Iterator[Pages]:
    """One that answers, has made five deliveries durable, and is not ready."""
    told = Pages(folder, takes_partitions=takes_partitions)
    told.tell(5, LAG)
    told.process.start()
    try:
        assert wait_for(lambda: told.process.delivered() is not None, PATIENCE_S)
        yield told
    finally:
        told.process.process.kill()


def test_back_is_who_is_ready_and_works_itself(tmp_path: Path) -> None:
    with pages(tmp_path) as told:
        back = AtWork([told.process])
        told.tell(6, LAG)
        assert not back.look()
        told.be_ready()
        assert back.look()
        assert not AtWork([told.process]).look()


def test_all_must_be_back(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with pages(tmp_path / "a") as one, pages(tmp_path / "b") as other:
        back = AtWork([one.process, other.process])
        one.be_ready()
        other.be_ready()
        one.tell(6, LAG)
        assert not back.look()
        one.be_ready(is_ready=False)
        other.tell(6, LAG)
        assert back.look()


@pytest.mark.parametrize(
    ("takes_partitions", "others", "is_back"), [(True, "", True), (True, LAG, False), (False, "", False)]
)
def test_who_has_no_partition_is_back_once_that_lasts(
    tmp_path: Path, takes_partitions: bool, others: str, is_back: bool
) -> None:
    clock = [0.0]
    with pages(tmp_path, takes_partitions=takes_partitions) as told:
        back = AtWork([told.process], lambda: clock[0])
        told.be_ready()
        told.tell(5, others)
        assert not back.look()
        clock[0] = IDLE_S
        assert back.look() is is_back


def test_who_is_not_ready_meanwhile_waits_anew(tmp_path: Path) -> None:
    clock = [0.0]
    with pages(tmp_path) as told:
        back = AtWork([told.process], lambda: clock[0])
        told.tell(5)
        for at, is_ready in ((0.0, True), (IDLE_S - 1, False), (IDLE_S, True)):
            clock[0] = at
            told.be_ready(is_ready=is_ready)
            assert not back.look()
        clock[0] = 2 * IDLE_S
        assert back.look()


def test_a_new_life_counts_from_nothing(tmp_path: Path) -> None:
    with pages(tmp_path) as told:
        progress = Progress(told.process)
        told.tell(7)
        assert progress.look() == 2
        told.tell(3)
        assert progress.look() == 5


def test_what_was_said_since_a_moment_is_counted_by_its_own_time(tmp_path: Path) -> None:
    journal = tmp_path / MESSAGES
    journal.write_bytes(to_line(Message(1, 50, "k", None, b"{}")))
    said = Said(tmp_path, 100)
    assert said.look() == 0
    with journal.open("ab") as file:
        for number, at in ((2, 99), (3, 101), (4, 102)):
            file.write(to_line(Message(number, at, "k", None, b"{}")))
        file.write(to_line(Message(5, 103, "k", None, b"{}"))[:-5])
    assert (said.look(), said.look()) == (2, 2)
