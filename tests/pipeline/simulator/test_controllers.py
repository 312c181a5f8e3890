"""Controllers: the operator's own and others, at their times, and what the operator knows of its own."""

from itertools import pairwise

from pipeline.simulator.fleet import Fleet, FleetPlan
from pipeline.simulator.quirks import Quirk, Quirks
from schemas.command import CommandSent

SECOND = 10**9
HOUR = 3_600 * SECOND


def hours(count: int, chargers: int, ours_an_hour: float = 1.0, **rates: float) -> tuple[Fleet, list[CommandSent]]:
    """A fleet after some hours, and what its operator sent."""
    quirks = Quirks({Quirk(name): rate for name, rate in rates.items()})
    fleet = Fleet(FleetPlan(chargers=chargers, commands_an_hour=ours_an_hour), quirks)
    items = fleet.advance_with_commands(fleet.plan.start + count * HOUR)
    return fleet, [item for item in items if isinstance(item, CommandSent)]


def test_others_send_commands_too() -> None:
    fleet = Fleet(FleetPlan(chargers=5), Quirks({Quirk.FOREIGN_COMMAND: 1.0, Quirk.UNKNOWN_COMMAND: 0.3}))
    deliveries = fleet.advance(fleet.plan.start + 5 * HOUR)
    senders = {sent.is_ours for sent in fleet.truth.commands}
    assert senders == {True, False}
    assert [delivery for delivery in deliveries if delivery.routing_key.endswith(".CR.77")]


def test_the_operator_knows_its_own_commands_by_the_truth_s_refs() -> None:
    fleet, sent = hours(5, 5, foreign_command=1.0, expires=0.5)
    truth = {
        each.ref: (each.serial, each.id, each.published_at, each.expires_at)
        for each in fleet.truth.commands
        if each.is_ours
    }
    assert {each.ref: (each.serial, each.id, each.published_at, each.expires_at) for each in sent} == truth
    assert len(truth) > 10
    assert {len(ref) for ref in truth} == {32}
    lives = {(each.expires_at - each.published_at) // SECOND for each in sent if each.expires_at is not None}
    assert lives <= set(range(5, 60))
    assert len(lives) > 1
    assert all(each.ref == "" for each in fleet.truth.commands if not each.is_ours)


def test_a_command_is_known_before_it_is_answered() -> None:
    fleet = Fleet(FleetPlan(chargers=5, commands_an_hour=4), Quirks.none())
    open_ones: set[tuple[str, str]] = set()
    answered = 0
    for item in fleet.advance_with_commands(fleet.plan.start + 2 * HOUR):
        if isinstance(item, CommandSent):
            open_ones.add((item.serial, str(item.id)))
        elif ".CR." in item.routing_key:
            serial, _, number = item.routing_key.split(".")
            assert (serial, number) in open_ones
            answered += 1
    assert answered > 20


def test_a_controller_repeats_the_same_id_every_thirty_seconds() -> None:
    fleet, sent = hours(1, 1, 0, repeated=1.0)
    assert len({each.id for each in sent}) == 1
    waits = [after.published_at - before.published_at for before, after in pairwise(sent)]
    assert all(30 * SECOND <= wait < 30.2 * SECOND for wait in waits)
    assert len(sent) == 120
    assert all(
        each.answered_at for each in fleet.truth.commands if each.published_at < fleet.plan.start + HOUR - SECOND
    )


def test_a_dead_charger_is_sent_commands_and_answers_none() -> None:
    fleet, sent = hours(24, 3, 0, dead=1.0, repeated_to_dead=1.0)
    assert {each.serial for each in sent} == {"EH000001", "EH000002", "EH000003"}
    assert len(sent) > 3 * 20 * 120
    assert not any(each.answered_at for each in fleet.truth.commands)


def test_a_rival_sends_the_same_id_within_seconds_before_or_after() -> None:
    fleet, _ = hours(24, 3, rival=1.0)
    ours, theirs = ([each for each in fleet.truth.commands if each.is_ours is own] for own in (True, False))
    assert len(ours) == len(theirs) > 20
    nearest = [
        min(
            (other.created_at - own.created_at for other in theirs if (other.serial, other.id) == (own.serial, own.id)),
            key=abs,
        )
        for own in ours
    ]
    assert all(abs(distance) < 6 * SECOND for distance in nearest)
    assert min(nearest) < 0 < max(nearest)
