"""Bridges that are lost while nothing can be proved: however many, little is remembered, and nothing is passed over."""

from random import Random

import pytest

from pipeline.core import bridges as bridges_module
from pipeline.core.bridges import Bridges
from tests.pipeline.core.test_bridges import S, T, Teller, run


def test_while_nothing_is_proved_what_is_remembered_is_bounded() -> None:
    bridges = Bridges()
    first, one = Teller(bridges, "first"), Teller(bridges, "one")
    first.consumers = one.consumers = 2
    run([first, one], T, 20, 50)
    # Nobody says how many consume, and bridges come and go.
    one.consumers = None
    for number in range(300):
        lost, ended = Teller(bridges, "lost", number), Teller(bridges, "ended", number)
        lost.consumers = ended.consumers = None
        at = T + 20 + 10 * number
        run([one, lost, ended], at, 2, 100)
        ended.tick(at + 2, 100, is_last=True)
        assert len(bridges.ticks) < 100
        assert len(bridges.to_bytes()) < 20_000
    one.consumers = 1
    # What they held may be anywhere until it is through.
    assert run([one], T + 3_020, 30, 200) == 50
    kept = Bridges.from_bytes(bridges.to_bytes())
    for remembered in (bridges, kept):
        after = Teller(remembered, "one")
        after.continue_from(one)
        after.settled_at = T + 5_000
        assert run([after], T + 3_050, 40, 300) == 300
        assert len(remembered.ticks) == 1


def test_many_that_are_remembered_as_one_hold_what_the_least_of_them_does() -> None:
    bridges = Bridges()
    for number in range(100):
        lost = Teller(bridges, "lost", number)
        lost.consumers = None
        run([lost], T + number, 1, 50 if number == 30 else 60)
    one = Teller(bridges, "one")
    assert run([one], T + 1_000, 30, 200) == 50
    assert len(bridges.ticks) == 2


class World:
    """A queue of which bridges come and go, second by second; whoever is killed held a message of its last moment.

    The broker misses one that was killed after a while, and then gives what it held to another, which takes its time.
    """

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.bridges = Bridges()
        self.at = T
        self.lives: list[Teller] = []
        self.born = 0
        self.marks: dict[Teller, int] = {}
        self.strangers = 0
        self.counted_until: list[int] = []
        self.held: list[tuple[int, int]] = []
        self.settled_at = T

    def pass_second(self) -> None:
        self.at += 1
        self.counted_until = [until for until in self.counted_until if until > self.at]
        self.held = [(mark, until) for mark, until in self.held if until > self.at]
        if not self.held:
            self.settled_at = self.at - 1
        for life in self.lives:
            self.marks[life] = max(self.marks[life], self.at - self.random.randint(1, 5))
            life.consumers = len(self.lives) + len(self.counted_until) + self.strangers
            life.settled_at = self.settled_at
            life.tick(self.at, self.marks[life])
        assert (self.bridges.watermark or 0) <= min((mark for mark, _ in self.held), default=self.at)

    def begin(self) -> None:
        self.born += 1
        life = Teller(self.bridges, f"b{self.born % 3}", self.born)
        self.lives.append(life)
        self.marks[life] = self.at

    def end(self) -> None:
        life = self.lives.pop(self.random.randrange(len(self.lives)))
        if self.random.random() < 0.5:
            life.tick(self.at, self.at, is_last=True)
            return
        missed_at = self.at + self.random.randint(0, 10)
        self.counted_until.append(missed_at)
        self.held.append((self.marks[life], missed_at + self.random.randint(1, 15)))

    def happen(self) -> None:
        """What may happen in a second."""
        chance = self.random.random()
        if chance < 0.1 and len(self.lives) < 3:
            self.begin()
        elif chance < 0.15 and len(self.lives) > 1:
            self.end()
        elif chance < 0.16:
            self.strangers = self.random.randint(0, 1)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("most", [0, 3, 64])
def test_however_many_are_remembered_as_one_nothing_passes_that_somebody_holds(
    seed: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bridges_module, "_MOST_LIVES", most)
    monkeypatch.setattr(bridges_module, "_SILENT_NS", 5 * S)
    world = World(seed)
    world.begin()
    for _ in range(1_500):
        world.pass_second()
        world.happen()
    moved = world.bridges.watermark
    assert moved is not None
    world.strangers = 0
    for _ in range(120):
        world.pass_second()
    assert world.bridges.watermark is not None
    assert world.bridges.watermark > max(moved, world.at - 20)
