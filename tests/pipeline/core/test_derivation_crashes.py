"""The derivation over crashes: a great many time-outs at once are neither lost nor told twice, and no silence is.

What was said too early is taken back, whoever said it.
"""

from random import Random

import pytest

from pipeline.core.decode import Outcome
from schemas.alert import Alert, AlertKind
from schemas.measurement import ALERT, COMMAND, COMMAND_OUTCOME, COMMAND_RESPONSE
from tests.pipeline.core.derivation_samples import Disk, Kept, S, T, answered, seen, sent, told, true_rows


def crowd() -> list[Outcome]:
    """Commands that nobody answers, and responses that are nobody's."""
    return [each for n in range(12) for each in (sent(f"{n}", n, f"EH{n}"), answered(n + 9, serial=f"EH{n}"))]


def test_of_many_that_time_out_at_once_none_is_lost_in_a_crash_between_and_none_is_told_twice() -> None:
    at_once, disk, alerts = Disk(), Disk(), list[str]()
    whole = at_once.load()
    for round_of in ([*crowd(), seen(0, serial="X")], [seen(900, serial="X")]):
        at_once.write(told(whole, *round_of))
    derivation = disk.load()
    derivation.take([*crowd(), seen(0, serial="X")])
    disk.write(derivation.advance().rows)
    disk.keep(derivation.progress())
    derivation.kept()
    derivation.take([seen(900, serial="X")])
    while rows := derivation.advance(most_due=5).rows:
        assert len({row.charger for row in rows if row.measurement == COMMAND}) <= 5
        disk.write(rows)
        disk.keep(derivation.progress())
        alerts += [alert.ref for alert in derivation.kept() if alert.kind is AlertKind.COMMAND_TIMEOUT]
        watermark = derivation.watermark
        derivation = disk.load()
        derivation.queue_was_empty(watermark)
    assert true_rows(disk.rows) == true_rows(at_once.rows)
    assert sorted(alerts) == sorted(f"{n}" for n in range(12))


def test_a_silence_that_an_empty_queue_showed_is_told_once_though_a_crash_follows() -> None:
    disk, told_of = Disk(), list[Alert]()
    derivation = disk.load()
    derivation.take([seen(0)])
    # Who is silent is told of five minutes later, since it may be one of many.
    for at in (1_210, 1_490, 1_506):
        derivation.queue_was_empty(T + at * S)
        derivation.advance()
        disk.keep(derivation.progress())
        told_of += derivation.kept()
    assert [alert.kind for alert in told_of] == [AlertKind.CHARGER_SILENT]
    after = disk.load()
    after.queue_was_empty(T + 1_507 * S)
    after.advance()
    assert after.kept() == []


class Lives:
    """One derivation after the other on a disk: each may end at any moment of a round, and nobody is told how far."""

    def __init__(self, random: Random, *, may_crash: bool) -> None:
        self.disk = Disk()
        self.edges: list[Alert] = []
        self._random = random
        self._may_crash = may_crash
        self._unkept: list[Outcome] = []
        self._derivation = self.disk.load()

    def take(self, outcome: Outcome) -> None:
        self._unkept.append(outcome)
        self._derivation.take([outcome])

    def pass_to(self, at: int) -> None:
        self._derivation.queue_was_empty(at)

    def round(self) -> None:
        derivation = self._derivation
        rows = derivation.advance().rows
        ends_after = self._random.choice((None, None, "nothing", "intents", "rows", "all")) if self._may_crash else None
        if ends_after != "nothing":
            self.disk.intend(derivation.intended())
        if ends_after not in ("nothing", "intents"):
            self.disk.write(rows)
        elif ends_after == "intents":
            self.disk.write(self._random.sample(rows, len(rows) // 2))
        if ends_after in (None, "all"):
            self.disk.keep(derivation.progress())
            self._unkept.clear()
        if ends_after is None:
            self.edges += derivation.kept()
        else:
            self._derivation = self.disk.load()
            self._random.shuffle(self._unkept)
            self._derivation.take(self._unkept)


def commands_and_answers(random: Random) -> list[Outcome]:
    """Commands one shortly after another, answered in time, late, or never; in any order."""
    outcomes: list[Outcome] = []
    for number in range(25):
        at, serial = random.uniform(0, 900), f"EH{random.randrange(3)}"
        outcomes.append(sent(f"{number}", at, serial))
        outcomes += [answered(at + 0.1, serial=serial, after=random.choice((0.4, 90)))] * random.choice((0, 1, 1, 2))
    random.shuffle(outcomes)
    return outcomes


def true_rows_of_commands(rows: Kept) -> Kept:
    measurements = (COMMAND, COMMAND_OUTCOME, COMMAND_RESPONSE, ALERT)
    return {
        key: {name: value for name, value in fields.items() if name in ("state", "ref", "active", "duration_s", "late")}
        for key, fields in true_rows(rows).items()
        if key[0] in measurements and dict(key[2]).get("kind") != AlertKind.CHARGER_SILENT
    }


@pytest.mark.parametrize("seed", range(40))
def test_what_was_said_too_early_is_taken_back_whoever_said_it(seed: int) -> None:
    random = Random(seed)
    outcomes = commands_and_answers(random)
    lives, at_once = (Lives(random, may_crash=may_crash) for may_crash in (True, False))
    for outcome in outcomes:
        at_once.take(outcome)
        lives.take(outcome)
        if random.random() < 0.3:
            lives.pass_to(T + random.randrange(1_000) * S)
        if random.random() < 0.7:
            lives.round()
    for each, rounds in ((at_once, 1), (lives, 20)):
        for _ in range(rounds):
            each.pass_to(T + 2_000 * S)
            each.round()
    assert true_rows_of_commands(lives.disk.rows) == true_rows_of_commands(at_once.disk.rows)
    active: dict[str | None, bool] = {}
    for edge in lives.edges:
        if edge.kind is AlertKind.COMMAND_TIMEOUT:
            assert active.get(edge.ref) is not edge.active
            active[edge.ref] = edge.active


def test_the_end_of_a_time_out_that_was_told_is_told_though_a_crash_comes_between() -> None:
    disk = Disk()
    derivation = disk.load()
    derivation.take([sent("a"), seen(100, serial="X")])
    disk.write(derivation.advance().rows)
    disk.keep(derivation.progress())
    assert [(edge.ref, edge.active) for edge in derivation.kept()] == [("a", True)]
    late = answered(1, after=200)
    derivation.take([late])
    disk.write(derivation.advance().rows)
    disk.intend(derivation.intended())
    after = disk.load()
    assert [alert.ref for alert in after.active()] == ["a"]
    after.take([late])
    disk.write(after.advance().rows)
    disk.keep(after.progress())
    assert [(edge.ref, edge.active) for edge in after.kept()] == [("a", False)]
