"""Which faults come, and that each of them can be inflicted."""

from itertools import islice

import pytest

from tests.torture.inflict import FAULTS
from tests.torture.plan import CLOCK_STEPS, KINDS, ONE_OF_EACH, SINGLE, Befalls, Drawn, Targets, cards, draw
from tests.torture.shells import SHELLS, shell_of
from tests.torture.test_torture import LEAST, SEED

SEEDS = (*range(200), SEED)
OF_PROCESSES = ("killed", "paused", "ended", "killed_without_kafka", "paused_beyond_session")


def first(count: int, seed: int, shell: str, targets: Targets, without: str = "") -> list[Drawn]:
    """The first faults of a run on a shell; `without` a kind that a machine may not allow."""
    kinds = [kind for kind in KINDS if kind not in SHELLS[shell].spares and kind != without]
    return list(islice(draw(seed, kinds, targets), count))


def test_the_same_seed_is_the_same_schedule() -> None:
    first, again, other = (list(islice(draw(seed), 100)) for seed in (7, 7, 8))
    assert first == again
    assert first != other


def test_each_card_comes_before_any_comes_again() -> None:
    deck = cards()
    assert {card.kind for card in deck} == set(KINDS)
    drawn = list(islice(draw(1), 2 * len(deck)))
    for half in (drawn[: len(deck)], drawn[len(deck) :]):
        assert sorted(each.card for each in half) == sorted(deck)
    for each in drawn:
        least, most = KINDS[each.card.kind].lasts
        assert least <= each.lasts_s <= most
        assert each.card.on in SINGLE.get(KINDS[each.card.kind].befalls, ("",))


@pytest.mark.parametrize("without", ["", "disk_full"])
def test_a_short_run_has_a_fault_of_every_sort(without: str) -> None:
    for seed in SEEDS:
        kinds = {each.card.kind for each in first(LEAST, seed, "single", SINGLE, without)}
        assert kinds >= {"killed", "paused", "ended", "token_replaced"}
        assert kinds & {"broker_restarted", "broker_stopped", "broker_killed"}
        assert kinds & {"store_stopped", "store_killed", "store_paused"}
        assert kinds & {"killed_without_store", "cut_off_without_store"}
        assert kinds & {kind for kind in KINDS if KINDS[kind].befalls is Befalls.WAY}


def test_each_role_is_killed_paused_and_ended_early() -> None:
    shell = SHELLS["kafka"]
    roles, writers = shell.roles(), shell.roles(that_store=True)
    targets = {Befalls.WAY: ("broker", "store", "kafka"), Befalls.PROCESS: roles, Befalls.WRITER: writers}
    wanted = {f"{kind}:{role}" for kind in OF_PROCESSES for role in ("bridge", "track", "write")}
    for seed in SEEDS:
        early = first(21, seed, "kafka", targets)
        assert wanted <= {each.card.name for each in early}
        assert all(any(each.card.kind in kinds for each in early) for kinds in ONE_OF_EACH)
        assert all(each.is_on_a_process for each in early if each.card.name in wanted)
        assert all(each.lasts_s >= 15 for each in early if each.card.kind == "paused_beyond_session")


def test_each_kind_can_be_inflicted() -> None:
    assert FAULTS.keys() == KINDS.keys()
    assert KINDS.keys() >= CLOCK_STEPS


def test_a_shell_that_is_not_there_is_named_with_those_that_are() -> None:
    assert [part.name for part in shell_of("single").parts] == ["worker"]
    assert [part.name for part in shell_of("kafka").parts if part.stores] == ["write-0", "write-1"]
    assert shell_of("kafka").roles() == ("bridge", "track", "write")
    assert shell_of("kafka").roles(that_store=True) == ("write",)
    for shell in ("kafka", "fish"):
        if shell not in SHELLS:
            with pytest.raises(ValueError, match=rf"'{shell}'.*single"):
                shell_of(shell)
