"""Forgetting: closed commands first, unanswered ones when they are given up, and nothing that still matters."""

from pipeline.core.charger_memory import ChargerMemory
from pipeline.core.command_lives import SEEN_BEFORE_NS, Lives
from pipeline.core.command_thread import Sending
from pipeline.core.forgetting import CLOSED_NS, EVERY_NS, PAST_NS, Forgotten, forget, given_up_at
from pipeline.core.pairing import EARLIEST_NS, LATEST_NS
from pipeline.core.sightings import Sighting
from schemas.catalogue import shipped_catalogue
from schemas.command import Argument, CommandResponse, CommandSent

S = 10**9
START = 1_700_000_000 * S
TIMEOUT = 60 * S
KEPT = 6 * 3_600 * S
LIVES = Lives(shipped_catalogue(), TIMEOUT, KEPT)
REDELIVERED_AFTER = 30 * 60 * S


def sending(seconds: int, ref: str = "a", command_id: int = 48) -> Sending:
    command = CommandSent("EH1", command_id, (Argument(1, "13"),), None, START + seconds * S, ref, None)
    return Sending(command, 0, True)


def response(seconds: int, arrived_after: int = 1, command_id: int = 48) -> CommandResponse:
    at = START + seconds * S
    return CommandResponse("EH1", command_id, True, None, at, None, at + arrived_after * S, None, None, None)


def memory_of(*facts: Sending | CommandResponse | Sighting) -> ChargerMemory:
    memory = ChargerMemory(60 * 10**9)
    for fact in facts:
        match fact:
            case Sending(command):
                memory.thread(command.id).add_sending(fact)
            case CommandResponse():
                memory.thread(fact.id).add_response(fact)
            case Sighting():
                memory.sightings.add(fact)
    return memory


def forget_at(memory: ChargerMemory, moment: int) -> Forgotten:
    return forget(memory, moment, LIVES, KEPT)


def test_the_horizons_leave_room() -> None:
    assert PAST_NS > REDELIVERED_AFTER
    assert CLOSED_NS - PAST_NS > LATEST_NS - EARLIEST_NS
    assert EVERY_NS < PAST_NS


def test_a_closed_command_is_forgotten_some_time_after_its_answer_came() -> None:
    memory = memory_of(sending(0), response(0, 100), sending(200, "newer"))
    answered_at = START + 100 * S
    assert forget_at(memory, answered_at + CLOSED_NS) == ([], [], [], [])
    assert forget_at(memory, answered_at + CLOSED_NS + 1) == ([sending(0)], [response(0, 100)], [], [])
    assert list(memory.threads[48].sendings()) == [sending(200, "newer")]


def test_the_newest_is_remembered_since_another_may_supersede_it() -> None:
    memory = memory_of(sending(0), response(0))
    assert forget_at(memory, START + KEPT + CLOSED_NS).sendings == []
    assert forget_at(memory, START + KEPT + CLOSED_NS + 1).sendings == [sending(0)]
    assert memory.is_empty


def test_an_arrival_from_the_future_keeps_nothing_for_ever() -> None:
    memory = memory_of(sending(0), response(0, 10**9))
    assert len(forget_at(memory, START + KEPT + CLOSED_NS + 1).sendings) == 1


def test_one_that_nobody_answered_is_remembered_until_it_is_given_up_and_as_long_again() -> None:
    memory = memory_of(sending(0), sending(1, "b"), response(0))
    given_up = START + S + TIMEOUT + KEPT
    assert given_up_at(sending(1).command, START + S + TIMEOUT, KEPT) == given_up
    assert forget_at(memory, given_up + CLOSED_NS).sendings == []
    assert len(forget_at(memory, given_up + CLOSED_NS + 1).sendings) == 2


def test_one_that_expired_at_once_is_not_given_up_before_its_answer_would_be_too_late() -> None:
    assert given_up_at(sending(0).command, START - S, KEPT) == START + LATEST_NS + KEPT


def test_a_response_of_nobody_is_forgotten_as_a_closed_command_is() -> None:
    memory = memory_of(response(0), response(9))
    assert forget_at(memory, START + 2 * S + CLOSED_NS).responses == [response(0)]
    assert forget_at(memory, START + 11 * S + CLOSED_NS).responses == [response(9)]


def test_what_superseded_a_command_is_noted_of_it_when_it_is_forgotten() -> None:
    memory = memory_of(sending(0), sending(100, "b"), response(100), sending(200, "c"), response(200))
    memory.thread(48).add_sending(sending(250, "d"))
    gone = forget_at(memory, START + 300 * S + CLOSED_NS)
    noted = sending(0)._replace(superseded_at=START + 100 * S)
    assert (gone.noted, list(memory.threads[48].sendings())) == ([noted], [noted, sending(250, "d")])
    assert [each.command.ref for each in gone.sendings] == ["b", "c"]


def test_of_sightings_the_last_value_stays_and_all_that_a_command_may_need() -> None:
    seen = [Sighting(START + seconds * S, None, 48, float(seconds)) for seconds in (-50, -36, -34, 5)]
    alone = memory_of(*seen)
    assert forget_at(alone, START + 6 * S + CLOSED_NS).sightings == seen[:3]
    memory = memory_of(*seen, sending(-30))
    assert START - 36 * S < START - 30 * S - SEEN_BEFORE_NS < START - 34 * S
    assert forget_at(memory, START + KEPT).sightings == seen[:1]
