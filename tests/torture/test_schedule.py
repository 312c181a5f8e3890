"""Which faults come, and that each of them can be inflicted."""

from itertools import islice
from pathlib import Path

import pytest

from tests.torture.faults import Said
from tests.torture.folder import MESSAGES, Message, to_line
from tests.torture.inflict import FAULTS
from tests.torture.plan import CLOCK_STEPS, KINDS, WAYS, draw
from tests.torture.shells import SHELLS, shell_of


def test_the_same_seed_is_the_same_schedule() -> None:
    first, again, other = (list(islice(draw(seed), 100)) for seed in (7, 7, 8))
    assert first == again
    assert first != other


def test_each_kind_comes_before_any_comes_again() -> None:
    size = sum(len(WAYS) if kind.is_on_a_way else 1 for kind in KINDS.values())
    drawn = list(islice(draw(1), 2 * size))
    for half in (drawn[:size], drawn[size:]):
        assert len({each.name for each in half}) == size
        assert {each.kind for each in half} == set(KINDS)
    for each in drawn:
        least, most = KINDS[each.kind].lasts
        assert least <= each.lasts_s <= most
        assert bool(each.way) is KINDS[each.kind].is_on_a_way


def test_each_kind_can_be_inflicted() -> None:
    assert FAULTS.keys() == KINDS.keys()
    assert KINDS.keys() >= CLOCK_STEPS


def test_a_shell_that_is_not_there_is_named_with_those_that_are() -> None:
    assert [part.name for part in shell_of("single").parts] == ["worker"]
    assert [part.name for part in shell_of("kafka").parts if part.stores] == ["write-0", "write-1"]
    for shell in ("kafka", "fish"):
        if shell not in SHELLS:
            with pytest.raises(ValueError, match=rf"'{shell}'.*single"):
                shell_of(shell)


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
