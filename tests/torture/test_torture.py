"""A worker is tortured, and loses nothing; broken on purpose, it is found out.

`make test` tortures it for three minutes, and has one promise broken; `make prove` has each of them broken in turn.
`make torture` is for as long as one likes.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.torture.checker import PATIENCE_S
from tests.torture.conductor import torture
from tests.torture.folder import FOUND
from tests.torture.sabotage import SABOTAGES

pytestmark = pytest.mark.services

MINUTES = 3.0
AT_LEAST = 0.5
SEED = 20_230_608
LEAST = 8
"""So many faults, whatever time that takes: among them one of every sort, by the schedule."""
RATE = "150"
LITTLE = ("--rate", "60", "--commands", "6")
"""What a broken worker is fed: so little that it keeps up on a busy machine, and each fault befalls one that works."""


class Broken(NamedTuple):
    """Which faults bring a broken promise to light, how many, and what the checker must call it."""

    kinds: str
    least: int
    calls_it: Sequence[str]
    patience_s: float = 20.0
    settings: Sequence[str] = ()
    shell: str = "single"


BROKEN = {
    "acknowledge_before_write": Broken("killed_without_store", 4, ["lost"]),
    "no_epochs": Broken("cut_off_without_store", 8, ["command", "lost"]),
    "no_bisecting": Broken("killed", 1, ["extra", "lost"]),
    "same_second_falls_together": Broken("killed", 1, ["extra", "lost"]),
    # Batches of half a second, in one of which some time-out surely falls, and which are begun before the kill.
    "state_before_store": Broken("killed_without_store", 8, ["command"], PATIENCE_S, ["--setting", "BATCH_AGE=500ms"]),
    "watermark_unbounded": Broken("killed", 1, ["command"], PATIENCE_S),
    # What befalls any process comes twice to each of the three roles; only who writes is killed without the store.
    "bridge_acknowledges_before_kafka": Broken("killed_without_kafka", 6, ["lost"], shell="kafka"),
    "track_keeps_before_rows": Broken("killed", 6, ["command"], PATIENCE_S, shell="kafka"),
    "track_hears_one_bridge": Broken("paused_beyond_session", 6, ["command"], PATIENCE_S, shell="kafka"),
    "write_commits_before_write": Broken("killed_without_store", 4, ["lost"], PATIENCE_S, shell="kafka"),
}
QUICK = "acknowledge_before_write"


def test_three_minutes_of_torture(tmp_path: Path) -> None:
    faults, talk = ["--seed", str(SEED), "--least", str(LEAST)], ["--seed", str(SEED), "--rate", RATE]
    ended = torture(tmp_path, MINUTES, faults, talk, PATIENCE_S)
    print(ended.table)
    assert ended.is_good, f"{ended.words}\n{ended.table}"


@pytest.mark.parametrize(
    "name", [pytest.param(each, marks=() if each == QUICK else pytest.mark.prove) for each in SABOTAGES]
)
def test_a_broken_promise_is_found_out(tmp_path: Path, name: str) -> None:
    broken = BROKEN[name]
    program = f"{sys.executable} -m tests.torture.sabotage {name}"
    faults = ["--seed", "1", "--kinds", broken.kinds, "--least", str(broken.least), "--program", program]
    faults += ["--shell", broken.shell, *broken.settings]
    talk = ["--seed", "1", *LITTLE]
    ended = torture(tmp_path, AT_LEAST, faults, talk, broken.patience_s)
    print(f"{name}\n{ended.table}")
    assert ended.table, ended.words
    found = {line.partition(":")[0] for line in (tmp_path / FOUND).read_text("utf-8").splitlines()}
    assert found.intersection(broken.calls_it), f"{ended.words}\n{ended.table}"
